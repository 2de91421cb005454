"""Looking into eventing over a real nats-server; the broker's process is a stand-in that fills the streams."""

from __future__ import annotations

import asyncio
import contextlib
import http.server
import json
import socketserver
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from faas.engine.broker.delivery.attempts import Failure
from faas.engine.broker.delivery.dead import dead_attributes
from faas.engine.broker.inspect import inspector, streams
from faas.engine.broker.inspect.inspector import Inspector
from faas.engine.broker.jetstream import NatsServer, running_logs
from faas.engine.broker.link import BrokerGone, BrokerLink
from faas.engine.broker.seams.log import DeadLetters, EventLog, StoredEvent
from faas.engine.contract.board import Board
from faas.engine.contract.eventing import BrokerConfig, BrokerStatus, ReplayDone, SeenType, TriggerConfig
from faas.engine.contract.inspecting import (
    EventingUnavailable,
    EventNotTaken,
    EventQuery,
    LetterQuery,
    NotDeliverable,
    Unknown,
)
from faas.engine.contract.settings import EngineSettings, Listeners, NatsSettings
from tests.broker_world import PATIENCE_S, run
from tests.nats_world import Nats

BROKER = BrokerConfig("default/orders", "uid-1")
TRIGGER = TriggerConfig("default/t", "t1", BROKER.key, "http://x/", filters=({"exact": {"type": "order"}},))


class Link(BrokerLink):
    """Answers replays by itself."""

    asked: list[Any]
    gone = False

    async def replay(self, trigger: str, *, since_s: float, until_s: float) -> ReplayDone:
        if self.gone:
            raise BrokerGone("the broker went away while it was asked")
        self.asked.append((trigger, since_s, until_s))
        return ReplayDone(1, delivered=4, failed=1)

    async def replay_dead(self, broker: str, stream: str, sequences: tuple[int, ...]) -> ReplayDone:
        self.asked.append((broker, stream, sequences))
        return ReplayDone(1, delivered=len(sequences))


@dataclass
class World:
    board: Board
    link: Link
    inspector: Inspector
    log: EventLog
    dead_letters: DeadLetters
    settings: EngineSettings
    numbers: Iterator[int] = field(default_factory=lambda: iter(range(1, 10_000)))

    async def store(self, *types: str) -> None:
        for type in types:
            attributes = {"specversion": "1.0", "id": str(next(self.numbers)), "source": "/shop", "type": type}
            await self.log.append(attributes, b'{\n"a": 1}')

    async def bury(self, stream: str, *ids: str, trigger: str = "default/t") -> None:
        for id in ids:
            attributes = {"specversion": "1.0", "id": id, "source": "/shop", "type": "order"}
            dead = dead_attributes(attributes, "http://x/", Failure(500, "500", b"no"))
            await self.dead_letters.append(stream, trigger, StoredEvent(1, 1.0, dead, b"1"))

    async def ids(self, **query: Any) -> list[str]:
        lines = [line async for line in parsed(self.inspector.events(BROKER.key, EventQuery(**query)))]
        return [line["event"]["id"] for line in lines[1:]]

    async def letters(self, query: LetterQuery, limit: int = 100) -> tuple[int, list[str]]:
        lines = [line async for line in parsed(self.inspector.dead_letters(BROKER.key, query, limit))]
        return lines[0]["total"], [line["event"]["id"] for line in lines[1:]]


async def parsed(lines: AsyncIterator[bytes]) -> AsyncIterator[Any]:
    async for piece in lines:
        for line in piece.splitlines():
            yield json.loads(line)


@contextlib.asynccontextmanager
async def make_world(nats: Nats) -> AsyncIterator[World]:
    settings = EngineSettings(
        nats.folder.parent, nats.folder.parent, Listeners(-1, -1, -1, -1), nats=NatsSettings(port=nats.port)
    )
    board = Board()
    board.brokers.put(BROKER.key, BROKER)
    board.broker_status.put(BROKER.key, BrokerStatus(BROKER.key, ready=True))
    board.triggers.put(TRIGGER.key, TRIGGER)
    link = Link(board, settings, lambda: None)
    link.asked = []
    async with (
        asyncio.timeout(PATIENCE_S),
        running_logs(lambda: NatsServer(nats.url)) as logs,
        Inspector(board, settings, link) as inspector,
    ):
        await logs.connection.connected()
        log, dead_letters, _ = await logs.open(BROKER)
        yield World(board, link, inspector, log, dead_letters, settings)


def in_world(nats: Nats, work: Callable[[World], Awaitable[None]]) -> None:
    async def main() -> None:
        async with make_world(nats) as world:
            await work(world)

    run(main())


def test_stored_events_are_read_by_time_position_number_and_what_is_wanted(nats: Nats) -> None:
    async def work(world: World) -> None:
        await world.store("order", "other", "order")
        between = time.time()
        await world.store("order")
        assert await world.ids(since_s=0.0) == ["1", "2", "3", "4"]
        assert await world.ids() == []
        assert await world.ids(since_s=between) == ["4"]
        assert await world.ids(since_s=0.0, until_s=between) == ["1", "2", "3"]
        assert await world.ids(after=2) == ["3", "4"]
        assert await world.ids(since_s=0.0, limit=2) == ["1", "2"]
        assert await world.ids(since_s=0.0, wanted=lambda event: event["type"] == "other") == ["2"]
        await world.log.trim(3)
        assert await world.ids(since_s=0.0) == ["3", "4"]

    in_world(nats, work)


def test_who_follows_gets_what_is_stored_also_after_the_server_was_killed(nats: Nats) -> None:
    async def work(world: World) -> None:
        lines = parsed(world.inspector.events(BROKER.key, EventQuery(follow=True)))
        assert await anext(lines) == {"position": 0}
        await world.store("order")
        assert (await anext(lines))["event"]["id"] == "1"
        waiting = asyncio.ensure_future(anext(lines))
        await asyncio.to_thread(nats.restart)
        while not waiting.done():
            with contextlib.suppress(Exception):
                await world.store("order")
            await asyncio.wait({waiting}, timeout=0.1)
        assert int(waiting.result()["event"]["id"]) >= 2

    in_world(nats, work)


def test_following_a_broker_that_is_deleted_ends(nats: Nats) -> None:
    async def work(world: World) -> None:
        lines = parsed(world.inspector.events(BROKER.key, EventQuery(follow=True)))
        await anext(lines)
        world.board.brokers.delete(BROKER.key)
        with pytest.raises(Unknown, match="there is no broker default/orders"):
            await anext(lines)

    in_world(nats, work)


def test_types_are_those_that_are_stored_and_those_that_were_seen(nats: Nats) -> None:
    async def work(world: World) -> None:
        await world.store("order", "order", "weird > *")
        for listener in world.link.seen_types:
            listener((SeenType(BROKER.key, "order", "/shop", "", 2), SeenType("default/other", "x", "/y", "", 1)))
        types = await world.inspector.types(BROKER.key)
        assert [(row["type"], row["stored"], row["received"], row["wantedBy"]) for row in types] == [
            ("order", 2, 2, ["t"]),
            ("weird > *", 1, 0, []),
        ]

    in_world(nats, work)


def test_a_replay_says_how_it_ended_and_a_dry_run_how_many_there_would_be(nats: Nats) -> None:
    async def work(world: World) -> None:
        await world.store("order", "other", "order")
        replay = world.inspector.replay
        (counted,) = [
            line async for line in parsed(replay(TRIGGER.key, since_s=0.0, until_s=time.time(), dry_run=True))
        ]
        assert counted["matching"] == 2
        assert world.link.asked == []
        done = [line async for line in parsed(replay(TRIGGER.key, since_s=1.0, until_s=2.0, dry_run=False))]
        assert done == [{"delivered": 4, "failed": 1, "error": "", "failures": []}]
        assert world.link.asked == [(TRIGGER.key, 1.0, 2.0)]
        world.link.gone = True
        (lost,) = [line async for line in parsed(replay(TRIGGER.key, since_s=1.0, until_s=2.0, dry_run=False))]
        assert lost["error"] == "the broker went away while it was asked"

    in_world(nats, work)


def test_a_replay_waits_for_a_broker_that_restarts(nats: Nats, monkeypatch: pytest.MonkeyPatch) -> None:
    async def work(world: World) -> None:
        world.board.broker_status.put(BROKER.key, BrokerStatus(BROKER.key, False, "BrokerNotRunning", "It starts."))
        replay = world.inspector.replay(TRIGGER.key, since_s=1.0, until_s=2.0, dry_run=False)
        waiting = asyncio.ensure_future(anext(replay))
        await asyncio.wait({waiting}, timeout=0.05)
        assert world.link.asked == []
        world.board.broker_status.put(BROKER.key, BrokerStatus(BROKER.key, True))
        assert json.loads(await waiting)["delivered"] == 4
        world.board.broker_status.put(BROKER.key, BrokerStatus(BROKER.key, False, "BrokerNotRunning", "It starts."))
        monkeypatch.setattr(inspector, "_READY_S", 0.05)
        with pytest.raises(EventingUnavailable, match="It starts"):
            await anext(world.inspector.replay(TRIGGER.key, since_s=1.0, until_s=2.0, dry_run=False))

    in_world(nats, work)


def test_a_trigger_that_is_held_or_missing_gets_no_replay(nats: Nats) -> None:
    async def work(world: World) -> None:
        world.board.triggers.put("default/held", None)
        for name, refused in (("default/held", NotDeliverable), ("default/none", Unknown)):
            with pytest.raises(refused):
                await anext(world.inspector.replay(name, since_s=0.0, until_s=1.0, dry_run=False))

    in_world(nats, work)


def test_dead_letters_are_chosen_from_all_streams_in_order(nats: Nats) -> None:
    async def work(world: World) -> None:
        await world.bury("", "a", "b")
        await world.bury("failed", "c")
        await world.bury("", "d", trigger="default/u")
        letters = world.letters
        assert await letters(LetterQuery()) == (4, ["a", "b", "c", "d"])
        assert await letters(LetterQuery(), limit=2) == (4, ["c", "d"])
        assert await letters(LetterQuery(stream=""), limit=1) == (3, ["d"])
        assert await letters(LetterQuery(type="order"), limit=1) == (4, ["d"])
        assert await letters(LetterQuery(stream="failed")) == (1, ["c"])
        assert await letters(LetterQuery(stream="")) == (3, ["a", "b", "d"])
        assert await letters(LetterQuery(sequences=(3, 1, 9))) == (2, ["a", "c"])
        assert await letters(LetterQuery(trigger="default/u")) == (1, ["d"])
        assert await letters(LetterQuery(event_id="b")) == (1, ["b"])
        assert await letters(LetterQuery(until_s=0.0)) == (0, [])
        assert await world.inspector.dead_letter_streams(BROKER.key) == {"": 3, "failed": 1}

    in_world(nats, work)


def test_the_newest_dead_letters_are_found_behind_gaps(nats: Nats) -> None:
    async def work(world: World) -> None:
        await world.bury("", *map(str, range(1, 301)))
        for sequence in range(3, 299):
            await world.dead_letters.remove("", sequence)
        assert await world.letters(LetterQuery(), limit=3) == (4, ["2", "299", "300"])
        assert await world.letters(LetterQuery(stream="none"), limit=3) == (0, [])
        await world.dead_letters.purge("")
        assert await world.letters(LetterQuery(), limit=3) == (0, [])

    in_world(nats, work)


def test_dead_letters_are_replayed_stream_by_stream_and_purged(nats: Nats) -> None:
    async def work(world: World) -> None:
        await world.bury("", "a")
        await world.bury("failed", "b", "c")
        lines = [line async for line in parsed(world.inspector.replay_dead(BROKER.key, LetterQuery()))]
        assert lines == [{"total": 3}, {"delivered": 3, "failed": 0, "error": "", "failures": []}]
        assert world.link.asked == [(BROKER.key, "", (1,)), (BROKER.key, "failed", (2, 3))]
        assert await world.inspector.purge_dead(BROKER.key, LetterQuery(sequences=(2,))) == 1
        assert await world.letters(LetterQuery()) == (2, ["a", "c"])
        assert await world.inspector.purge_dead(BROKER.key, LetterQuery(stream="failed")) == 1
        assert await world.inspector.purge_dead(BROKER.key, LetterQuery()) == 1
        assert await world.letters(LetterQuery()) == (0, [])

    in_world(nats, work)


def test_without_a_server_it_is_said_that_nobody_answers(nats: Nats, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "_CONNECT_S", 0.2)

    async def work(world: World) -> None:
        nats.kill()
        with pytest.raises(EventingUnavailable, match="NATS server"):
            await world.ids(since_s=0.0)

    in_world(nats, work)


def test_the_connection_goes_when_nobody_asks_and_comes_again(nats: Nats, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "_IDLE_S", 0.0)

    async def work(world: World) -> None:
        await world.store("order")
        for _ in range(2):
            assert await world.ids(since_s=0.0) == ["1"]
            while world.inspector.is_connected:  # noqa: ASYNC110  # nothing to listen to
                await asyncio.sleep(0.001)

    in_world(nats, work)


@pytest.mark.parametrize(
    ("status", "headers", "body", "refused", "message"),
    [
        (400, {}, b'{"detail": "the event has no type"}', EventNotTaken, "the event has no type"),
        (503, {"Retry-After": "2"}, b'{"detail": "no room"}', EventNotTaken, "no room"),
        (404, {}, b'{"detail": "there is no Broker"}', EventingUnavailable, "is being made"),
        (500, {}, b"", EventNotTaken, "the broker answered 500"),
        (202, {}, b"", None, ""),
    ],
)
def test_the_ingress_has_the_say_over_what_is_sent(
    nats: Nats, status: int, headers: dict[str, str], body: bytes, refused: type[Exception] | None, message: str
) -> None:
    async def work(world: World) -> None:
        with ingress(world.settings.broker_socket, status, headers, body) as seen:
            sending = world.inspector.send(BROKER.key, {"content-type": "application/cloudevents+json"}, b"{}")
            if refused is None:
                await sending
            else:
                with pytest.raises(refused, match=message):
                    await sending
        assert seen == [("/default/orders", "application/cloudevents+json", b"{}")]
        with pytest.raises(Unknown):
            await world.inspector.send("default/none", {}, b"")

    in_world(nats, work)


@contextlib.contextmanager
def ingress(path: Path, status: int, headers: dict[str, str], body: bytes) -> Iterator[list[tuple[str, str, bytes]]]:
    """Stands where the broker's ingress listens, and answers one request."""
    seen: list[tuple[str, str, bytes]] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            data = self.rfile.read(int(self.headers["content-length"]))
            seen.append((self.path, self.headers["content-type"], data))
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    with socketserver.UnixStreamServer(str(path), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield seen
        finally:
            server.shutdown()
            thread.join()
