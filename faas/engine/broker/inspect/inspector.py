"""What the API's `/faas/v1` endpoints ask of eventing, answered."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any, Self

from faas.engine.broker.inspect.events import count, follow, range_of, read
from faas.engine.broker.inspect.ingress import hand_in
from faas.engine.broker.inspect.lines import encode, event_line, in_pieces, letter_line
from faas.engine.broker.inspect.report import make_report
from faas.engine.broker.inspect.streams import StreamAccess
from faas.engine.broker.link import BrokerGone, BrokerLink
from faas.engine.contract.board import Board
from faas.engine.contract.eventing import BrokerConfig, ReplayDone, ReplayFailure, SeenType, TriggerConfig
from faas.engine.contract.inspecting import (
    EventingUnavailable,
    EventQuery,
    LetterQuery,
    NotDeliverable,
    Unknown,
)
from faas.engine.contract.settings import EngineSettings

_READY_S = 10.0
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
        await hand_in(self._settings.broker_socket, broker, headers, body)

    async def events(self, broker: str, query: EventQuery) -> AsyncIterator[bytes]:
        """JSON lines: first {"position"}, which events come after it, then stored events as they are stored."""
        config = self._broker(broker)
        async with self._access.open(config) as streams:
            (start, end), left = await range_of(streams, query), query.limit
            yield encode({"position": start - 1})
            batches = (
                read(streams, start, end) if end is not None else follow(streams, start, lambda: self._still(config))
            )
            async for events in batches:
                wanted = [event for event in events if query.wanted(event.attributes)][:left]
                for piece in in_pieces(map(event_line, wanted)):
                    yield piece
                if left is not None and (left := left - len(wanted)) <= 0:
                    return

    async def types(self, broker: str) -> list[dict[str, Any]]:
        from faas.engine.broker.inspect.types import make_types, stored_types

        config = self._broker(broker)
        triggers = [trigger for _, trigger in self._board.triggers.items() if trigger and trigger.broker == broker]
        async with self._access.open(config) as streams:
            stored = await stored_types(streams)
        return make_types(stored, [seen for seen in self._seen if seen.broker == broker], triggers)

    async def replay(self, trigger: str, *, since_s: float, until_s: float, dry_run: bool) -> AsyncIterator[bytes]:
        """JSON lines: of a dry run {"matching"}; else {} while it lasts, then how it ended, as of `replay_dead`."""
        config = self._trigger(trigger)
        if dry_run:
            from faas_runtime.events.matching import compile_filters

            query = EventQuery(compile_filters(config.filters).matches, since_s=since_s, until_s=until_s)
            async with self._access.open(self._broker(config.broker)) as streams:
                yield encode(await count(streams, query))
            return
        await self._until_ready(config.broker)
        async for line in _waited(asyncio.ensure_future(self._link.replay(trigger, since_s=since_s, until_s=until_s))):
            yield line

    # Dead letters

    async def dead_letters(self, broker: str, query: LetterQuery, limit: int) -> AsyncIterator[bytes]:
        """JSON lines: first {"total"}, then the newest `limit` of them, oldest first."""
        from faas.engine.broker.inspect.letters import newest_letters

        async with self._access.open(self._broker(broker)) as streams:
            total, newest = await newest_letters(streams, query, limit)
        yield encode({"total": total})
        for piece in in_pieces(letter_line(letter, broker, stream) for letter, stream in newest):
            yield piece

    async def dead_letter_streams(self, broker: str) -> dict[str, int]:
        """How many dead letters each stream has now; "" is the Broker's own."""
        async with self._access.open(self._broker(broker)) as streams:
            return await streams.dead_letters.streams()

    async def replay_dead(self, broker: str, query: LetterQuery) -> AsyncIterator[bytes]:
        """JSON lines: {"total"}, {} while it lasts, then {"delivered", "failed", "error", "failures"}."""
        by_stream = await self._sequences(broker, query)
        await self._until_ready(broker)
        yield encode({"total": sum(len(sequences) for sequences in by_stream.values())})
        async for line in _waited(asyncio.ensure_future(self._replay_streams(broker, by_stream))):
            yield line

    async def _replay_streams(self, broker: str, by_stream: Mapping[str, list[int]]) -> ReplayDone:
        delivered, failed = 0, 0
        errors: list[str] = []
        failures: list[ReplayFailure] = []
        for stream, sequences in by_stream.items():
            done = await self._link.replay_dead(broker, stream, tuple(sequences))
            delivered, failed = delivered + done.delivered, failed + done.failed
            errors += [done.error] if done.error else []
            failures += done.failures
        return ReplayDone(0, delivered, failed, "; ".join(errors), tuple(failures))

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
        from faas.engine.broker.inspect.letters import find_letters

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

    async def _until_ready(self, broker: str) -> None:
        """Its process may be restarting: it knows the triggers once it has opened the streams.

        Raises: EventingUnavailable: it takes too long.
        """
        known = self._board.broker_status
        try:
            async with asyncio.timeout(_READY_S):
                async for _ in known.changes():
                    if (status := known.get(broker)) is not None and status.ready:
                        return
        except TimeoutError:
            status = known.get(broker)
            raise EventingUnavailable((status and status.message) or f"the Broker {broker} is starting") from None

    def _still(self, config: BrokerConfig) -> None:
        """Raises: Unknown: the Broker was deleted, or is another one now."""
        current = self._board.brokers.get(config.key)
        if current is None or current.uid != config.uid:
            raise Unknown("broker", config.key, tuple(sorted(self._board.brokers)))

    def _note_seen(self, types: tuple[SeenType, ...]) -> None:
        self._seen = types


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
    document = {"delivered": done.delivered, "failed": done.failed, "error": done.error}
    yield encode({**document, "failures": done.failures})
