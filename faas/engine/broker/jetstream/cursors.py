"""One Broker's cursors: a stream that keeps the newest message of each subject, and a subject for each trigger."""

from __future__ import annotations

import asyncio

from faas.engine.broker.jetstream.connection import NatsConnection
from faas.engine.broker.jetstream.consumers import read_once
from faas.engine.broker.jetstream.naming import Names, token
from faas.engine.broker.jetstream.publishing import Publisher
from faas.engine.broker.jetstream.stream import purge, stream_state


class JetStreamCursors:
    """A Cursors. A record is the trigger's uid, a zero byte, and the value."""

    def __init__(self, connection: NatsConnection, publisher: Publisher, names: Names) -> None:
        self._connection = connection
        self._publisher = publisher
        self._stream = names.cursors
        self._prefix = names.cursors_prefix

    async def load(self) -> dict[str, bytes]:
        count = (await stream_state(self._connection, self._stream)).events
        if not count:
            return {}
        values = {}
        for message in await read_once(self._connection, self._stream, {"deliver_policy": "all"}, count):
            uid, _, value = message.record.partition(b"\0")
            values[uid.decode()] = value
        return values

    async def save(self, values: dict[str, bytes]) -> None:
        publish, prefix = self._publisher.publish, self._prefix
        results = await asyncio.gather(
            *(publish(prefix + token(uid), uid.encode() + b"\0" + value) for uid, value in values.items()),
            return_exceptions=True,
        )
        for result in results:
            if isinstance(result, BaseException):
                raise result

    async def remove(self, uid: str) -> None:
        await purge(self._connection, self._stream, filter=self._prefix + token(uid))
