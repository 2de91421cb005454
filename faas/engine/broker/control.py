"""The broker's end of the control socket: listens for the engine, and goes on without one."""

from __future__ import annotations

import logging
from collections.abc import Callable, Coroutine
from typing import Any

import msgspec

from faas.engine.broker.keeping.brokers import Brokers
from faas.engine.broker.seams.dispatching import Dispatcher
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
from faas.engine.contract.lines import LineConnection

_log = logging.getLogger("faas.broker")
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
        self._engine: LineConnection[ToBroker] | None = None
        self._said: EventingStatus | None = None  # to this engine

    def make_protocol(self) -> LineConnection[ToBroker]:
        return LineConnection(
            self, msgspec.json.Decoder(ToBroker), _log, "the engine says what this broker does not know"
        )

    def opened(self, connection: LineConnection[ToBroker]) -> None:
        if self._engine is not None:
            self._engine.abort()
        self._engine = connection
        self._said = None
        self.tell()

    def closed(self, connection: LineConnection[ToBroker]) -> None:
        if self._engine is connection:
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
        if engine is None:
            return False
        if isinstance(message, EventingStatus) and engine.unsent_bytes > _MAX_BUFFERED_BYTES:
            return False
        return engine.send(message)

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
            self._engine.close()
