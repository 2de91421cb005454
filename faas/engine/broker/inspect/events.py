"""Reading a Broker's log for people: a part of it, or on and on."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from typing import NamedTuple

from faas.engine.broker.inspect.lines import Line, rfc3339
from faas.engine.broker.inspect.streams import Streams, until_connected
from faas.engine.broker.seams.log import LogUnavailable, StoredEvent
from faas.engine.contract.inspecting import EventingUnavailable, EventQuery

_BATCH = 256
_WAIT_S = 1.0  # for news of a log; then it is looked whether the Broker is still there


class Range(NamedTuple):
    start: int  # the first position that is read
    end: int | None  # the one to stop at; None: never


async def range_of(streams: Streams, query: EventQuery) -> Range:
    """Raises: LogUnavailable."""
    state = await streams.log.state()
    end = None if query.follow else state.last + 1
    if query.until_s is not None:
        end = await streams.log.find(query.until_s)
    if query.after is not None:
        # A log that has lost its end (a power cut) goes on below the position that was read.
        return Range(min(query.after, state.last) + 1, end)
    return Range(state.last + 1 if query.since_s is None else await streams.log.find(query.since_s), end)


async def follow(streams: Streams, start: int, still: Callable[[], None]) -> AsyncIterator[Sequence[StoredEvent]]:
    """Batches of events from a position on, over failures of the server; ends by what `still` raises."""
    while True:
        try:
            events = await streams.log.read(start, limit=_BATCH, wait_s=_WAIT_S)
        except LogUnavailable:
            await asyncio.sleep(_WAIT_S)
            still()
            with contextlib.suppress(EventingUnavailable):
                await until_connected(streams.connection)
            continue
        if not events:
            still()
            continue
        start = events[-1].sequence + 1
        yield events
        await asyncio.sleep(0)  # a long log that nobody wants anything of must not keep the engine


async def read(streams: Streams, start: int, end: int) -> AsyncIterator[Sequence[StoredEvent]]:
    """Batches of the events between two positions. Raises: LogUnavailable."""
    while start < end:
        events = await streams.log.read(start, limit=_BATCH, wait_s=_WAIT_S)
        if not events:
            return  # what was to come was forgotten meanwhile
        start = events[-1].sequence + 1
        yield [event for event in events if event.sequence < end] if start > end else events
        await asyncio.sleep(0)


async def count(streams: Streams, query: EventQuery) -> Line:
    """How many events are wanted of those in a span, and when the first and the last were stored."""
    span, found, first_s, last_s = await range_of(streams, query), 0, 0.0, 0.0
    assert span.end is not None
    async for events in read(streams, span.start, span.end):
        for event in events:
            if query.wanted(event.attributes):
                first_s, last_s = first_s or event.stored_s, event.stored_s
                found += 1
    told = {"firstTime": rfc3339(first_s), "lastTime": rfc3339(last_s)} if found else {"firstTime": "", "lastTime": ""}
    return {"matching": found, **told}
