"""How fast one client asks: so many requests at once, and none while the server has asked for a pause."""

from __future__ import annotations

import asyncio
import random
import time
from types import TracebackType
from typing import Self

# kubectl and client-go have 50 a second; a project of 50 functions is through in the same time with this many at once.
AT_ONCE = 16
_SPREAD_S = 0.1  # those who waited together do not go on together


class Pace:
    """`async with pace:` around each attempt."""

    def __init__(self, at_once: int = AT_ONCE) -> None:
        self._slots = asyncio.Semaphore(at_once)
        self._resume_s = 0.0

    def pause(self, seconds: float) -> None:
        """Nobody begins before so many seconds have passed."""
        self._resume_s = max(self._resume_s, time.monotonic() + seconds)

    async def __aenter__(self) -> Self:
        await self._slots.acquire()
        try:
            while (left := self._resume_s - time.monotonic()) > 0:  # noqa: ASYNC110  # no event: time passes by itself
                await asyncio.sleep(left + jitter() * _SPREAD_S)
        except BaseException:
            self._slots.release()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._slots.release()


def jitter() -> float:
    """Uniform in [0, 1): those who failed together do not come back together."""
    return random.random()
