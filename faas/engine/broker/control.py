"""The broker's end of the control socket: listens for the engine, and goes on without one."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any, cast

import msgspec

from faas.engine.broker.brokers import Brokers
from faas.engine.broker.dispatching import Dispatcher
from faas.engine.contract.eventing import (
    BrokerMetrics,
    Capacity,
    EventingStatus,
    EventingTable,
    FromBroker,
    Replay,
    ReplayDead,
    ReplayDone,
    ScrapeBroker,
    ToBroker,
)
from faas.engine.contract.lines import MessageReader

_log = logging.getLogger("faas.broker")
_MAX_LINE_BYTES = 256 * 1024 * 1024  # a table; a longer line is no engine of ours
_MAX_BUFFERED_BYTES = 4 * 1024 * 1024  # an engine that does not read gets no more status, which is said again anyway


class Control:
    """The newest connection is the engine: an older one is of an engine that has died.

    Args:
        scrape: the Prometheus text.
        spawn: runs a replay as a task that somebody owns.
    """

    def __init__(
        self,
        brokers: Brokers,
        dispatcher: Dispatcher,
        scrape: Callable[[], str],
        spawn: Callable[[Coroutine[Any, Any, None]], object],
    ) -> None:
        self._brokers = brokers
        self._dispatcher = dispatcher
        self._scrape = scrape
        self._spawn = spawn
        self._engine: _EngineConnection | None = None
        self._said: EventingStatus | None = None  # to this engine

    def make_protocol(self) -> _EngineConnection:
        return _EngineConnection(self)

    def connected(self, engine: _EngineConnection) -> None:
        if self._engine is not None:
            self._engine.transport.abort()
        self._engine = engine
        self._said = None
        self.tell()

    def lost(self, engine: _EngineConnection) -> None:
        if self._engine is engine:
            self._engine = None

    def tell(self) -> None:
        """Tell the engine how Brokers and triggers are, if it does not know; called each second."""
        if self._engine is None:
            return
        stores = list(self._brokers)
        status = EventingStatus(
            brokers=tuple(store.status(self._brokers.is_connected) for store in stores),
            triggers=self._dispatcher.status(),
            types=tuple(seen for store in stores for seen in store.types.seen()),
        )
        if status != self._said and self.send(status):
            self._said = status

    def send(self, message: FromBroker) -> bool:
        engine = self._engine
        if engine is None or engine.transport.is_closing():
            return False
        if isinstance(message, EventingStatus) and engine.transport.get_write_buffer_size() > _MAX_BUFFERED_BYTES:
            return False
        engine.transport.write(msgspec.json.encode(message) + b"\n")
        return True

    def handle(self, message: ToBroker) -> None:
        if isinstance(message, EventingTable):
            self._brokers.apply(message)
            self.tell()
        elif isinstance(message, Capacity):
            self._dispatcher.capacity(message.target, message.requests)
        elif isinstance(message, ScrapeBroker):
            self.send(BrokerMetrics(message.id, self._scrape()))
        else:
            self._spawn(self._replay(message))

    async def _replay(self, request: Replay | ReplayDead) -> None:
        replay = self._dispatcher.replay if isinstance(request, Replay) else self._dispatcher.replay_dead
        try:
            done = await replay(request)  # type: ignore[arg-type]  # each takes its own kind
        except Exception as error:
            self.send(ReplayDone(request.id, error=f"the replay ended by a defect of the broker: {error!r}"))
            raise
        self.send(done)

    def close(self) -> None:
        if self._engine is not None:
            self._engine.transport.close()


class _EngineConnection(asyncio.Protocol):
    transport: asyncio.Transport

    def __init__(self, control: Control) -> None:
        self._control = control
        self._reader: MessageReader[ToBroker] = MessageReader(
            msgspec.json.Decoder(ToBroker), _log, "the engine sent what this broker does not understand"
        )

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self._control.connected(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._control.lost(self)

    def data_received(self, data: bytes) -> None:
        for message in self._reader.feed(data):
            self._control.handle(message)
        if self._reader.pending_bytes > _MAX_LINE_BYTES:
            self.transport.abort()
