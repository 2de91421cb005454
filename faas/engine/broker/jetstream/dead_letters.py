"""One Broker's dead letters: a stream with a subject for each name."""

from __future__ import annotations

import base64
import logging
from collections.abc import Sequence
from datetime import datetime

from faas.engine.broker.jetstream.connection import NatsConnection
from faas.engine.broker.jetstream.consumers import read_once
from faas.engine.broker.jetstream.naming import Names, text_of, token
from faas.engine.broker.jetstream.publishing import Publisher
from faas.engine.broker.jetstream.records import NotARecord, decode_dead_letter, encode_dead_letter
from faas.engine.broker.jetstream.stream import delete_message, get_message, purge, stream_info, stream_state
from faas.engine.broker.seams.log import DeadLetter, StoredEvent

_log = logging.getLogger("faas.broker.nats")


class JetStreamDeadLetters:
    """A DeadLetters."""

    def __init__(self, connection: NatsConnection, publisher: Publisher, names: Names) -> None:
        self._connection = connection
        self._publisher = publisher
        self._stream = names.dead_letters
        self._prefix = names.dead_letters_prefix

    async def append(self, stream: str, trigger: str, event: StoredEvent) -> int:
        return await self._publisher.publish(self._prefix + token(stream), encode_dead_letter(trigger, event))

    async def read(self, stream: str, start: int, *, limit: int) -> Sequence[DeadLetter]:
        config = {
            "deliver_policy": "by_start_sequence",
            "opt_start_seq": max(1, start),
            "filter_subject": self._prefix + token(stream),
        }
        letters = []
        for sequence, stored_s, record in await read_once(self._connection, self._stream, config, limit):
            letter = _decoded(sequence, stored_s, record)
            if letter is not None:
                letters.append(letter)
        return letters

    async def get(self, stream: str, sequence: int) -> DeadLetter | None:
        message = await get_message(self._connection, self._stream, sequence)
        if message is None or message["subject"] != self._prefix + token(stream):
            return None
        # Nanoseconds are cut off: datetime has microseconds.
        stored_s = datetime.fromisoformat(message["time"][:19] + "+00:00").timestamp()
        fraction = message["time"][19:].rstrip("Z")
        return _decoded(sequence, stored_s + float(fraction or 0), base64.b64decode(message.get("data", "")))

    async def remove(self, stream: str, sequence: int) -> None:
        if await self.get(stream, sequence) is not None:
            await delete_message(self._connection, self._stream, sequence)

    async def purge(self, stream: str) -> None:
        await purge(self._connection, self._stream, filter=self._prefix + token(stream))

    async def count(self) -> int:
        return (await stream_state(self._connection, self._stream)).events

    async def streams(self) -> dict[str, int]:
        info = await stream_info(self._connection, self._stream, subjects_filter=self._prefix + ">")
        subjects: dict[str, int] = info["state"].get("subjects") or {}
        return {text_of(subject.removeprefix(self._prefix)): count for subject, count in subjects.items()}


def _decoded(sequence: int, stored_s: float, record: bytes) -> DeadLetter | None:
    try:
        trigger, event = decode_dead_letter(record)
    except NotARecord as error:
        _log.warning("left out what is at %d of the dead letters: %s", sequence, error)
        return None
    return DeadLetter(sequence, stored_s, trigger, event)
