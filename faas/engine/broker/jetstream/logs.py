"""The server's streams, made for Brokers and handed out."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Any, NamedTuple

from faas.engine.broker.jetstream.connection import NatsConnection, NatsServer
from faas.engine.broker.jetstream.cursors import JetStreamCursors
from faas.engine.broker.jetstream.dead_letters import JetStreamDeadLetters
from faas.engine.broker.jetstream.events import JetStreamLog
from faas.engine.broker.jetstream.health import write_failure
from faas.engine.broker.jetstream.naming import Names, names_of
from faas.engine.broker.jetstream.publishing import Publisher
from faas.engine.broker.jetstream.stream import delete_stream, ensure_stream
from faas.engine.broker.seams.log import LogFull
from faas.engine.contract.eventing import BrokerConfig

_TICK_S = 0.5


class _Open(NamedTuple):
    log: JetStreamLog
    dead_letters: JetStreamDeadLetters
    cursors: JetStreamCursors


class JetStreamLogs:
    """A Logs. Open it with `running_logs`.

    `lost` and `gained` of its `connection` say how the server is.
    """

    def __init__(self, server: Callable[[], NatsServer]) -> None:
        self.connection = NatsConnection(server)
        self._publisher = Publisher(self.connection)
        self._open: dict[tuple[str, str], _Open] = {}

    async def open(self, config: BrokerConfig) -> tuple[JetStreamLog, JetStreamDeadLetters, JetStreamCursors]:
        names = names_of(config.key, config.uid)
        try:
            for wanted in _configs(names, config):
                await ensure_stream(self.connection, wanted)
        except LogFull as error:
            raise LogFull(
                f"the NATS server has no room for this Broker's {config.max_bytes} bytes, which it reserves ({error}): "
                f"annotate the Broker with a smaller faas.dev/max-bytes, or give the server more room"
            ) from error
        known = self._open.get((config.key, config.uid))
        if known is None:
            parts = self.connection, self._publisher, names
            known = _Open(JetStreamLog(*parts), JetStreamDeadLetters(*parts), JetStreamCursors(*parts))
            self._open[config.key, config.uid] = known
        return known

    async def delete(self, key: str, uid: str) -> None:
        known = self._open.pop((key, uid), None)
        if known is not None:
            await known.log.close()
        names = names_of(key, uid)
        for stream in (names.events, names.dead_letters, names.cursors):
            await delete_stream(self.connection, stream)

    async def write_failure(self) -> str:
        """Why a stream stores nothing any more; "": all do, as far as the server tells. Raises: LogUnavailable.

        Who waits for what such a stream would have stored need not wait any longer.
        """
        failure = await write_failure(self.connection)
        if failure:
            self._publisher.give_up(failure)
        return failure

    async def close(self) -> None:
        opened, self._open = self._open, {}
        for known in opened.values():
            await known.log.close()

    async def give_up_the_old(self) -> None:
        """Fail what the server never acknowledges, until cancelled."""
        while True:
            await asyncio.sleep(_TICK_S)
            self._publisher.tick()


@contextlib.asynccontextmanager
async def running_logs(server: Callable[[], NatsServer]) -> AsyncIterator[JetStreamLogs]:
    """Logs over a connection that is kept while the block runs; it need not be there yet."""
    logs = JetStreamLogs(server)
    async with asyncio.TaskGroup() as tasks:
        ticking = tasks.create_task(logs.give_up_the_old())
        connecting = tasks.create_task(logs.connection.run())
        try:
            yield logs
        finally:
            try:
                await logs.close()
            finally:
                ticking.cancel()
                connecting.cancel()


def _configs(names: Names, config: BrokerConfig) -> list[dict[str, Any]]:
    # The metadata is for people: whose stream is this?
    common = {
        "retention": "limits",
        "storage": "file",
        "metadata": {"faas.dev/broker": config.key, "faas.dev/uid": config.uid},
    }
    events = {"subjects": [names.events_prefix + ">"], "discard": "new", "max_bytes": config.max_bytes}
    # Dead letters stay until somebody takes them: what failed for good is not lost, so it is never dropped for newer.
    # (JetStream reserves what a stream may have, so an allowance that is never used is not free either.)
    dead = {"subjects": [names.dead_letters_prefix + ">"], "discard": "new", "max_bytes": config.max_bytes // 4}
    cursors = {"subjects": [names.cursors_prefix + ">"], "discard": "old", "max_msgs_per_subject": 1}
    return [
        {"name": names.events, **common, **events},
        {"name": names.dead_letters, **common, **dead},
        {"name": names.cursors, **common, **cursors},
    ]
