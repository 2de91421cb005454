"""One Broker's log and its readers: the head, and whoever fell behind it.

At the head an event is decoded once, the index tells who wants it, and it goes into their windows. A trigger whose
window is full falls off: it holds up nobody, and the head goes on without it. When it has room again it reads on from
where it was, in turns with others that fell behind, until it is where the head is. While nobody is at the head it does
not read.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from faas_runtime.events.matching import TriggerIndex

from faas.engine.broker.dispatch.items import Held
from faas.engine.broker.dispatch.outlet import outage_wait_s
from faas.engine.broker.dispatch.trigger import TriggerRun
from faas.engine.broker.seams.log import EventLog, LogUnavailable, StoredEvent

_BATCH = 256  # events read at once: what a window may be exceeded by
_HEAD_WAIT_S = 30.0
_CATCH_UP_WAIT_S = 1.0  # events are known to be there


class LogShrunk(Exception):
    """The log ends below what was read of it: it was restored, or a power cut took what was not on the disk yet."""

    def __init__(self, end: int) -> None:
        super().__init__(f"the log ends at {end - 1}")


class LogReader:
    """Moves events from a log into windows. Each position reaches a trigger once (`Window.wants`).

    Both loops raise LogShrunk: positions mean something else now, and everybody has to begin anew.
    """

    def __init__(self, log: EventLog, head: int) -> None:
        self.head = head  # everything below was handed to those at the head
        self._log = log
        self._index: TriggerIndex[TriggerRun] = TriggerIndex()
        self._touched: set[TriggerRun] = set()  # who took events from the last batch at the head
        self._behind: dict[TriggerRun, None] = {}  # in the order of their turns
        self._someone_attached = asyncio.Event()
        self._someone_hungry = asyncio.Event()

    # Who reads

    def join(self, run: TriggerRun) -> None:
        """Read for this trigger from its position on."""
        if len(self._index) == 0:
            # Nobody is at the head: it is where this one wants it, unless that is in the past of those behind.
            self.head = max(self.head, run.window.position)
        if run.window.position < self.head or not run.deliveries.has_room:
            self._behind[run] = None
            self._someone_hungry.set()
        else:
            self._attach(run)

    def leave(self, run: TriggerRun) -> None:
        self._behind.pop(run, None)
        self._detach(run)

    def has_room(self, run: TriggerRun) -> None:
        """To be called when a trigger finishes an event: it may be time to read on."""
        if not run.attached and not self._someone_hungry.is_set() and run.deliveries.has_room:
            self._someone_hungry.set()

    def look_again(self) -> None:
        """Somebody may have got room without finishing anything: a target's capacity has grown."""
        if self._behind:
            self._someone_hungry.set()

    @property
    def is_anyone_behind(self) -> bool:
        return bool(self._behind)

    def _attach(self, run: TriggerRun) -> None:
        run.attached = True
        self._index.add(run, run.plan.matcher)
        self._someone_attached.set()

    def _detach(self, run: TriggerRun) -> None:
        if run.attached:
            run.attached = False
            run.window.pass_over(self.head)
            self._index.remove(run)
            self._touched.discard(run)

    # The head

    async def follow_head(self) -> None:
        outages = 0
        while True:
            self._drop_full()
            if not len(self._index):
                self._someone_attached.clear()
                await self._someone_attached.wait()
            try:
                events = await self._log.read(self.head, limit=_BATCH, wait_s=_HEAD_WAIT_S)
                if outages or not events:
                    await self._check_end()
                outages = 0
            except LogUnavailable:
                await asyncio.sleep(outage_wait_s(outages))
                outages += 1
                continue
            if events and events[0].sequence >= self.head:
                self._hand_out(events)

    def _hand_out(self, events: Sequence[StoredEvent]) -> None:
        wanting, touched = self._index.wanting, self._touched
        for event in events:
            runs = wanting(event.attributes)
            if runs:
                held = Held(event)
                for run in runs:
                    if run.window.wants(event.sequence):
                        run.deliveries.take(held)
                        touched.add(run)
        self.head = events[-1].sequence + 1

    def _drop_full(self) -> None:
        touched, self._touched = self._touched, set()
        for run in touched:
            if run.deliveries.is_full:
                self._detach(run)
                self._behind[run] = None

    async def _check_end(self) -> None:
        end = (await self._log.state()).last + 1
        if end < self.head:
            raise LogShrunk(end)

    # Those behind

    async def catch_up(self) -> None:
        outages = 0
        while True:
            run = self._next_hungry()
            if run is None:
                self._someone_hungry.clear()
                await self._someone_hungry.wait()
                continue
            start = run.window.position
            try:
                events = await self._log.read(start, limit=_BATCH, wait_s=_CATCH_UP_WAIT_S)
                if events:
                    self._feed(start, events)
                else:
                    await self._skip_gap(run, start)
                outages = 0
            except LogUnavailable:
                await asyncio.sleep(outage_wait_s(outages))
                outages += 1

    def _next_hungry(self) -> TriggerRun | None:
        """Whose turn it is to read; those that are where the head is go to the head."""
        for run in list(self._behind):
            if run.paused or not run.deliveries.has_room:
                continue
            del self._behind[run]
            if run.window.position < self.head:
                self._behind[run] = None
                return run
            self._attach(run)
        return None

    def _feed(self, start: int, events: Sequence[StoredEvent]) -> None:
        """Hand events to everybody behind who is somewhere among them."""
        end = events[-1].sequence + 1
        held = [Held(event) for event in events]
        for run in self._behind:
            deliveries, window = run.deliveries, run.window
            if not start <= window.position < end or run.paused or deliveries.is_full:
                continue
            matches = run.plan.matcher.matches
            for event in held:
                if window.wants(event.position) and matches(event.attributes):
                    if deliveries.is_full:
                        window.pass_over(event.position)
                        break
                    deliveries.take(event)
            else:
                window.pass_over(end)

    async def _skip_gap(self, run: TriggerRun, start: int) -> None:
        """Nothing came, though the head was beyond: what is there was trimmed, or the log is not what it was."""
        state = await self._log.state()
        if state.last + 1 < self.head:
            raise LogShrunk(state.last + 1)
        elif (not state.events or state.first >= self.head) and run.window.position == start:
            run.window.pass_over(self.head)
