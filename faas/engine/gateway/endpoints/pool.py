"""Connections to one endpoint: the last one used is used first, idle ones go before the instance would close them."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from time import monotonic
from typing import Any, Literal

from faas.engine.gateway.endpoints.connecting import ConnectFailed, connect
from faas.engine.gateway.endpoints.http1 import Http1Upstream
from faas.engine.gateway.endpoints.http2 import Http2Upstream
from faas.engine.gateway.exchanges.exchange import Exchange
from faas.engine.gateway.exchanges.retry import Failure
from faas.engine.gateway.http.problem import Refused
from faas.engine.gateway.limits import Limits

Spawn = Callable[[Coroutine[Any, Any, None]], object]


def make_pool(protocol: Literal["http1", "h2c"], address: str, limits: Limits, spawn: Spawn) -> Http1Pool | Http2Pool:
    """A pool for an instance that speaks `protocol`; whoever owns `spawn` owns the tasks that connect."""
    return (Http2Pool if protocol == "h2c" else Http1Pool)(address, limits, spawn)


class Http1Pool:
    """One request at a time on each connection."""

    def __init__(self, address: str, limits: Limits, spawn: Spawn) -> None:
        self.address = address
        self.is_unix = address.startswith("unix:")
        self._limits = limits
        self._spawn = spawn
        self._idle: list[Http1Upstream] = []
        self.closed = False  # no connection is kept any more

    def hand_over(self, exchange: Exchange) -> None:
        idle = self._idle
        oldest = monotonic() - self._limits.reuse_s
        while idle:
            connection = idle.pop()
            if connection.idle_since >= oldest and not connection.is_closing:
                connection.begin(exchange)
                return
            connection.close()
        self._spawn(self._connect(exchange))

    def put(self, connection: Http1Upstream) -> None:
        """Keep a connection whose answer is complete."""
        if self.closed or len(self._idle) >= self._limits.idle_connections:
            connection.close()
            return
        connection.idle_since = monotonic()
        self._idle.append(connection)

    def forget(self, connection: Http1Upstream) -> None:
        if connection in self._idle:
            self._idle.remove(connection)

    def sweep(self) -> None:
        """Close what has been idle for too long."""
        oldest = monotonic() - self._limits.reuse_s
        while self._idle and self._idle[0].idle_since < oldest:
            self._idle.pop(0).close()

    def close_idle(self) -> None:
        self.closed = True
        while self._idle:
            self._idle.pop().close()

    async def _connect(self, exchange: Exchange) -> None:
        try:
            connection = await connect(self.address, lambda: Http1Upstream(self), self._limits.connect_timeout_s)
        except ConnectFailed as error:
            exchange.upstream_failed(Failure(connected=False, description=str(error)))
            return
        if exchange.finished:
            self.put(connection)
            return
        exchange.reached()
        connection.start(exchange)


class Http2Pool:
    """Many requests on each connection (h2c by prior knowledge), as many connections as they need."""

    def __init__(self, address: str, limits: Limits, spawn: Spawn) -> None:
        self.address = address
        self._limits = limits
        self._spawn = spawn
        self._connections: list[Http2Upstream] = []
        self._waiting: list[Exchange] = []
        self._connecting = False
        self.closed = False

    def hand_over(self, exchange: Exchange) -> None:
        if exchange.request.upgrade:
            exchange.fail(Refused(501, "this function speaks HTTP/2, which has no upgrades"))
            return
        if not self._waiting:
            for connection in self._connections:
                if connection.has_room:
                    connection.start(exchange)
                    return
        self._waiting.append(exchange)
        if not self._connecting:
            self._connecting = True
            self._spawn(self._connect())

    def forget(self, connection: Http2Upstream) -> None:
        if connection in self._connections:
            self._connections.remove(connection)

    def sweep(self) -> None:
        oldest = monotonic() - self._limits.keep_alive_s
        for connection in list(self._connections):
            if connection.is_idle and (self.closed or connection.idle_since < oldest):
                connection.close()

    def close_idle(self) -> None:
        self.closed = True
        self.sweep()

    async def _connect(self) -> None:
        while self._waiting:
            try:
                connection = await connect(
                    self.address, lambda: Http2Upstream(self, self._limits), self._limits.connect_timeout_s
                )
            except ConnectFailed as error:
                waiting, self._waiting, self._connecting = self._waiting, [], False
                for exchange in waiting:
                    exchange.upstream_failed(Failure(connected=False, description=str(error)))
                return
            self._connections.append(connection)
            while self._waiting and connection.has_room:
                exchange = self._waiting.pop(0)
                if not exchange.finished:
                    exchange.reached()
                    connection.start(exchange)
        self._connecting = False
