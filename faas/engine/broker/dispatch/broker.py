"""One Broker's triggers: begins, changes and ends their runs, and keeps their cursors."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator, Mapping

import msgspec
from faas_runtime.events.conditions import FilterError

from faas.engine.broker.delivery.subscriber import BadAddress
from faas.engine.broker.dispatch.deliveries import Services
from faas.engine.broker.dispatch.outlet import outage_wait_s
from faas.engine.broker.dispatch.reader import LogReader, LogShrunk
from faas.engine.broker.dispatch.saving import CursorSaver, Timing
from faas.engine.broker.dispatch.slots import UNBOUND, Slots, Targets
from faas.engine.broker.dispatch.trigger import Plan, TriggerRun, make_plan
from faas.engine.broker.dispatch.window import Bounds, Cursor
from faas.engine.broker.seams.dispatching import Hold, OpenBroker
from faas.engine.broker.seams.log import LogError
from faas.engine.contract.eventing import TriggerConfig, TriggerStatus

_log = logging.getLogger("faas.broker")
_decode_cursor = msgspec.msgpack.Decoder(Cursor).decode


class BrokerDispatch:
    """`run` reads and delivers until it is cancelled. Nothing touches the log before or after.

    Args: told: called when the answer of `status` has other triggers than before.
    """

    def __init__(
        self, broker: OpenBroker, services: Services, targets: Targets, timing: Timing,
        told: Callable[[], None] = lambda: None,
    ) -> None:  # fmt: skip
        self.broker = broker
        self._told = told
        self.runs: dict[str, TriggerRun] = {}  # by uid
        self.bounds = Bounds()
        self._services = services
        self._targets = targets
        self._timing = timing
        self._wanted: Mapping[str, TriggerConfig] | None = None  # by uid; None: not told yet
        self._existing: frozenset[str] = frozenset()  # uids, also of those that nothing is delivered to now
        self._cursors: dict[str, Cursor] | None = None  # of those without a run, by uid; None: not loaded
        self._gone_s: dict[str, float] = {}  # since when, by uid
        self._broken: dict[str, TriggerStatus] = {}  # that cannot be worked with, by uid
        self._reader: LogReader | None = None
        self._end = 1  # of the log, as far as it is known
        self._news = asyncio.Event()
        self._saver = CursorSaver(broker.cursors, self.runs, lambda: self._head, timing)
        self.appended = False  # since the end was asked for

    # What the process tells and asks

    def apply(self, wanted: Mapping[str, TriggerConfig], existing: frozenset[str], bounds: Bounds) -> None:
        self._wanted, self._existing, self.bounds = wanted, existing, bounds
        self._news.set()

    def hold(self) -> Hold | None:
        if self._cursors is None or self._wanted is None:
            keys = [config.key for config in (self._wanted or {}).values()]
            return Hold(1, keys[0] if keys else "")
        head = self._head
        holds = [Hold(run.window.lowest(run.read(head)), run.plan.config.key) for run in self.runs.values()]
        holds += [Hold(cursor.lowest, cursor.trigger) for cursor in self._cursors.values()]
        return min(holds, default=None)

    def status(self) -> Iterator[TriggerStatus]:
        head = self._head
        end = max(self._end, head)
        there = {*(self._wanted or ()), *self._existing}
        yield from (run.status(end, head) for uid, run in self.runs.items() if uid in there)
        yield from self._broken.values()

    def run_of(self, key: str) -> TriggerRun | None:
        """The run of a trigger that is wanted, by its key."""
        wanted = self._wanted or {}
        return next((run for uid, run in self.runs.items() if run.plan.config.key == key and uid in wanted), None)

    @property
    def _head(self) -> int:
        return 1 if self._reader is None else self._reader.head

    async def look_for_end(self) -> None:
        """Ask where the log ends, if the head does not know and it may have moved; called each second."""
        reader = self._reader
        if reader is not None:
            reader.look_again()
        if reader is not None and self.appended and reader.is_anyone_behind:
            self.appended = False
            try:
                self._end = (await self.broker.log.state()).last + 1
            except LogError:
                self.appended = True

    # Work

    async def run(self) -> None:
        outages = 0
        while True:
            try:
                await self._work()
            except* LogShrunk as shrunk:
                _log.warning("broker %s: %s; it was read up to %d: events are lost", self.broker.config.key,
                             shrunk.exceptions[0], self._head - 1)  # fmt: skip
                self._put_away()
            except* LogError as errors:
                if not outages:
                    _log.warning("broker %s: %s", self.broker.config.key, errors.exceptions[0])
                await asyncio.sleep(outage_wait_s(outages))
                outages += 1

    async def _work(self) -> None:
        stored = {uid: self._decoded(uid, value) for uid, value in (await self.broker.cursors.load()).items()}
        self._end = (await self.broker.log.state()).last + 1
        self._reader = LogReader(self.broker.log, self._end)
        self._cursors = stored | (self._cursors or {})
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._reader.follow_head())
            tasks.create_task(self._reader.catch_up())
            tasks.create_task(self._saver.save_often())
            tasks.create_task(self._saver.look_often())
            await self._follow_table()

    async def _follow_table(self) -> None:
        outages = 0
        while True:
            self._news.clear()
            try:
                if self._wanted is not None:
                    await self._reconcile(self._wanted)
                outages = 0
            except LogError as error:
                _log.debug("broker %s: %s", self.broker.config.key, error)
                await asyncio.sleep(outage_wait_s(outages))
                outages += 1
                continue
            try:
                async with asyncio.timeout(self._timing.forget_s / 2 if self._gone_s else None):
                    await self._news.wait()
            except TimeoutError:
                pass

    async def _reconcile(self, wanted: Mapping[str, TriggerConfig]) -> None:
        """Make the runs what the table says. Raises: LogError: some of it is still to be done."""
        begin: dict[str, Plan] = {}
        self._broken.clear()
        for uid, config in wanted.items():
            run = self.runs.get(uid)
            try:
                # Compiled once: a table is told as a whole with each change, and may have thousands of triggers.
                unchanged = run is not None and run.plan.config == config
                plan = run.plan if run is not None and unchanged else make_plan(config, self._services.domain)
            except (BadAddress, FilterError) as error:
                self._broken[uid] = TriggerStatus(config.key, 0, 0, 0, 0, 0, 0, 0, last_error=str(error), uid=uid)
                continue
            if run is not None:
                self._adopt(run, plan)
            else:
                begin[uid] = plan
        for uid, run in self.runs.items():
            if uid not in wanted or uid in self._broken:
                run.pause(True)
        await self._begin(begin)
        if begin or self._broken:
            self._told()
        await self._forget(wanted)

    def _adopt(self, run: TriggerRun, plan: Plan) -> None:
        config, before = plan.config, run.plan.config
        reads_differently = (config.filters, config.ordered_by) != (before.filters, before.ordered_by)
        if reads_differently:
            self._the_reader.leave(run)
        if config != before or run.deliveries.bounds != self.bounds:
            run.adopt(plan, self._slots_of(config, run), self.bounds)
        if reads_differently:
            self._the_reader.join(run)
        run.pause(False)
        self._the_reader.has_room(run)

    async def _begin(self, plans: Mapping[str, Plan]) -> None:
        """Begin where the cursor is; without one at the end of the log, which is stored first."""
        cursors = self._without_run
        fresh = [uid for uid in plans if uid not in cursors]
        if fresh:
            self._end = (await self.broker.log.state()).last + 1
            values = {uid: Cursor(plans[uid].config.key, self._end) for uid in fresh}
            await self.broker.cursors.save({uid: msgspec.msgpack.encode(cursor) for uid, cursor in values.items()})
            cursors.update(values)
        for uid, plan in plans.items():
            window = cursors.pop(uid).make_window(self._end)
            run = TriggerRun(plan, self._slots_of(plan.config), self._services, self.broker.dead_letters, window,
                             self.bounds, progressed=self._progressed, waits=self._the_reader.has_room)  # fmt: skip
            self.runs[uid] = run
            self._the_reader.join(run)

    async def _forget(self, wanted: Mapping[str, TriggerConfig]) -> None:
        """Drop who is gone for good."""
        cursors = self._without_run
        gone = {*self.runs, *cursors} - wanted.keys() - self._existing
        now = self._services.clock.now()
        self._gone_s = {uid: self._gone_s.get(uid, now) for uid in gone}
        for uid in gone:
            if now - self._gone_s[uid] < self._timing.forget_s:
                continue
            run = self.runs.pop(uid, None)
            if run is not None:
                self._the_reader.leave(run)
                run.stop()
            cursors.pop(uid, None)
            await self.broker.cursors.remove(uid)
            del self._gone_s[uid]

    def _slots_of(self, config: TriggerConfig, run: TriggerRun | None = None) -> Slots:
        """Its target's, or its own where nobody tells the capacity."""
        if config.target:
            return self._targets.of(config.target)
        limit = config.parallelism or UNBOUND
        if run is None or run.plan.config.target:
            return Slots(limit)
        slots = run.deliveries.outlet.slots
        slots.resize(limit)
        return slots

    def stop(self) -> None:
        """Cut off what is in flight; nothing is sent any more."""
        for run in self.runs.values():
            run.stop()

    def _put_away(self) -> None:
        """Stop all runs; their cursors are kept here."""
        for uid, run in self.runs.items():
            self._without_run[uid] = run.window.cursor(run.plan.config.key, run.read(self._head))
        self.stop()
        self.runs.clear()
        self._news.set()

    @property
    def _without_run(self) -> dict[str, Cursor]:
        assert self._cursors is not None
        return self._cursors

    @property
    def _the_reader(self) -> LogReader:
        assert self._reader is not None
        return self._reader

    def _decoded(self, uid: str, value: bytes) -> Cursor:
        try:
            return _decode_cursor(value)
        except msgspec.MsgspecError as error:
            _log.error("broker %s: the cursor of trigger %s cannot be read (%s): it gets all of the log again",
                       self.broker.config.key, uid, error)  # fmt: skip
            return Cursor("", 1)

    def _progressed(self, run: TriggerRun) -> None:
        self._saver.moved(run)
        self._the_reader.has_room(run)

    async def save(self) -> None:
        """Store the cursors that have moved. Raises: LogError: those are still to be stored."""
        await self._saver.save()
