"""Storing the cursors of one Broker's triggers, in batches."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from faas.engine.broker.dispatch.outlet import outage_wait_s
from faas.engine.broker.dispatch.trigger import TriggerRun
from faas.engine.broker.seams.log import Cursors, LogError

_log = logging.getLogger("faas.broker")


@dataclass(frozen=True, slots=True)
class Timing:
    save_s: float = 0.25  # between saves: what may be delivered twice after a crash
    look_s: float = 5.0  # between saves of triggers that only read what they do not want
    # A trigger that is gone from the table keeps its cursor this long: an engine that starts may not know all of them.
    forget_s: float = 30.0


class CursorSaver:
    """Stores cursors a moment after they moved; `runs`, by uid, and `head` are as they are then."""

    def __init__(
        self, cursors: Cursors, runs: Mapping[str, TriggerRun], head: Callable[[], int], timing: Timing
    ) -> None:
        self._cursors = cursors
        self._runs = runs
        self._head = head
        self._timing = timing
        self._moved: set[TriggerRun] = set()
        self._someone_moved = asyncio.Event()

    def moved(self, run: TriggerRun) -> None:
        """This run's cursor is to be stored soon."""
        self._moved.add(run)
        self._someone_moved.set()

    async def save(self) -> None:
        """Store what has moved. Raises: LogError: it is still to be stored."""
        head = self._head()
        moved, self._moved = self._moved, set()
        values = {}
        for uid, run in self._runs.items():
            if run in moved:
                values[uid] = run.cursor(head)
                run.saved = run.read(head)
        if values:
            try:
                await self._cursors.save(values)
            except LogError:
                self._moved |= moved
                raise

    async def save_often(self) -> None:
        outages = 0
        while True:
            await self._someone_moved.wait()
            self._someone_moved.clear()
            await asyncio.sleep(self._timing.save_s)
            try:
                await self.save()
                outages = 0
            except LogError as error:
                _log.debug("cursors are not saved yet: %s", error)
                self._someone_moved.set()
                await asyncio.sleep(outage_wait_s(outages))
                outages += 1

    async def look_often(self) -> None:
        """What a trigger did not want is not read again after a restart, or not much of it."""
        while True:
            await asyncio.sleep(self._timing.look_s)
            for run in self._runs.values():
                if run.saved != run.read(self._head()):
                    self.moved(run)
