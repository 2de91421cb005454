"""The engine's own connection to the NATS server: made when somebody asks, gone when nobody has asked for a while."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, NamedTuple, Self

from faas.engine.broker.seams.log import LogError
from faas.engine.contract.eventing import BrokerConfig
from faas.engine.contract.inspecting import EventingUnavailable
from faas.engine.contract.settings import EngineSettings

if TYPE_CHECKING:  # an engine that nobody asks for events does without a NATS client
    from faas.engine.broker.jetstream.connection import NatsConnection
    from faas.engine.broker.jetstream.dead_letters import JetStreamDeadLetters
    from faas.engine.broker.jetstream.events import JetStreamLog
    from faas.engine.broker.jetstream.naming import Names

_log = logging.getLogger("faas.inspect")
_CONNECT_S = 5.0
_IDLE_S = 30.0  # shorter than nats-server is kept after the last Broker is gone, so its end is no lost connection


class Streams(NamedTuple):
    """One Broker's, as they are; nothing here makes them."""

    config: BrokerConfig
    connection: NatsConnection
    names: Names
    log: JetStreamLog
    dead_letters: JetStreamDeadLetters


class StreamAccess:
    """Owns the connection; `async with` it."""

    def __init__(self, settings: EngineSettings) -> None:
        self._settings = settings
        self._connection: NatsConnection | None = None
        self._running: asyncio.Task[None] | None = None
        self._users = 0
        self._idle: asyncio.TimerHandle | None = None

    async def __aenter__(self) -> Self:
        self._tasks = asyncio.TaskGroup()
        await self._tasks.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._idle is not None:
            self._idle.cancel()
        self._disconnect()
        await self._tasks.__aexit__(None, None, None)

    @property
    def is_connected(self) -> bool:
        return self._connection is not None and self._connection.is_connected

    @contextlib.asynccontextmanager
    async def open(self, config: BrokerConfig) -> AsyncIterator[Streams]:
        """Raises: EventingUnavailable, also for what goes wrong with the streams inside the block."""
        from faas.engine.broker.jetstream.dead_letters import JetStreamDeadLetters
        from faas.engine.broker.jetstream.events import JetStreamLog
        from faas.engine.broker.jetstream.naming import names_of
        from faas.engine.broker.jetstream.publishing import Publisher

        self._users += 1
        try:
            connection = self._use()
            await until_connected(connection)
            names = names_of(config.key, config.uid)
            parts = connection, Publisher(connection), names
            log = JetStreamLog(*parts)
            try:
                yield Streams(config, connection, names, log, JetStreamDeadLetters(*parts))
            except LogError as error:
                raise EventingUnavailable(str(error)) from error
            finally:
                await log.close()
        finally:
            self._users -= 1
            if not self._users:
                self._idle = asyncio.get_running_loop().call_later(_IDLE_S, self._disconnect)

    def _use(self) -> NatsConnection:
        from faas.engine.broker.jetstream.connection import NatsConnection, server_of

        if self._idle is not None:
            self._idle.cancel()
            self._idle = None
        if self._connection is None or self._running is None or self._running.done():
            self._connection = NatsConnection(lambda: server_of(self._settings))
            self._running = self._tasks.create_task(_contained(self._connection))
        return self._connection

    def _disconnect(self) -> None:
        self._idle = None
        if self._running is not None:
            self._running.cancel()
        self._connection = self._running = None


async def until_connected(connection: NatsConnection) -> None:
    """Raises: EventingUnavailable."""
    try:
        async with asyncio.timeout(_CONNECT_S):
            await connection.connected()
    except TimeoutError:
        raise EventingUnavailable("the NATS server, which keeps the events, does not answer") from None


async def _contained(connection: NatsConnection) -> None:
    """Its defect must not end the engine; the next question makes another connection."""
    try:
        await connection.run()
    except Exception:  # noqa: BLE001  # whatever it is, it is logged with its traceback
        _log.exception("the connection to the NATS server ended in a way nobody foresaw")
