"""The engine's end of the broker's control socket, over a real socket; the broker's process is a stand-in."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import pytest

from faas.engine.broker.link import BrokerGone, BrokerLink, in_use
from faas.engine.contract.board import Board
from faas.engine.contract.dataplane import Split, Target
from faas.engine.contract.eventing import (
    BrokerConfig,
    BrokerMetrics,
    BrokerStatus,
    Capacity,
    EventingStatus,
    EventingTable,
    FromBroker,
    Replay,
    ReplayDone,
    ScrapeBroker,
    SeenType,
    ToBroker,
    TriggerConfig,
    TriggerStatus,
)
from faas.engine.contract.revision import Endpoint, RevisionKey
from faas.engine.contract.settings import EngineSettings, Listeners

DEADLINE_S = 20.0
BROKER = BrokerConfig("default/default", "b1")
TRIGGER = TriggerConfig(
    "default/on-order", "t1", BROKER.key, "http://work.default.svc.cluster.local/", target="default/work"
)


class Process:
    """Listens as the broker's process does, and keeps what it was told."""

    def __init__(self) -> None:
        self.told: asyncio.Queue[ToBroker] = asyncio.Queue()
        self.writer: asyncio.StreamWriter | None = None
        self.serving: set[asyncio.Task[None]] = set()
        self._decoder: msgspec.json.Decoder[ToBroker] = msgspec.json.Decoder(ToBroker)

    def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writer = writer
        self.serving.add(asyncio.create_task(self._serve(reader, writer)))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while line := await reader.readline():
                self.told.put_nowait(self._decoder.decode(line))
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()

    def say(self, message: FromBroker) -> None:
        assert self.writer is not None
        self.writer.write(msgspec.json.encode(message) + b"\n")

    async def next(self, kind: type[Any]) -> Any:
        while True:
            message = await self.told.get()
            if isinstance(message, kind):
                return message


@dataclass
class World:
    board: Board
    link: BrokerLink
    process: Process
    settings: EngineSettings
    looks: list[bool] = field(default_factory=list)  # whether the mark was there when the supervisor was to look

    async def until(self, claim: Callable[[], bool]) -> None:
        while not claim():  # noqa: ASYNC110  # facts of several mappings
            await asyncio.sleep(0.001)


@contextlib.asynccontextmanager
async def make_world(folder: Path) -> AsyncIterator[World]:
    settings = EngineSettings(folder / "state", folder, Listeners(-1, -1, -1, -1))
    board, process, looks = Board(), Process(), list[bool]()
    link = BrokerLink(board, settings, lambda: looks.append(settings.events_mark.exists()))
    server = await asyncio.start_unix_server(process.accept, settings.broker_control_socket)
    running = asyncio.create_task(link.run())
    try:
        async with asyncio.timeout(DEADLINE_S):
            yield World(board, link, process, settings, looks)
    finally:
        running.cancel()
        await asyncio.wait({running})
        server.close()
        await asyncio.sleep(0)  # a connection that was just accepted has its task now
        if process.serving:
            await asyncio.wait(process.serving)


@pytest.fixture
def in_world(tmp_path: Path) -> Callable[[Callable[[World], Awaitable[None]]], None]:
    def run(body: Callable[[World], Awaitable[None]]) -> None:
        async def all_of_it() -> None:
            async with make_world(tmp_path) as world:
                await body(world)

        asyncio.run(all_of_it())

    return run


def test_without_brokers_nobody_is_started_or_asked(in_world) -> None:
    async def body(world: World) -> None:
        world.link.settle()
        world.board.endpoints.put(RevisionKey("default", "a"), (Endpoint("1", "unix:/x"),))
        await asyncio.sleep(0)

        assert world.looks == []
        assert not world.settings.events_mark.exists()
        assert world.process.writer is None

    in_world(body)


def test_the_first_broker_has_the_supervisor_look_and_is_told(in_world) -> None:
    async def body(world: World) -> None:
        world.link.settle()
        world.board.brokers.put(BROKER.key, BROKER)
        world.board.triggers.put(TRIGGER.key, TRIGGER)
        world.board.triggers.put("default/paused", None)
        world.board.eventing_uids.put(("Trigger", "default/paused"), "paused")

        table = await world.process.next(EventingTable)

        assert world.looks == [True]
        assert (table.brokers, table.triggers, table.existing) == ((BROKER,), (TRIGGER,), ("paused",))

    in_world(body)


def test_nothing_is_sent_before_the_board_is_complete(in_world) -> None:
    async def body(world: World) -> None:
        world.board.brokers.put(BROKER.key, BROKER)
        await asyncio.sleep(0.01)
        assert world.process.writer is None

        world.board.triggers.put(TRIGGER.key, TRIGGER)
        world.link.settle()

        assert (await world.process.next(EventingTable)).triggers == (TRIGGER,)

    in_world(body)


def test_capacity_is_told_when_it_changes(in_world) -> None:
    async def body(world: World) -> None:
        key = RevisionKey("default", "work-1")
        world.board.targets.put("default/work", Target("default", "work", "work", "", (Split(str(key), 100),), True))
        world.board.brokers.put(BROKER.key, BROKER)
        world.board.triggers.put(TRIGGER.key, TRIGGER)
        world.link.settle()
        assert await world.process.next(Capacity) == Capacity("default/work", 0)

        world.board.endpoints.put(key, (Endpoint("1", "unix:/x"),))
        assert await world.process.next(Capacity) == Capacity("default/work", 100)
        world.board.endpoints.put(key, (Endpoint("2", "unix:/y"),))
        world.board.endpoints.put(RevisionKey("default", "other"), (Endpoint("3", "unix:/z"),))
        world.board.endpoints.put(key, (Endpoint("2", "unix:/y"), Endpoint("4", "unix:/v")))

        assert await world.process.told.get() == Capacity("default/work", 200)

    in_world(body)


def test_a_trigger_made_anew_is_not_told_of_as_the_one_before(in_world) -> None:
    async def body(world: World) -> None:
        anew = msgspec.structs.replace(TRIGGER, uid="anew")
        world.board.brokers.put(BROKER.key, BROKER)
        world.board.triggers.put(TRIGGER.key, TRIGGER)
        world.link.settle()
        await world.process.next(EventingTable)
        before = TriggerStatus(TRIGGER.key, 5, 4, 1, 0, 7, 0, 0, uid=TRIGGER.uid)
        after = TriggerStatus(TRIGGER.key, 0, 0, 0, 0, 0, 0, 0, uid="anew")

        world.process.say(EventingStatus(triggers=(before,)))
        await world.until(lambda: len(world.board.trigger_status) == 1)
        world.board.triggers.put(TRIGGER.key, anew)
        await world.until(lambda: not len(world.board.trigger_status))
        world.process.say(EventingStatus(triggers=(before,)))
        world.process.say(EventingStatus(triggers=(after,)))
        await world.until(lambda: len(world.board.trigger_status) == 1)

        assert world.board.trigger_status.items() == [(TRIGGER.key, after)]

    in_world(body)


def test_what_the_broker_says_is_on_the_board(in_world) -> None:
    async def body(world: World) -> None:
        types: list[SeenType] = []
        world.link.seen_types.append(types.extend)
        world.board.brokers.put(BROKER.key, BROKER)
        world.board.triggers.put(TRIGGER.key, TRIGGER)
        world.link.settle()
        await world.process.next(EventingTable)

        status = TriggerStatus(TRIGGER.key, 5, 4, 1, 0, 7, 0, 0)
        gone = TriggerStatus("default/gone", 5, 4, 1, 0, 7, 0, 0)
        seen = SeenType(BROKER.key, "com.acme.order", "/shop")
        world.process.say(EventingStatus((BrokerStatus(BROKER.key, True),), (status, gone), (seen,)))
        await world.until(lambda: bool(types))

        assert world.board.broker_status.items() == [(BROKER.key, BrokerStatus(BROKER.key, True))]
        assert world.board.trigger_status.items() == [(TRIGGER.key, status)]
        world.board.triggers.delete(TRIGGER.key)
        await world.until(lambda: not len(world.board.trigger_status))

    in_world(body)


def test_questions_are_answered_or_end_with_the_connection(in_world) -> None:
    async def body(world: World) -> None:
        world.board.brokers.put(BROKER.key, BROKER)
        world.link.settle()
        await world.process.next(EventingTable)

        asking = asyncio.create_task(world.link.scrape())
        world.process.say(BrokerMetrics((await world.process.next(ScrapeBroker)).id, "faas_x 1\n"))
        assert await asking == "faas_x 1\n"
        replaying = asyncio.create_task(world.link.replay(TRIGGER.key, since_s=1.0, until_s=2.0))
        asked = await world.process.next(Replay)
        assert (asked.trigger, asked.since_s, asked.until_s) == (TRIGGER.key, 1.0, 2.0)
        world.process.say(ReplayDone(asked.id, delivered=3))
        assert (await replaying).delivered == 3

        asking = asyncio.create_task(world.link.replay_dead(BROKER.key, "", (1,)))
        await world.process.told.get()
        assert world.process.writer is not None
        world.process.writer.close()
        with pytest.raises(BrokerGone, match="went away"):
            await asking

    in_world(body)


def test_a_broker_that_comes_back_is_told_everything_and_meanwhile_nobody_is_ready(in_world) -> None:
    async def body(world: World) -> None:
        world.board.brokers.put(BROKER.key, BROKER)
        world.board.broker_status.put(BROKER.key, BrokerStatus(BROKER.key, True))
        world.link.settle()
        await world.process.next(EventingTable)

        assert world.process.writer is not None
        world.process.writer.close()
        await world.until(lambda: not world.board.broker_status[BROKER.key].ready)

        assert world.board.broker_status[BROKER.key].reason == "BrokerNotRunning"
        assert (await world.process.next(EventingTable)).brokers == (BROKER,)

    in_world(body)


def test_some_time_after_the_last_broker_events_are_not_in_use_any_more(in_world, monkeypatch) -> None:
    async def body(world: World) -> None:
        world.board.brokers.put(BROKER.key, BROKER)
        world.link.settle()
        await world.process.next(EventingTable)

        world.board.brokers.delete(BROKER.key)
        assert (await world.process.next(EventingTable)).brokers == ()
        await world.until(lambda: len(world.looks) == 2)

        assert world.looks == [True, False]

    monkeypatch.setattr(in_use, "_LINGER_S", 0.01)
    in_world(body)


def test_an_engine_that_starts_without_brokers_has_the_broker_remove_what_the_last_one_had(in_world, tmp_path) -> None:
    async def body(world: World) -> None:
        world.settings.events_mark.parent.mkdir(parents=True)
        world.settings.events_mark.touch()

        world.link.settle()

        assert (await world.process.next(EventingTable)).brokers == ()
        assert world.looks == []

    in_world(body)
