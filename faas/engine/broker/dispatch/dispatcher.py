"""The dispatcher: Brokers that are open, the table of triggers, and the tasks of both."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from faas.engine.broker.delivery.client import Client
from faas.engine.broker.dispatch.broker import BrokerDispatch
from faas.engine.broker.dispatch.deliveries import Services
from faas.engine.broker.dispatch.metrics import render
from faas.engine.broker.dispatch.replay import replay_dead, replay_span
from faas.engine.broker.dispatch.saving import Timing
from faas.engine.broker.dispatch.slots import Targets
from faas.engine.broker.dispatch.window import Bounds
from faas.engine.broker.seams.dispatching import Dispatcher, Hold, OpenBroker
from faas.engine.broker.seams.log import LogError
from faas.engine.broker.seams.publishing import Publish
from faas.engine.contract.clock import Clock, SystemClock
from faas.engine.contract.eventing import EventingTable, Replay, ReplayDead, ReplayDone, TriggerConfig, TriggerStatus
from faas.engine.contract.settings import EngineSettings

_TICK_S = 1.0
_DRAIN_S = 1.5  # at the end, for deliveries in flight: each one cut off is delivered once more
_SAVE_S = 1.0
_WINDOWS_BYTES = 256 << 20  # of all windows together; each has 8 MiB at most


def make_dispatcher(settings: EngineSettings, publish: Publish) -> Dispatcher:
    """The dispatcher of the broker's process. `publish` stores replies."""
    return EventDispatcher(publish, settings.internal_socket, settings.domain)


class EventDispatcher:
    """A Dispatcher.

    Args:
        gateway: the socket that services of this engine are reached over.
        domain: the engine's own.
    """

    def __init__(
        self, publish: Publish, gateway: Path, domain: str, *, clock: Clock | None = None, timing: Timing | None = None
    ) -> None:
        self.noticed: Callable[[], None] = lambda: None
        self._client = Client(gateway, self._spawn)
        self._services = Services(self._client, clock or SystemClock(), publish, self._spawn, domain)
        self._timing = timing or Timing()
        self._targets = Targets()
        self._brokers: dict[str, BrokerDispatch] = {}
        self._running: dict[str, asyncio.Task[None]] = {}
        self._tasks: asyncio.TaskGroup | None = None
        self._table: EventingTable | None = None

    async def run(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            self._tasks = tasks
            for key in self._brokers:
                self._start(key)
            try:
                await self._tick()
            finally:
                await self._drain()
                for broker in self._brokers.values():
                    broker.stop()
                for task in self._running.values():
                    task.cancel()
                self._client.close()

    # Brokers and triggers

    def apply(self, table: EventingTable) -> None:
        self._table = table
        for broker in self._brokers.values():
            self._tell(broker)

    def opened(self, broker: OpenBroker) -> None:
        key = broker.config.key
        known = self._brokers.get(key)
        if known is not None and known.broker.log is broker.log:
            known.broker = broker
            return
        self.closed(key)
        made = self._brokers[key] = BrokerDispatch(
            broker, self._services, self._targets, self._timing, lambda: self.noticed()
        )
        self._tell(made)
        self._start(key)

    def closed(self, key: str) -> None:
        broker = self._brokers.pop(key, None)
        task = self._running.pop(key, None)
        if task is not None:
            task.cancel()
        if broker is not None:
            broker.stop()

    def capacity(self, target: str, requests: int) -> None:
        self._targets.capacity(target, requests)

    def wake(self, broker: str) -> None:
        known = self._brokers.get(broker)
        if known is not None:
            known.appended = True

    def hold(self, broker: str) -> Hold | None:
        known = self._brokers.get(broker)
        return Hold(1, "") if known is None else known.hold()

    # Questions and wishes

    def status(self) -> tuple[TriggerStatus, ...]:
        return tuple(status for broker in self._brokers.values() for status in broker.status())

    def metrics(self) -> str:
        return render(self.status())

    async def replay(self, request: Replay) -> ReplayDone:
        for broker in self._brokers.values():
            run = broker.run_of(request.trigger)
            if run is not None:
                return await replay_span(request, run, broker.broker, self._services)
        return ReplayDone(request.id, error=f"there is no trigger {request.trigger} that can be delivered to")

    async def replay_dead(self, request: ReplayDead) -> ReplayDone:
        broker = self._brokers.get(request.broker)
        if broker is None:
            return ReplayDone(request.id, error=f"there is no broker {request.broker}")
        return await replay_dead(request, broker.run_of, broker.broker, self._services)

    # Tasks

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        assert self._tasks is not None
        self._tasks.create_task(work)

    def _start(self, key: str) -> None:
        if self._tasks is not None:
            self._running[key] = self._tasks.create_task(self._brokers[key].run())

    def _tell(self, broker: BrokerDispatch) -> None:
        table = self._table
        if table is None:
            return
        each = _WINDOWS_BYTES // max(1, len(table.triggers))
        defaults = Bounds()
        bounds = Bounds(defaults.ready, defaults.events, min(defaults.bytes, each))
        key = broker.broker.config.key
        wanted: dict[str, TriggerConfig] = {trigger.uid: trigger for trigger in table.triggers if trigger.broker == key}
        broker.apply(wanted, frozenset(table.existing), bounds)

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(_TICK_S)
            self._client.sweep()
            for broker in list(self._brokers.values()):
                await broker.look_for_end()

    async def _drain(self) -> None:
        """Begin nothing more, let what is in flight end for a moment, and store where everybody is."""
        brokers = list(self._brokers.values())
        runs = [run for broker in brokers for run in broker.runs.values()]
        for run in runs:
            run.pause(True)
        try:
            async with asyncio.timeout(_DRAIN_S):
                while not all(run.is_quiet for run in runs):  # noqa: ASYNC110
                    await asyncio.sleep(0.01)  # once, at the end: an event would cost something at each delivery
        except TimeoutError:
            pass
        try:
            async with asyncio.timeout(_SAVE_S):
                for broker in brokers:
                    await broker.save()
        except (TimeoutError, LogError):
            pass  # what was finished since the last save is delivered again
