"""A queue of keys for level-triggered work: a key waits once, is worked on once at a time, and backs off by itself."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Hashable
from typing import Generic, TypeVar

from faas.engine.contract.clock import Clock, Timer

K = TypeVar("K", bound=Hashable)
_FIRST_BACKOFF_S = 0.005  # most failures are a conflict with a write that is on its way to the cache
_LAST_BACKOFF_S = 60.0


class WorkQueue(Generic[K]):
    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._waiting: deque[K] = deque()
        self._known: set[K] = set()  # waiting, or to be queued again when done
        self._working: set[K] = set()
        self._timers: dict[K, tuple[float, Timer]] = {}
        self._failures: dict[K, int] = {}
        self._filled = asyncio.Event()

    def add(self, key: K) -> None:
        if key in self._known:
            return
        self._known.add(key)
        if key not in self._working:
            self._enqueue(key)

    def add_after(self, key: K, delay_s: float) -> None:
        """Add later; of several such requests for one key the earliest counts."""
        due_s = self._clock.now() + delay_s
        if (planned := self._timers.get(key)) is not None:
            if planned[0] <= due_s:
                return
            planned[1].cancel()
        self._timers[key] = (due_s, self._clock.call_later(delay_s, lambda: self._due(key)))

    def add_failed(self, key: K) -> float:
        """Add after this key's own backoff; returns the seconds."""
        failures = self._failures.get(key, 0)
        self._failures[key] = failures + 1
        delay_s = float(min(_FIRST_BACKOFF_S * 2 ** min(failures, 20), _LAST_BACKOFF_S))
        self.add_after(key, delay_s)
        return delay_s

    def forget(self, key: K) -> None:
        """The key succeeded: its next failure starts with the shortest wait."""
        self._failures.pop(key, None)

    async def get(self) -> K:
        while not self._waiting:
            self._filled.clear()
            await self._filled.wait()
        key = self._waiting.popleft()
        self._known.discard(key)
        self._working.add(key)
        return key

    def done(self, key: K) -> None:
        self._working.discard(key)
        if key in self._known:
            self._enqueue(key)

    def close(self) -> None:
        for _, timer in self._timers.values():
            timer.cancel()
        self._timers.clear()

    def _enqueue(self, key: K) -> None:
        self._waiting.append(key)
        self._filled.set()

    def _due(self, key: K) -> None:
        self._timers.pop(key, None)
        self.add(key)
