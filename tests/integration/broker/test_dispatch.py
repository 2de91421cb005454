"""From the broker's door to subscribers behind the gateway's socket: a real nats-server, killed in the middle."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import httptools
import msgspec

from faas.engine.broker.dispatch import make_dispatcher
from faas.engine.broker.server import running_broker
from faas.engine.contract.eventing import (
    Capacity,
    Delivery,
    EventingStatus,
    EventingTable,
    Replay,
    ReplayDead,
    ReplayDone,
    TriggerConfig,
    TriggerStatus,
)
from faas.engine.contract.settings import EngineSettings
from tests.broker_world import BROKER, PATIENCE_S, Engine, broker_settings, run
from tests.nats_world import Nats

DONE = b"HTTP/1.1 204 No Content\r\n\r\n"
FAILED = b"HTTP/1.1 500 Internal Server Error\r\ncontent-length: 4\r\n\r\nboom"
REFUSED = b"HTTP/1.1 422 Unprocessable Content\r\ncontent-length: 0\r\n\r\n"


@dataclass
class Call:
    """One delivery, as a function sees it."""

    host: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def number(self) -> int:
        return int(self.headers["ce-id"])


class Connection(asyncio.Protocol):
    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._parser = httptools.HttpRequestParser(self)
        self.on_message_begin()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: Any = transport
        self._gateway.open.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._gateway.open.discard(self)
        self._gateway.news.set()

    def close(self) -> None:
        self._transport.close()

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_message_begin(self) -> None:
        self._url = self._body = b""
        self._headers: dict[str, str] = {}

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers[name.decode()] = value.decode()

    def on_body(self, data: bytes) -> None:
        self._body += data

    def on_message_complete(self) -> None:
        call = Call(self._headers["host"].partition(".")[0], self._url.decode(), self._headers, self._body)
        self._gateway.calls.append(call)
        self._gateway.news.set()
        answer = self._gateway.handle(call)
        if answer:
            self._transport.write(answer)
        else:
            self._transport.abort()


@dataclass
class Gateway:
    """Stands for the gateway and all functions behind it; `handle` answers, b"" cuts the connection."""

    handle: Callable[[Call], bytes] = field(default=lambda call: DONE)
    calls: list[Call] = field(default_factory=list)
    open: set[Connection] = field(default_factory=set)
    news: asyncio.Event = field(default_factory=asyncio.Event)

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while not condition():
                self.news.clear()
                await self.news.wait()

    def numbers(self, host: str = "f") -> list[int]:
        return [call.number for call in self.calls if call.host == host]


@dataclass
class World:
    settings: EngineSettings
    gateway: Gateway
    engine: Engine
    latest: dict[str, TriggerStatus] = field(default_factory=dict)  # of each trigger

    def apply(self, *triggers: TriggerConfig, existing: tuple[str, ...] = ()) -> None:
        self.engine.send(EventingTable(1, (BROKER,), triggers, existing))
        for each in triggers:
            if each.target:
                self.engine.send(Capacity(each.target, 10))

    async def status(self, wanted: Callable[[TriggerStatus], bool], key: str = "default/f") -> TriggerStatus:
        """The trigger's status, once it is as wanted."""

        def look(message: object) -> bool:
            if isinstance(message, EventingStatus):
                self.latest.update((each.trigger, each) for each in message.triggers)
            return key in self.latest and wanted(self.latest[key])

        if not look(None):
            await self.engine.hear(look)
        return self.latest[key]

    async def begin(self, *triggers: TriggerConfig) -> None:
        """Triggers whose place in the log is known."""
        self.apply(*triggers)
        for each in triggers:
            await self.status(lambda status: True, each.key)

    async def publish(self, *numbers: int, key: str = "", type: str = "made", data: bytes = b"{}") -> None:
        """Through the door, one after another; each is stored when this returns."""
        reader, writer = await asyncio.open_unix_connection(self.settings.broker_socket)
        for number in numbers:
            subject = f"ce-subject: {key or number % 7}\r\n"
            writer.write(
                b"POST /default/orders HTTP/1.1\r\nhost: b\r\nce-specversion: 1.0\r\nce-id: %d\r\nce-source: /t\r\n"
                b"ce-type: %b\r\n%bcontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b"
                % (number, type.encode(), subject.encode(), len(data), data)
            )
            async with asyncio.timeout(PATIENCE_S):
                head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 202"), head
        writer.close()


def trigger(name: str = "f", **changes: Any) -> TriggerConfig:
    values: dict[str, Any] = {
        "key": f"default/{name}", "uid": f"uid-{name}", "broker": BROKER.key, "target": f"default/{name}",
        "subscriber_uri": f"http://{name}.default.svc.cluster.local/_faas/events/{name}",
        "filters": ({"exact": {"type": "made"}},), **changes,
    }  # fmt: skip
    return TriggerConfig(**values)


@contextlib.asynccontextmanager
async def gateway_of(settings: EngineSettings) -> AsyncIterator[Gateway]:
    gateway = Gateway()
    loop = asyncio.get_running_loop()
    server = await loop.create_unix_server(lambda: Connection(gateway), str(settings.internal_socket))
    try:
        yield gateway
    finally:
        server.close()
        for connection in gateway.open:
            connection.close()
        await gateway.until(lambda: not gateway.open)


@contextlib.asynccontextmanager
async def engine_at(settings: EngineSettings) -> AsyncIterator[Engine]:
    reader, writer = await asyncio.open_unix_connection(settings.broker_control_socket, limit=1 << 24)
    try:
        yield Engine(reader, writer)
    finally:
        writer.close()


def lives(nats: Nats, *scenarios: Callable[[World], Awaitable[None]]) -> None:
    """Run each scenario in a broker of its own, one after another, over the same state."""
    with broker_settings(nats) as settings:

        async def live(scenario: Callable[[World], Awaitable[None]]) -> None:
            async with (
                gateway_of(settings) as gateway,
                running_broker(settings, make_dispatcher),
                engine_at(settings) as engine,
            ):
                await scenario(World(settings, gateway, engine))
            settings.internal_socket.unlink(missing_ok=True)

        for scenario in scenarios:
            run(live(scenario))


def test_an_event_that_was_accepted_arrives_with_all_it_had(nats: Nats) -> None:
    async def scenario(world: World) -> None:
        await world.begin(trigger())
        await world.publish(1, key="order 7", data=b'{"n": 1}')
        await world.gateway.until(lambda: bool(world.gateway.calls))
        (call,) = world.gateway.calls
        assert (call.host, call.path, call.body) == ("f", "/_faas/events/f", b'{"n": 1}')
        assert call.headers["ce-subject"] == "order%207"
        assert call.headers["content-type"] == "application/json"
        assert call.headers["prefer"] == "reply"
        assert "ce-knativearrivaltime" in call.headers
        assert "ce-knativebrokerttl" not in call.headers
        done = await world.status(lambda status: status.delivered == 1)
        assert (done.backlog, done.behind) == (0, 0)

    lives(nats, scenario)


def test_a_restart_goes_on_where_the_last_life_was(nats: Nats) -> None:
    async def first(world: World) -> None:
        await world.begin(trigger())
        await world.publish(*range(20))
        await world.status(lambda status: status.delivered == 20)

    async def second(world: World) -> None:
        await world.publish(20)  # before the engine is back: the process knows its last table
        await world.gateway.until(lambda: bool(world.gateway.calls))
        assert world.gateway.numbers() == [20]

    lives(nats, first, second)


def test_a_reply_is_an_event_of_the_broker(nats: Nats) -> None:
    def handle(call: Call) -> bytes:
        if call.host != "f":
            return DONE
        return (
            b"HTTP/1.1 200 OK\r\nce-specversion: 1.0\r\nce-id: 2\r\nce-source: /f\r\nce-type: answered\r\n"
            b"content-type: application/json\r\ncontent-length: 2\r\n\r\n{}"
        )

    async def scenario(world: World) -> None:
        world.gateway.handle = handle
        await world.begin(trigger(), trigger("next", filters=({"exact": {"type": "answered"}},)))
        await world.publish(1)
        await world.gateway.until(lambda: world.gateway.numbers("next") == [2])

    lives(nats, scenario)


def test_what_fails_for_good_is_a_dead_letter_and_can_be_delivered_later(nats: Nats) -> None:
    async def scenario(world: World) -> None:
        world.gateway.handle = lambda call: REFUSED if call.number % 2 else DONE
        await world.begin(trigger())
        await world.publish(*range(6))
        await world.status(lambda status: (status.delivered, status.dead) == (3, 3))
        world.gateway.handle = lambda call: REFUSED if call.number == 5 else DONE
        world.gateway.calls.clear()
        world.engine.send(ReplayDead(7, BROKER.key, "", (1, 2, 3, 99)))
        done = await world.engine.hear(lambda said: isinstance(said, ReplayDone))
        assert (done.id, done.delivered, done.failed) == (7, 2, 2)
        assert [(each.sequence, each.id, each.trigger, each.code) for each in done.failures] == [
            (3, "5", "default/f", 422),
            (99, "", "", 0),
        ]
        assert done.failures[1].reason == "it is not there any more"
        assert sorted(world.gateway.numbers()) == [1, 3, 5]
        assert all("ce-knativeerrordest" not in call.headers for call in world.gateway.calls)
        world.engine.send(ReplayDead(8, BROKER.key, "", (1, 2, 3)))
        done = await world.engine.hear(lambda said: isinstance(said, ReplayDone))
        assert (done.delivered, done.failed) == (0, 3)  # two are gone, and one fails as it did

    lives(nats, scenario)


def test_a_gateway_that_starts_anew_costs_no_attempt(nats: Nats) -> None:
    async def scenario(world: World) -> None:
        world.gateway.handle = lambda call: DONE if world.gateway.numbers().count(call.number) > 1 else b""
        await world.begin(trigger(delivery=Delivery(retry=0)))
        await world.publish(*range(30))
        done = await world.status(lambda status: status.delivered == 30)
        assert (done.failed, done.dead) == (0, 0)

    lives(nats, scenario)


def test_a_span_of_the_log_is_delivered_once_more_in_order(nats: Nats) -> None:
    async def scenario(world: World) -> None:
        await world.begin(trigger(ordered_by="subject"))
        await world.publish(*range(30), key="same")
        await world.publish(99, type="other")
        await world.status(lambda status: status.delivered == 30)
        world.gateway.calls.clear()
        world.engine.send(Replay(3, "default/f", 0.0, 4e9))
        done = await world.engine.hear(lambda said: isinstance(said, ReplayDone))
        assert done == ReplayDone(3, delivered=30)
        assert world.gateway.numbers() == list(range(30))
        world.engine.send(Replay(4, "default/nobody", 0.0, 4e9))
        done = await world.engine.hear(lambda said: isinstance(said, ReplayDone))
        assert "default/nobody" in done.error

    lives(nats, scenario)


def test_nothing_is_lost_and_keys_keep_their_order_while_nats_is_killed(nats: Nats) -> None:
    """Some attempts fail, some break; the server dies in the middle, three times."""

    def handle(call: Call) -> bytes:
        tries[call.number] = tries.get(call.number, 0) + 1
        if call.host == "f" and tries[call.number] == 1:
            if call.number % 13 == 0:
                return FAILED
            if call.number % 29 == 0:
                return b""
        return DONE

    tries: dict[int, int] = {}
    count = 600

    async def scenario(world: World) -> None:
        world.gateway.handle = handle
        delivery = Delivery(retry=5, backoff_delay_s=0.02)
        await world.begin(
            trigger(ordered_by="subject", delivery=delivery), trigger("other", filters=(), delivery=delivery)
        )
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(_publish_through(world, count))
            for part in (1, 2, 3):
                await world.gateway.until(lambda part=part: len(set(world.gateway.numbers())) > part * count // 5)  # type: ignore[misc]
                await asyncio.to_thread(nats.restart)
        for name in ("f", "other"):
            await world.gateway.until(lambda name=name: set(world.gateway.numbers(name)) == set(range(count)))  # type: ignore[misc]
        await world.status(lambda status: status.backlog == 0 and status.in_flight == 0)
        for key in range(7):
            numbers = [number for number in world.gateway.numbers() if number % 7 == key]
            assert numbers == sorted(numbers)

    lives(nats, scenario)


async def _publish_through(world: World, count: int) -> None:
    """Each number until it is accepted; keys are numbers modulo 7, and one sender keeps their order."""
    for number in range(count):
        while True:
            try:
                await world.publish(number)
            except (AssertionError, OSError, asyncio.IncompleteReadError):
                await asyncio.sleep(0.05)  # refused while the server is away
            else:
                break


def test_nothing_is_lost_when_the_broker_itself_is_killed(nats: Nats) -> None:
    count = 300

    async def scenario(settings: EngineSettings, start: Callable[[], subprocess.Popen[bytes]]) -> None:
        async with gateway_of(settings) as gateway:
            process = start()
            async with engine_at(settings) as engine:
                world = World(settings, gateway, engine)
                await world.begin(trigger(ordered_by="subject"))
                await world.publish(*range(count))
                await gateway.until(lambda: len(gateway.calls) > count // 3)
                process.kill()
                await asyncio.to_thread(process.wait, PATIENCE_S)
            killed_at = len(gateway.calls)
            start()
            await gateway.until(lambda: set(gateway.numbers()) == set(range(count)))
            for key in range(7):
                for life in (gateway.numbers()[:killed_at], gateway.numbers()[killed_at:]):
                    numbers = [number for number in life if number % 7 == key]
                    assert numbers == sorted(numbers)

    with broker_settings(nats) as settings:
        path = settings.runtime_dir / "settings.json"
        path.write_bytes(msgspec.json.encode(settings, enc_hook=str))
        started: list[subprocess.Popen[bytes]] = []

        def start() -> subprocess.Popen[bytes]:
            fds = (settings.listeners.broker, settings.listeners.broker_control)
            started.append(
                subprocess.Popen([sys.executable, "-P", "-m", "faas.engine.broker", "--settings", path], pass_fds=fds)
            )
            return started[-1]

        try:
            run(scenario(settings, start))
        finally:
            for process in started:
                process.kill()
                process.wait(PATIENCE_S)
