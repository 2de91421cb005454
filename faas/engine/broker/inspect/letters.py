"""Dead letters of a Broker by query, oldest first, whichever of its streams they are in."""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import AsyncIterator
from typing import NamedTuple

from faas.engine.broker.inspect.streams import Streams
from faas.engine.broker.jetstream.stream import stream_state
from faas.engine.broker.seams.log import DeadLetter
from faas.engine.contract.inspecting import LetterQuery

_PAGE = 200


class Letter(NamedTuple):
    letter: DeadLetter
    stream: str


async def find_letters(streams: Streams, query: LetterQuery) -> AsyncIterator[Letter]:
    """Raises: LogUnavailable."""
    names = [query.stream] if query.stream is not None else sorted(await streams.dead_letters.streams())
    found = _by_sequence(streams, names, query.sequences) if query.sequences else _all(streams, names, 1)
    async for each in found:
        if is_meant(each.letter, query):
            yield each


async def newest_letters(streams: Streams, query: LetterQuery, limit: int) -> tuple[int, list[Letter]]:
    """How many there are, and the newest of them. Raises: LogUnavailable.

    Without conditions that only a letter itself can tell, a million of them are counted and not read.
    """
    if query != LetterQuery(query.stream):
        total, newest = 0, deque[Letter](maxlen=limit)
        async for letter in find_letters(streams, query):
            newest.append(letter)
            total += 1
        return total, list(newest)
    counts = await streams.dead_letters.streams()
    names = [name for name in sorted(counts) if query.stream in (None, name)]
    total = sum(counts[name] for name in names)
    state = await stream_state(streams.connection, streams.names.dead_letters)
    span = limit
    while True:  # letters that were dealt with leave gaps, so nobody knows how far back the newest begin
        start = max(state.first, state.last + 1 - span)
        found = [letter async for letter in _all(streams, names, start)]
        if len(found) >= min(limit, total) or start <= state.first:
            return total, found[-limit:]
        span *= 4


def is_meant(letter: DeadLetter, query: LetterQuery) -> bool:
    attributes = letter.event.attributes
    return (
        query.trigger in ("", letter.trigger)
        and query.type in ("", attributes.get("type"))
        and query.event_id in ("", attributes.get("id"))
        and (query.until_s is None or letter.stored_s < query.until_s)
    )


async def _by_sequence(streams: Streams, names: list[str], sequences: tuple[int, ...]) -> AsyncIterator[Letter]:
    for sequence in sorted(set(sequences)):
        for name in names:
            letter = await streams.dead_letters.get(name, sequence)
            if letter is not None:
                yield Letter(letter, name)
                break


async def _all(streams: Streams, names: list[str], start: int) -> AsyncIterator[Letter]:
    """Merged: all streams of a Broker count in one sequence."""
    readers = [_stream(streams, name, start) for name in names]
    heads: list[tuple[int, int, Letter]] = []
    for index, reader in enumerate(readers):
        if (first := await anext(reader, None)) is not None:
            heads.append((first.letter.sequence, index, first))
    heapq.heapify(heads)
    while heads:
        _, index, letter = heads[0]
        yield letter
        following = await anext(readers[index], None)
        if following is None:
            heapq.heappop(heads)
        else:
            heapq.heapreplace(heads, (following.letter.sequence, index, following))


async def _stream(streams: Streams, name: str, position: int) -> AsyncIterator[Letter]:
    while page := await streams.dead_letters.read(name, position, limit=_PAGE):
        for letter in page:
            yield Letter(letter, name)
        position = page[-1].sequence + 1
