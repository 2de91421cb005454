"""A lane: events that come one by one leave in their order, as many at a time as have gathered.

While one request is away the next batch gathers, so a burst travels in few requests and a single event at once.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from faas_runtime.events.event import Event

from faas.sources.sink import BATCH_EVENTS, Sink

T = TypeVar("T")


class Lane(Generic[T]):
    """`taken` is called with the token of each event, in order, once the sink has it (or will never have it).

    Upstream's own window of unacknowledged messages bounds what waits; where it has none, `waiting` tells.
    """

    def __init__(self, sink: Sink, taken: Callable[[T], None]) -> None:
        self._sink = sink
        self._taken = taken
        self._queue: deque[tuple[Event[Any], T]] = deque()
        self._news = asyncio.Event()
        self._empty = asyncio.Event()
        self._empty.set()

    @property
    def waiting(self) -> int:
        return len(self._queue)

    def push(self, event: Event[Any], token: T) -> None:
        self._queue.append((event, token))
        self._news.set()
        self._empty.clear()

    async def run(self) -> None:
        """Send, for ever. Raises: Stopping."""
        while True:
            await self._news.wait()
            group = [self._queue.popleft() for _ in range(min(len(self._queue), BATCH_EVENTS))]
            await self._sink.deliver([event for event, _ in group])
            for _, token in group:
                self._taken(token)
            if not self._queue:
                self._news.clear()
                self._empty.set()

    async def drained(self) -> None:
        """Return when all that was pushed has been taken."""
        await self._empty.wait()
