"""The broker's process in this one: real sockets, a real nats-server, and a dispatcher that only remembers."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import uvloop

from faas.engine.broker.ingress import Limits
from faas.engine.broker.keeping.brokers import Brokers
from faas.engine.broker.seams.dispatching import Hold, OpenBroker
from faas.engine.broker.seams.publishing import Publish
from faas.engine.broker.server import running_broker
from faas.engine.contract.eventing import (
    BrokerConfig,
    EventingTable,
    FromBroker,
    Replay,
    ReplayDead,
    ReplayDone,
    TriggerStatus,
)
from faas.engine.contract.settings import EngineSettings, Listeners, NatsSettings
from tests.nats_world import Nats

PATIENCE_S = 20.0
BROKER = BrokerConfig("default/orders", "uid-1")
_decode = msgspec.json.Decoder(FromBroker).decode


@dataclass
class RecordingDispatcher:
    """A Dispatcher that delivers nothing. `held` is what it answers to `hold`."""

    publish: Publish
    tables: list[EventingTable] = field(default_factory=list)
    open: dict[str, OpenBroker] = field(default_factory=dict)
    capacities: dict[str, int] = field(default_factory=dict)
    woken: int = 0
    held: Hold | None = None
    triggers: tuple[TriggerStatus, ...] = ()
    ended: bool = False
    news: asyncio.Event = field(default_factory=asyncio.Event)
    noticed: Callable[[], None] = lambda: None

    async def run(self) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            self.ended = True

    def apply(self, table: EventingTable) -> None:
        self.tables.append(table)
        self.news.set()

    def opened(self, broker: OpenBroker) -> None:
        self.open[broker.config.key] = broker
        self.news.set()

    def closed(self, key: str) -> None:
        self.open.pop(key, None)
        self.news.set()

    def capacity(self, target: str, requests: int) -> None:
        self.capacities[target] = requests
        self.news.set()

    def wake(self, broker: str) -> None:
        self.woken += 1

    def hold(self, broker: str) -> Hold | None:
        return self.held

    async def replay(self, request: Replay) -> ReplayDone:
        return ReplayDone(request.id, delivered=3)

    async def replay_dead(self, request: ReplayDead) -> ReplayDone:
        return ReplayDone(request.id, delivered=len(request.sequences))

    def status(self) -> tuple[TriggerStatus, ...]:
        return self.triggers

    def metrics(self) -> str:
        return "# of deliveries\n"

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while not condition():
                self.news.clear()
                await self.news.wait()


@dataclass
class BrokerWorld:
    brokers: Brokers
    dispatcher: RecordingDispatcher
    ingress: Path
    control: Path

    async def opened(self, config: BrokerConfig = BROKER) -> OpenBroker:
        """This Broker, when its log can be read."""
        self.brokers.apply(EventingTable(1, brokers=(config,)))
        await self.dispatcher.until(lambda: config.key in self.dispatcher.open)
        return self.dispatcher.open[config.key]

    async def ask(self, *requests: bytes) -> bytes:
        """Send bytes on one connection, read until the broker closes it."""
        reader, writer = await asyncio.open_unix_connection(self.ingress)
        writer.writelines(requests)
        try:
            async with asyncio.timeout(PATIENCE_S):
                return await reader.read(-1)
        finally:
            writer.close()


@dataclass
class Engine:
    """The engine's end of the control socket, by hand."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    def send(self, message: msgspec.Struct) -> None:
        self.writer.write(msgspec.json.encode(message) + b"\n")

    async def hear(self, wanted: Callable[[Any], bool]) -> Any:
        async with asyncio.timeout(PATIENCE_S):
            while True:
                message = _decode(await self.reader.readuntil(b"\n"))
                if wanted(message):
                    return message


@contextlib.asynccontextmanager
async def engine_of(world: BrokerWorld) -> AsyncIterator[Engine]:
    reader, writer = await asyncio.open_unix_connection(world.control, limit=1 << 24)
    try:
        yield Engine(reader, writer)
    finally:
        writer.close()


@contextlib.contextmanager
def broker_settings(nats: Nats) -> Iterator[EngineSettings]:
    """With listening sockets, as the supervisor hands them down. The state is the folder around `nats.folder`."""
    with tempfile.TemporaryDirectory(prefix="fb") as folder, contextlib.ExitStack() as sockets:
        runtime = Path(folder)

        def listening(name: str) -> int:
            sock = sockets.enter_context(socket.socket(socket.AF_UNIX))
            sock.bind(str(runtime / name))
            sock.listen(512)
            return sock.fileno()

        listeners = Listeners(-1, -1, -1, -1, listening("broker.sock"), listening("brokerctl.sock"))
        yield EngineSettings(
            state_dir=nats.folder.parent, runtime_dir=runtime, listeners=listeners, nats=NatsSettings(port=nats.port)
        )


@contextlib.asynccontextmanager
async def running_world(settings: EngineSettings, limits: Limits | None = None) -> AsyncIterator[BrokerWorld]:
    made: list[RecordingDispatcher] = []

    def make_dispatcher(settings: EngineSettings, publish: Publish) -> RecordingDispatcher:
        made.append(RecordingDispatcher(publish))
        return made[0]

    async with running_broker(settings, make_dispatcher, limits) as brokers:
        yield BrokerWorld(brokers, made[0], settings.broker_socket, settings.broker_control_socket)


def run(work: Any) -> None:
    """On the loop that the broker's process has."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(work)


def event(number: int = 1, data: bytes = b'{"n":1}', *, extra: bytes = b"", path: bytes = b"/default/orders") -> bytes:
    """A request with one event in binary mode."""
    return (
        b"POST %b HTTP/1.1\r\nhost: b\r\nce-specversion: 1.0\r\nce-id: %d\r\nce-source: /shop\r\n"
        b"ce-type: com.acme.order\r\ncontent-type: application/json\r\n%bcontent-length: %d\r\n\r\n%b"
        % (path, number, extra, len(data), data)
    )
