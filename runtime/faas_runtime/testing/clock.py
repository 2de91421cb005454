"""A clock that stands still until a test moves it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

_START = datetime(2026, 1, 1, tzinfo=UTC)


class VirtualClock:
    """`client.clock.advance(300)` lets what waits for a deadline happen, at once. `asyncio.sleep` is not affected."""

    def __init__(self) -> None:
        self._elapsed = 0.0
        self._due: list[tuple[float, asyncio.AbstractEventLoop, Callable[[], None]]] = []

    def monotonic(self) -> float:
        return self._elapsed

    def now(self) -> datetime:
        return _START + timedelta(seconds=self._elapsed)

    def call_at(self, loop: asyncio.AbstractEventLoop, when: float, callback: Callable[[], None]) -> None:
        self._due.append((when, loop, callback))

    def advance(self, seconds: float) -> None:
        """Move on by `seconds`. Raises: ValueError: time does not run backwards."""
        if seconds < 0:
            raise ValueError(f"time does not run backwards ({seconds} s)")
        self._elapsed += seconds
        due = [entry for entry in self._due if entry[0] <= self._elapsed]
        self._due = [entry for entry in self._due if entry[0] > self._elapsed]
        for _, loop, callback in due:
            asyncio.run_coroutine_threadsafe(_run(callback), loop).result()


async def _run(callback: Callable[[], None]) -> None:
    callback()
