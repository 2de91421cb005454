"""The dispatcher as the broker's process sees it: Brokers that come, change and go."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

from faas.engine.broker.dispatch.dispatcher import EventDispatcher
from faas.engine.broker.dispatch.saving import Timing
from faas.engine.broker.seams.dispatching import Hold, OpenBroker
from faas.engine.contract.eventing import BrokerConfig, EventingTable, Replay, ReplayDead
from tests.dispatch_world import BROKER, MemoryCursors, MemoryDeadLetters, MemoryLog, event, settle, trigger

AWAY = Path("/nowhere/gateway.sock")  # nobody listens: deliveries wait


async def _publish(broker: str, attributes: dict[str, Any], data: bytes | None) -> int:
    raise AssertionError("nobody replies here")


@contextlib.asynccontextmanager
async def dispatching() -> AsyncIterator[EventDispatcher]:
    dispatcher = EventDispatcher(_publish, AWAY, "localhost", timing=Timing(save_s=0.0))
    running = asyncio.create_task(dispatcher.run())
    try:
        yield dispatcher
    finally:
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running


def opened(log: MemoryLog, cursors: MemoryCursors | None = None, config: BrokerConfig = BROKER) -> OpenBroker:
    return OpenBroker(config, log, MemoryDeadLetters(), cursors or MemoryCursors())


def run(scenario: Callable[[EventDispatcher], Awaitable[None]]) -> None:
    async def main() -> None:
        async with dispatching() as dispatcher:
            await scenario(dispatcher)

    asyncio.run(main())


def test_what_is_not_open_or_not_told_holds_everything() -> None:
    async def scenario(dispatcher: EventDispatcher) -> None:
        assert dispatcher.hold(BROKER.key) == Hold(1, "")
        dispatcher.opened(opened(MemoryLog()))
        await settle()
        assert dispatcher.hold(BROKER.key) == Hold(1, "")  # there may be triggers
        dispatcher.apply(EventingTable(1, (BROKER,)))
        await settle()
        assert dispatcher.hold(BROKER.key) is None

    run(scenario)


def test_a_table_that_comes_first_waits_for_its_broker() -> None:
    async def scenario(dispatcher: EventDispatcher) -> None:
        dispatcher.apply(EventingTable(1, (BROKER,), (trigger(),)))
        assert dispatcher.status() == ()
        log = MemoryLog()
        dispatcher.opened(opened(log))
        await settle()
        log.put(event("1"))
        dispatcher.wake(BROKER.key)
        await settle()
        (status,) = dispatcher.status()
        assert (status.trigger, status.backlog, dispatcher.hold(BROKER.key)) == ("default/t", 1, Hold(1, "default/t"))

    run(scenario)


def test_that_a_trigger_has_begun_is_noticed_at_once() -> None:
    async def scenario(dispatcher: EventDispatcher) -> None:
        known: list[list[str]] = []
        dispatcher.noticed = lambda: known.append([status.trigger for status in dispatcher.status()])
        dispatcher.opened(opened(MemoryLog()))
        dispatcher.apply(EventingTable(1, (BROKER,), (trigger("a"),)))
        await settle()
        dispatcher.apply(EventingTable(2, (BROKER,), (trigger("a"), trigger("b"))))
        await settle()
        dispatcher.apply(EventingTable(3, (BROKER,), (trigger("a"), trigger("b"))))
        await settle()
        assert known == [["default/a"], ["default/a", "default/b"]]

    run(scenario)


def test_a_closed_broker_is_left_alone_and_one_made_anew_begins_anew() -> None:
    async def scenario(dispatcher: EventDispatcher) -> None:
        dispatcher.apply(EventingTable(1, (BROKER,), (trigger(),)))
        old = MemoryLog()
        old.put(event("old"))
        dispatcher.opened(opened(old))
        await settle()
        dispatcher.closed(BROKER.key)
        dispatcher.closed(BROKER.key)
        assert dispatcher.status() == ()
        dispatcher.opened(opened(MemoryLog(), config=BrokerConfig(BROKER.key, "broker-2")))
        await settle()
        assert dispatcher.hold(BROKER.key) == Hold(1, "default/t")

    run(scenario)


def test_a_broker_with_other_limits_goes_on() -> None:
    async def scenario(dispatcher: EventDispatcher) -> None:
        dispatcher.apply(EventingTable(1, (BROKER,), (trigger(),)))
        log, cursors = MemoryLog(), MemoryCursors()
        dispatcher.opened(opened(log, cursors))
        await settle()
        log.put(event("1"))
        await settle()
        dispatcher.opened(opened(log, cursors, BrokerConfig(BROKER.key, BROKER.uid, retention_s=1.0)))
        await settle()
        assert [status.backlog for status in dispatcher.status()] == [1]

    run(scenario)


def test_the_place_of_a_new_trigger_is_stored_before_it_is_told() -> None:
    async def scenario(dispatcher: EventDispatcher) -> None:
        cursors = MemoryCursors()
        stored: list[int] = []
        save = cursors.save

        async def watched(values: dict[str, bytes]) -> None:
            stored.append(len(dispatcher.status()))
            await save(values)

        cursors.save = watched  # type: ignore[method-assign]
        dispatcher.apply(EventingTable(1, (BROKER,), (trigger(),)))
        dispatcher.opened(opened(MemoryLog(), cursors))
        await settle()
        assert (stored, len(dispatcher.status()), list(cursors.values)) == ([0], 1, ["uid-t"])

    run(scenario)


def test_wishes_for_what_is_not_there_are_answered() -> None:
    async def scenario(dispatcher: EventDispatcher) -> None:
        assert "default/t" in (await dispatcher.replay(Replay(1, "default/t", 0, 1))).error
        assert BROKER.key in (await dispatcher.replay_dead(ReplayDead(2, BROKER.key, "", (1,)))).error

    run(scenario)


def test_the_metrics_name_the_trigger() -> None:
    async def scenario(dispatcher: EventDispatcher) -> None:
        dispatcher.apply(EventingTable(1, (BROKER,), (trigger(),)))
        log = MemoryLog()
        dispatcher.opened(opened(log))
        await settle()
        log.put(event("1"))
        await settle()
        assert 'faas_trigger_backlog{namespace="default",trigger="t"} 1\n' in dispatcher.metrics()

    run(scenario)
