"""Looking into eventing from the engine: what is stored, what failed, who wants what; sending and delivering again.

It runs in the engine's process, beside `link`, for the API's `/faas/v1` endpoints. Streams are read over a connection
of its own, so that a question costs the broker nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterator, Mapping
from typing import Any, Self

from faas.engine.broker.inspect_ingress import hand_in
from faas.engine.broker.inspect_lines import Line, encode, event_line, in_pieces, letter_line, rfc3339
from faas.engine.broker.inspect_report import make_report
from faas.engine.broker.inspect_streams import StreamAccess, Streams, until_connected
from faas.engine.broker.link import BrokerGone, BrokerLink
from faas.engine.broker.log import LogUnavailable
from faas.engine.contract.board import Board
from faas.engine.contract.eventing import BrokerConfig, ReplayDone, SeenType, TriggerConfig
from faas.engine.contract.inspecting import (
    EventingUnavailable,
    EventQuery,
    LetterQuery,
    NotDeliverable,
    Unknown,
)
from faas.engine.contract.settings import EngineSettings

_BATCH = 256
_WAIT_S = 1.0  # for news of a log; then it is looked whether the Broker is still there
_ALIVE_S = 5.0  # a line for whoever waits for a replay: the connection lives


class Inspector:
    """Fulfils `faas.engine.api.eventing.Eventing`; `async with` it. Keys are "namespace/name"."""

    def __init__(self, board: Board, settings: EngineSettings, link: BrokerLink) -> None:
        self._board, self._settings, self._link = board, settings, link
        self._access = StreamAccess(settings)
        self._seen: tuple[SeenType, ...] = ()

    async def __aenter__(self) -> Self:
        await self._access.__aenter__()
        self._link.seen_types.append(self._note_seen)
        return self

    async def __aexit__(self, *exc: object) -> None:
        self._link.seen_types.remove(self._note_seen)
        await self._access.__aexit__(*exc)

    @property
    def is_connected(self) -> bool:
        """Whether it holds a connection to the NATS server now."""
        return self._access.is_connected

    def report(self, namespace: str) -> dict[str, Any]:
        """Brokers, triggers and sources of a namespace, "" of all."""
        return make_report(self._board, namespace)

    # Events

    async def send(self, broker: str, headers: Mapping[str, str], body: bytes) -> None:
        """Store what one CloudEvents request holds. Raises: EventNotTaken, EventingUnavailable, Unknown."""
        self._broker(broker)
        await asyncio.to_thread(hand_in, self._settings.broker_socket, broker, headers, body)

    async def events(self, broker: str, query: EventQuery) -> AsyncIterator[bytes]:
        """JSON lines: first {"position"}, which events come after it, then stored events as they are stored."""
        config = self._broker(broker)
        async with self._access.open(config) as streams:
            position, end, left = *await _range(streams, query), query.limit
            yield encode({"position": position - 1})
            while (end is None or position < end) and left != 0:
                try:
                    events = await streams.log.read(position, limit=_BATCH, wait_s=_WAIT_S)
                except LogUnavailable:
                    if not query.follow:
                        raise
                    await self._when_back(streams)
                    continue
                if not events:
                    if end is not None:
                        return  # what was to come was forgotten meanwhile
                    self._still(config)
                    continue
                position = events[-1].sequence + 1
                wanted = [
                    event
                    for event in events
                    if (end is None or event.sequence < end) and query.wanted(event.attributes)
                ]
                if left is not None:
                    wanted = wanted[:left]
                    left -= len(wanted)
                for piece in in_pieces(map(event_line, wanted)):
                    yield piece
                await asyncio.sleep(0)  # a long log that nobody wants anything of must not keep the engine

    async def types(self, broker: str) -> list[dict[str, Any]]:
        from faas.engine.broker.inspect_types import make_types, stored_types

        config = self._broker(broker)
        triggers = [trigger for _, trigger in self._board.triggers.items() if trigger and trigger.broker == broker]
        async with self._access.open(config) as streams:
            stored = await stored_types(streams)
        return make_types(stored, [seen for seen in self._seen if seen.broker == broker], triggers)

    async def replay(self, trigger: str, *, since_s: float, until_s: float, dry_run: bool) -> AsyncIterator[bytes]:
        """JSON lines: of a dry run {"matching"}; else {} while it lasts, then {"delivered", "failed", "error"}."""
        config = self._trigger(trigger)
        if dry_run:
            matching, first, last = await self._count(config, since_s, until_s)
            yield encode({"matching": matching, "firstTime": first, "lastTime": last})
            return
        async for line in _waited(asyncio.ensure_future(self._link.replay(trigger, since_s=since_s, until_s=until_s))):
            yield line

    async def _count(self, config: TriggerConfig, since_s: float, until_s: float) -> tuple[int, str, str]:
        from faas_runtime.matching import compile_filters

        matches, found, moments = compile_filters(config.filters).matches, 0, [0.0, 0.0]
        query = EventQuery(since_s=since_s, until_s=until_s)
        async with self._access.open(self._broker(config.broker)) as streams:
            position, end = await _range(streams, query)
            while end is not None and position < end:
                events = await streams.log.read(position, limit=_BATCH, wait_s=_WAIT_S)
                if not events:
                    break
                position = events[-1].sequence + 1
                for event in events:
                    if event.sequence < end and matches(event.attributes):
                        moments = [moments[0] or event.stored_s, event.stored_s]
                        found += 1
                await asyncio.sleep(0)
        first, last = (rfc3339(moment) if moment else "" for moment in moments)
        return found, first, last

    # Dead letters

    async def dead_letters(self, broker: str, query: LetterQuery, limit: int) -> AsyncIterator[bytes]:
        """JSON lines: first {"total"}, then the newest `limit` of them, oldest first."""
        from faas.engine.broker.inspect_letters import find_letters

        total, newest = 0, deque[Line](maxlen=limit)
        async with self._access.open(self._broker(broker)) as streams:
            async for letter, stream in find_letters(streams, query):
                newest.append(letter_line(letter, broker, stream))
                total += 1
        yield encode({"total": total})
        for piece in in_pieces(newest):
            yield piece

    async def dead_letter_streams(self, broker: str) -> dict[str, int]:
        """How many dead letters each stream has now; "" is the Broker's own."""
        async with self._access.open(self._broker(broker)) as streams:
            return await streams.dead_letters.streams()

    async def replay_dead(self, broker: str, query: LetterQuery) -> AsyncIterator[bytes]:
        """JSON lines: {"total"}, {} while it lasts, then {"delivered", "failed", "error"}."""
        by_stream = await self._sequences(broker, query)
        yield encode({"total": sum(len(sequences) for sequences in by_stream.values())})
        async for line in _waited(asyncio.ensure_future(self._replay_streams(broker, by_stream))):
            yield line

    async def _replay_streams(self, broker: str, by_stream: Mapping[str, list[int]]) -> ReplayDone:
        delivered, failed, errors = 0, 0, []
        for stream, sequences in by_stream.items():
            done = await self._link.replay_dead(broker, stream, tuple(sequences))
            delivered, failed = delivered + done.delivered, failed + done.failed
            errors += [done.error] if done.error else []
        return ReplayDone(0, delivered, failed, "; ".join(errors))

    async def purge_dead(self, broker: str, query: LetterQuery) -> int:
        """Forget dead letters; how many."""
        if query == LetterQuery(query.stream):
            async with self._access.open(self._broker(broker)) as streams:
                counts = await streams.dead_letters.streams()
                doomed = {name: count for name, count in counts.items() if query.stream in (None, name)}
                for stream in doomed:
                    await streams.dead_letters.purge(stream)
            return sum(doomed.values())
        by_stream = await self._sequences(broker, query)
        async with self._access.open(self._broker(broker)) as streams:
            for stream, sequences in by_stream.items():
                for sequence in sequences:
                    await streams.dead_letters.remove(stream, sequence)
        return sum(len(sequences) for sequences in by_stream.values())

    async def _sequences(self, broker: str, query: LetterQuery) -> dict[str, list[int]]:
        from faas.engine.broker.inspect_letters import find_letters

        found: dict[str, list[int]] = {}
        async with self._access.open(self._broker(broker)) as streams:
            async for letter, stream in find_letters(streams, query):
                found.setdefault(stream, []).append(letter.sequence)
        return found

    # What there is

    def _broker(self, key: str) -> BrokerConfig:
        config = self._board.brokers.get(key)
        if config is None:
            raise Unknown("broker", key, tuple(sorted(self._board.brokers)))
        return config

    def _trigger(self, key: str) -> TriggerConfig:
        if key not in self._board.triggers:
            raise Unknown("trigger", key, tuple(sorted(self._board.triggers)))
        config = self._board.triggers[key]
        if config is None:
            raise NotDeliverable(f"the trigger {key} cannot be delivered to now; its conditions say why")
        return config

    def _still(self, config: BrokerConfig) -> None:
        """Raises: Unknown: the Broker was deleted, or is another one now."""
        current = self._board.brokers.get(config.key)
        if current is None or current.uid != config.uid:
            raise Unknown("broker", config.key, tuple(sorted(self._board.brokers)))

    async def _when_back(self, streams: Streams) -> None:
        """Wait for the NATS server as long as there is the Broker."""
        await asyncio.sleep(_WAIT_S)
        self._still(streams.config)
        with contextlib.suppress(EventingUnavailable):
            await until_connected(streams.connection)

    def _note_seen(self, types: tuple[SeenType, ...]) -> None:
        self._seen = types


async def _range(streams: Streams, query: EventQuery) -> tuple[int, int | None]:
    """The first position that is read, and the one to stop at; None: never. Raises: LogUnavailable."""
    state = await streams.log.state()
    end = None if query.follow else state.last + 1
    if query.until_s is not None:
        end = await streams.log.find(query.until_s)
    if query.after is not None:
        # A log that has lost its end (a power cut) goes on below the position that was read.
        return min(query.after, state.last) + 1, end
    start = state.last + 1 if query.since_s is None else await streams.log.find(query.since_s)
    return start, end


async def _waited(work: asyncio.Future[ReplayDone]) -> AsyncIterator[bytes]:
    """{} from time to time, and how it ended; whoever leaves does not end it."""
    try:
        while not work.done():
            await asyncio.wait({work}, timeout=_ALIVE_S)
            if not work.done():
                yield encode({})
        done = work.result()
    except BrokerGone as error:
        yield encode({"delivered": None, "failed": None, "error": str(error)})
        return
    finally:
        work.cancel()
    yield encode({"delivered": done.delivered, "failed": done.failed, "error": done.error})
