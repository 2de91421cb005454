"""A clock that a test moves: nothing happens until `advance`, and then in the order of the deadlines."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass
class VirtualTimer:
    callback: Callable[[], None]
    cancelled: bool = False

    def cancel(self) -> None:
        self.cancelled = True


class VirtualClock:
    def __init__(self, start_s: float = 1000.0) -> None:
        self._start_s = self._now_s = start_s
        self._order = itertools.count()
        self._due: list[tuple[float, int, VirtualTimer]] = []

    def now(self) -> float:
        return self._now_s

    def utc(self) -> datetime:
        return EPOCH + timedelta(seconds=self._now_s - self._start_s)

    def call_later(self, delay_s: float, callback: Callable[[], None]) -> VirtualTimer:
        timer = VirtualTimer(callback)
        heapq.heappush(self._due, (self._now_s + delay_s, next(self._order), timer))
        return timer

    def advance(self, seconds: float) -> None:
        end_s = self._now_s + seconds
        while self._due and self._due[0][0] <= end_s:
            at_s, _, timer = heapq.heappop(self._due)
            self._now_s = max(self._now_s, at_s)
            if not timer.cancelled:
                timer.callback()
        self._now_s = end_s

    @property
    def pending(self) -> int:
        return sum(not timer.cancelled for _, _, timer in self._due)
