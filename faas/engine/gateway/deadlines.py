"""Timeouts for very many objects: coarse slots instead of a timer each.

Adding and removing cost a set operation, which is what a request pays. An object says at its deadline whether it is
over or when to look again, so that activity in between costs nothing at all.
"""

from __future__ import annotations

import asyncio
from time import monotonic
from typing import Protocol


class Expiring(Protocol):
    slot: int  # owned by Deadlines; -1 while not scheduled

    def check(self, now: float) -> float | None:
        """Act when a deadline has passed; returns the next monotonic time to look, or None."""
        ...


class Deadlines:
    """Owned by whoever runs the loop; calls `check` up to `tick_s` late, never early."""

    def __init__(self, tick_s: float) -> None:
        self._tick_s = tick_s
        self._slots: dict[int, set[Expiring]] = {}
        self._next = 0  # first slot not looked at
        self._timer: asyncio.TimerHandle | None = None

    def schedule(self, item: Expiring, when: float) -> None:
        """Look at `item` at `when`, in place of any earlier wish."""
        slot = int(when / self._tick_s) + 1
        if item.slot == slot:
            return
        if item.slot >= 0:
            self.cancel(item)
        slot = max(slot, self._next)
        item.slot = slot
        members = self._slots.get(slot)
        if members is None:
            members = self._slots[slot] = set()
        members.add(item)
        if self._timer is None:
            self._start()

    def cancel(self, item: Expiring) -> None:
        members = self._slots.get(item.slot)
        if members is not None:
            members.discard(item)
            if not members:
                del self._slots[item.slot]
        item.slot = -1

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._slots.clear()

    def _start(self) -> None:
        self._next = int(monotonic() / self._tick_s)
        self._timer = asyncio.get_running_loop().call_later(self._tick_s, self._tick)

    def _tick(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(self._tick_s, self._tick)
        now = monotonic()
        due = int(now / self._tick_s)
        while self._next <= due:
            members = self._slots.pop(self._next, ())
            self._next += 1
            for item in list(members):
                if item.slot < 0:
                    continue  # cancelled by one before it
                item.slot = -1
                again = item.check(now)
                if again is not None and item.slot < 0:
                    self.schedule(item, again)
        if not self._slots:
            self._timer.cancel()
            self._timer = None
