"""Many requests to one server, a few of them at once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")

AT_ONCE = 8  # enough to hide a round trip, few enough that an API server's fairness queues never notice


async def each(things: Iterable[T], work: Callable[[T], Awaitable[R]], *, at_once: int = AT_ONCE) -> list[R]:
    """What `work` gives for each thing, in their order. Raises: what `work` raised first; the others are cancelled."""
    listed = list(things)
    results: dict[int, R] = {}
    waiting = iter(enumerate(listed))

    async def worker() -> None:
        for index, thing in waiting:
            results[index] = await work(thing)

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(min(at_once, len(listed))):
                group.create_task(worker())
    except BaseExceptionGroup as failed:
        raise failed.exceptions[0] from None
    return [results[index] for index in range(len(listed))]
