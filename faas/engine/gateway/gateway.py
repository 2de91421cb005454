"""Wires the data plane: table and endpoints in, requests to their revisions, facts for the engine out."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from random import random
from time import monotonic
from typing import Any, Protocol

from faas.engine.contract.dataplane import (
    Endpoints,
    Load,
    Metrics,
    Table,
    ToEngine,
    ToGateway,
)
from faas.engine.gateway import access_log, metrics
from faas.engine.gateway.deadlines import Deadlines
from faas.engine.gateway.endpoints.pool import make_pool
from faas.engine.gateway.exchanges.exchange import Exchange
from faas.engine.gateway.exchanges.tunnel import Tunnel
from faas.engine.gateway.http.problem import Refused
from faas.engine.gateway.http.response import Response
from faas.engine.gateway.limits import Limits
from faas.engine.gateway.revisions.known import KnownRevisions
from faas.engine.gateway.routing import Router, choose, is_internal, strip_prefix
from faas.engine.gateway.tracing import Tracer


class Connection(Protocol):
    """A client's connection or a tunnel, as the gateway ends it."""

    def shut_down(self) -> None: ...

    def abort(self) -> None: ...


@dataclass
class Gateway:
    """Everything on one event loop. `spawn` starts a task that whoever runs the gateway owns."""

    limits: Limits
    spawn: Callable[[Coroutine[Any, Any, None]], object]
    own_hosts: tuple[str, ...] = ()
    tell_engine: Callable[[ToEngine], None] = lambda message: None
    state_changed: Callable[[], None] = lambda: None
    tracer: Tracer | None = None
    access_log_rate: float = 0.0  # share of requests that get a line
    stopping: bool = False
    metrics: metrics.GatewayMetrics = field(default_factory=metrics.GatewayMetrics)

    def __post_init__(self) -> None:
        self.deadlines = Deadlines(self.limits.tick_s)
        self.table = Table(0)
        self._router = Router(self.table)
        self._known = KnownRevisions(
            self.limits,
            make_pool=lambda policy, entry: make_pool(policy.protocol, entry.address, self.limits, self.spawn),
            tell_engine=lambda message: self.tell_engine(message),  # whom it tells is set later
        )
        self.revisions = self._known.by_name
        self._connections: set[Connection] = set()
        self._closed_one = asyncio.Event()

    # From the engine

    def handle(self, message: ToGateway) -> None:
        if isinstance(message, Endpoints):
            self.update_endpoints(message)
        elif isinstance(message, Table):
            self.update_table(message)
        else:
            self.tell_engine(Metrics(message.id, self.metrics_text()))

    def update_table(self, table: Table) -> None:
        """Replace the routing state."""
        self.table = table
        self._router = Router(table, own_hosts=self.own_hosts)
        self._known.list(table.revisions)
        self.state_changed()

    def update_endpoints(self, message: Endpoints) -> None:
        self._known.update(message)
        self.state_changed()

    def known_endpoints(self) -> tuple[Endpoints, ...]:
        return tuple(self._known.endpoints())

    # From clients' connections

    def opened(self, connection: Connection) -> bool:
        """Count a connection; False when there are too many."""
        self.metrics.connections += 1
        if len(self._connections) >= self.limits.client_connections:
            return False
        self._connections.add(connection)
        return True

    def closed(self, connection: Connection) -> None:
        self._connections.discard(connection)
        if self.stopping:
            self._closed_one.set()

    def begin(self, exchange: Exchange, *, public: bool) -> None:
        """Route a request and hand it over, queue it, or answer that neither can be."""
        request = exchange.request
        resolution = self._router.resolve(request.host, request.target, public=public)
        if resolution is not None and resolution.prefix:
            request.target = strip_prefix(request.target, resolution.prefix)
            exchange.prefix = resolution.prefix
        if resolution is None or (public and is_internal(request.target)):
            self.metrics.unrouted += 1
            self._refuse(exchange, Refused(404, "nothing is served under this host name and path"))
            return
        target = resolution.target
        splits = target.splits
        name = splits[0].revision if len(splits) == 1 else choose(splits, random())
        revision = self.revisions.get(name) if name is not None else None
        if revision is None:
            self._refuse(exchange, Refused(503, "no revision of this function takes requests yet", retry_after_s=1))
            return
        if self.tracer is not None:
            exchange.span = self.tracer.start(request.method, request.target, target.route, request.traceparent)
            request.traceparent = exchange.span.traceparent
        exchange.revision = revision
        try:
            revision.admit(exchange)
        except Refused as refused:
            revision.metrics.answered(refused.status, 0.0)
            exchange.revision = None
            self._refuse(exchange, refused)
            return
        if not exchange.finished:
            self.deadlines.schedule(exchange, exchange.arrived_s + revision.patience_s)

    def _refuse(self, exchange: Exchange, refused: Refused) -> None:
        exchange.finished = True
        if exchange.span is not None:
            exchange.span.finish(refused.status)
        exchange.client.refuse(refused)

    # From exchanges (exchange.Surroundings)

    def finished(self, exchange: Exchange, status: int, now: float) -> None:
        if exchange.slot >= 0:
            self.deadlines.cancel(exchange)
        if exchange.span is not None:
            exchange.span.finish(status)
        if self.access_log_rate and random() < self.access_log_rate:
            access_log.write_line(exchange, status, now)

    def tunnel(self, exchange: Exchange, head: Response, instance: asyncio.Transport, rest: bytes) -> None:
        exchange.answered_s = monotonic()
        exchange.status = 101
        switched = exchange.client.switch(head)
        if switched is None:
            instance.abort()
            exchange.finish(499)
            return
        client, held = switched

        def ended() -> None:
            self.closed(tunnel)
            if not exchange.finished:
                exchange.finish(101)

        tunnel = Tunnel(client, instance, moved=exchange.moved, ended=ended)
        self._connections.add(tunnel)
        exchange.tunnelled(tunnel)
        if rest:
            client.write(rest)
        if held:
            instance.write(held)

    # Each second, and at the end

    def tick(self) -> None:
        """Report the load of the last second; close connections that have been idle for too long."""
        samples = self._known.samples(monotonic())
        if samples:
            self.tell_engine(Load(samples))
        self._known.sweep()

    async def drain(self) -> None:
        """Let what is in flight finish, for `limits.drain_s` at most, then break off the rest."""
        self.stopping = True
        for connection in list(self._connections):
            connection.shut_down()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self.limits.drain_s):
                while self._connections:
                    self._closed_one.clear()
                    await self._closed_one.wait()
        for connection in list(self._connections):
            connection.abort()

    def close(self) -> None:
        self.deadlines.close()
        self._known.close()
        if self.tracer is not None:
            self.tracer.close()

    def metrics_text(self) -> str:
        views = {
            name: metrics.RevisionView(
                revision.metrics,
                revision.policy.service,
                revision.load.count,
                revision.waiting,
                len(revision.backends),
            )
            for name, revision in self.revisions.items()
        }
        return metrics.render(self.metrics, views, len(self._connections))
