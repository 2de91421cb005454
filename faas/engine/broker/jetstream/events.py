"""One Broker's events in their stream."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from faas.engine.broker.jetstream.connection import NatsConnection
from faas.engine.broker.jetstream.consumers import Message, read_once
from faas.engine.broker.jetstream.naming import Names, token
from faas.engine.broker.jetstream.publishing import Publisher
from faas.engine.broker.jetstream.reading import StreamReader
from faas.engine.broker.jetstream.records import NotARecord, decode_event, encode_event
from faas.engine.broker.jetstream.stream import purge, stream_state
from faas.engine.broker.seams.log import LogState, StoredEvent

_log = logging.getLogger("faas.broker.nats")
_READERS = 4  # positions that are read at the same time: the dispatcher's, and a few replays
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class JetStreamLog:
    """An EventLog."""

    def __init__(self, connection: NatsConnection, publisher: Publisher, names: Names) -> None:
        self._connection = connection
        self._publisher = publisher
        self._stream = names.events
        self._prefix = names.events_prefix
        self._readers: list[StreamReader] = []
        self._reading: set[int] = set()  # ids of readers that somebody waits for
        connection.lost.append(self._on_lost)

    async def append(self, attributes: dict[str, Any], data: bytes | None) -> int:
        subject = self._prefix + token(attributes["type"])
        return await self._publisher.publish(subject, encode_event(attributes, data))

    async def read(self, start: int, *, limit: int, wait_s: float) -> Sequence[StoredEvent]:
        reader = await self._reader_at(start)
        self._reading.add(id(reader))
        try:
            while True:
                events = _decoded(await reader.read(limit, wait_s))
                # A batch with nothing of ours in it must not look like the end of the log.
                if events or reader.position == start:
                    return events
                start = reader.position
        finally:
            self._reading.discard(id(reader))

    async def find(self, stored_s: float) -> int:
        # The server's times have nanoseconds, and a float has not: look from a little before, then compare.
        since = _EPOCH + timedelta(microseconds=int(stored_s * 1e6) - 2)
        config = {"deliver_policy": "by_start_time", "opt_start_time": since.isoformat().replace("+00:00", "Z")}
        for message in await read_once(self._connection, self._stream, config, 16):
            if message.stored_s >= stored_s:
                return message.sequence
        return (await self.state()).last + 1

    async def state(self) -> LogState:
        return await stream_state(self._connection, self._stream)

    async def trim(self, before: int) -> None:
        await purge(self._connection, self._stream, seq=before)

    async def close(self) -> None:
        self._connection.lost.remove(self._on_lost)
        readers, self._readers = self._readers, []
        for reader in readers:
            await reader.close()

    async def _reader_at(self, start: int) -> StreamReader:
        """The reader that is there, else the one that was not used for longest, sent there."""
        free = [reader for reader in self._readers if id(reader) not in self._reading]
        for reader in free:
            if reader.position == start:
                return reader
        fresh = StreamReader(self._connection, self._stream, start)
        self._readers.append(fresh)
        if len(self._readers) > _READERS and free:
            oldest = min(free, key=lambda reader: reader.used_s)
            self._readers.remove(oldest)
            await oldest.close()
        return fresh

    def _on_lost(self) -> None:
        for reader in self._readers:
            reader.wake()


def _decoded(messages: list[Message]) -> list[StoredEvent]:
    events = []
    for sequence, stored_s, record in messages:
        try:
            events.append(decode_event(record, sequence, stored_s))
        except NotARecord as error:
            _log.warning("left out what is at %d of a log: %s", sequence, error)
    return events
