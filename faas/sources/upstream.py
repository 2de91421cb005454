"""Keeps a connection to the outside: connect, say so, and after a failure come back with patience."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable

from faas.sources.delivery import wait_s
from faas.sources.errors import UpstreamError
from faas.sources.reports import Reports

FIRST_WAIT_S = 0.2
LONGEST_WAIT_S = 30.0


async def keep_connected(
    session: Callable[[Callable[[], None]], Awaitable[None]],
    *,
    reports: Reports,
    stopping: asyncio.Event,
    away: tuple[type[Exception], ...] = (OSError,),
) -> None:
    """Run `session(connected)` until it returns, again and again after it failed; return when `stopping` is set.

    Args:
        session: connects, calls `connected()` when it is, works; it returns only when the program stops.
        away: what it raises when the outside is away, besides UpstreamError, which says the reason itself.
    """
    failures = 0

    def connected() -> None:
        nonlocal failures
        failures = 0
        reports.running()

    while not stopping.is_set():
        reports.connecting()
        try:
            await session(connected)
            return
        except UpstreamError as error:
            reports.failing(error.reason, str(error))
        except away as error:
            reports.failing("UpstreamUnavailable", str(error) or type(error).__name__)
        failures += 1
        pause_s = wait_s(failures, chance=random.random(), first_s=FIRST_WAIT_S, longest_s=LONGEST_WAIT_S)
        try:
            async with asyncio.timeout(pause_s):
                await stopping.wait()
        except TimeoutError:
            continue
