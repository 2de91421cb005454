"""Wires the data plane: table and endpoints in, requests to their revisions, facts for the engine out."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import sys
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from random import random
from time import monotonic
from typing import Any, Protocol

from faas.engine.contract.dataplane import (
    ColdStart,
    EndpointEntry,
    Endpoints,
    Idle,
    Load,
    Metrics,
    Poke,
    RevisionPolicy,
    ScrapeMetrics,
    Table,
    ToEngine,
    ToGateway,
    Unreachable,
)
from faas.engine.gateway import metrics
from faas.engine.gateway.deadlines import Deadlines
from faas.engine.gateway.exchange import Exchange
from faas.engine.gateway.limits import Limits
from faas.engine.gateway.pool import Http1Pool, Http2Pool
from faas.engine.gateway.problem import Refused
from faas.engine.gateway.response import Response
from faas.engine.gateway.revision import Pool, Revision
from faas.engine.gateway.routing import Router, choose, is_internal, strip_prefix
from faas.engine.gateway.tracing import Tracer
from faas.engine.gateway.tunnel import Tunnel

_log = logging.getLogger("faas.gateway")


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
        self.revisions: dict[str, Revision] = {}
        self._router = Router(self.table)
        self._connections: set[Connection] = set()
        self._pumps: dict[Revision, asyncio.TimerHandle] = {}
        self._closed_one = asyncio.Event()

    # From the engine

    def handle(self, message: ToGateway) -> None:
        if isinstance(message, Endpoints):
            self.update_endpoints(message)
        elif isinstance(message, Table):
            self.update_table(message)
        else:
            self._scrape(message)

    def update_table(self, table: Table) -> None:
        """Replace the routing state. Revisions that are not in it any more finish what they have."""
        self.table = table
        self._router = Router(table, own_hosts=self.own_hosts)
        for name, policy in table.revisions.items():
            revision = self._revision(name, policy)
            revision.listed = True
            if revision.policy != policy:
                revision.adopt(policy)
                revision.pump()
        for name, revision in list(self.revisions.items()):
            revision.listed = name in table.revisions
            self._drop_if_unused(revision)
        self.state_changed()

    def update_endpoints(self, message: Endpoints) -> None:
        # Endpoints may come before the table that names their revision.
        policy = self.table.revisions.get(message.revision) or _unlisted_policy(message.revision)
        revision = self._revision(message.revision, policy)
        revision.update(message.entries)
        self._drop_if_unused(revision)
        self.state_changed()

    def known_endpoints(self) -> list[Endpoints]:
        return [
            Endpoints(name, tuple(backend.entry for backend in revision.backends.values()))
            for name, revision in self.revisions.items()
            if revision.backends
        ]

    def _revision(self, name: str, policy: RevisionPolicy) -> Revision:
        revision = self.revisions.get(name)
        if revision is None:
            revision = self.revisions[name] = Revision(name, policy, self)
        return revision

    def _drop_if_unused(self, revision: Revision) -> None:
        if not revision.listed and not revision.backends and not revision.load.count:
            del self.revisions[revision.name]

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

    # From exchanges

    def finished(self, exchange: Exchange, status: int, now: float) -> None:
        revision = exchange.revision
        assert revision is not None
        if exchange.slot >= 0:
            self.deadlines.cancel(exchange)
        revision.metrics.answered(status, now - exchange.arrived_s)
        revision.release(exchange, now)
        if exchange.span is not None:
            exchange.span.finish(status)
        if self.access_log_rate and random() < self.access_log_rate:
            _write_access_line(exchange, status, now)
        if not revision.listed:
            self._drop_if_unused(revision)

    def handed_over_cold(self, exchange: Exchange) -> None:
        revision = exchange.revision
        assert revision is not None
        seconds = monotonic() - exchange.arrived_s
        revision.metrics.cold_starts.observe(seconds)
        self.tell_engine(ColdStart(revision.name, seconds))

    def tunnel(self, exchange: Exchange, head: Response, instance: asyncio.Transport, rest: bytes) -> None:
        """Switch both sides to passing bytes, after a 101 that was asked for."""
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

    # What revisions need (revision.Surroundings)

    def make_pool(self, revision: Revision, entry: EndpointEntry) -> Pool:
        kind = Http2Pool if revision.policy.protocol == "h2c" else Http1Pool
        return kind(entry.address, self.limits, self.spawn)

    def poke(self, revision: str, waiting: int) -> None:
        self.tell_engine(Poke(revision, waiting))

    def idle(self, revision: str, endpoint: str) -> None:
        self.tell_engine(Idle(revision, endpoint))

    def unreachable(self, revision: str, endpoint: str, error: str) -> None:
        self.tell_engine(Unreachable(revision, endpoint, error))

    def call_at(self, when: float, revision: Revision) -> None:
        pending = self._pumps.get(revision)
        loop = asyncio.get_running_loop()
        due = loop.time() + max(0.001, when - monotonic())
        if pending is not None:
            if pending.when() <= due:
                return
            pending.cancel()
        self._pumps[revision] = loop.call_at(due, self._pump, revision)

    def _pump(self, revision: Revision) -> None:
        del self._pumps[revision]
        revision.pump()

    # Each second, and at the end

    def tick(self) -> None:
        """Report the load of the last second; close connections that have been idle for too long."""
        now = monotonic()
        samples = [sample for revision in self.revisions.values() if (sample := revision.sample(now)) is not None]
        if samples:
            self.tell_engine(Load(tuple(samples)))
        for revision in self.revisions.values():
            for backend in revision.backends.values():
                backend.pool.sweep()

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
        for timer in self._pumps.values():
            timer.cancel()
        self.deadlines.close()
        for revision in self.revisions.values():
            for backend in revision.backends.values():
                backend.pool.close_idle()
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

    def _scrape(self, message: ScrapeMetrics) -> None:
        self.tell_engine(Metrics(message.id, self.metrics_text()))


def _unlisted_policy(name: str) -> RevisionPolicy:
    return RevisionPolicy(name, name.partition("/")[0], "", "")


def _write_access_line(exchange: Exchange, status: int, now: float) -> None:
    request = exchange.request
    line = {
        "method": request.method.decode("latin-1"),
        "host": request.host.decode("latin-1"),
        "path": request.target.partition(b"?")[0].decode("latin-1"),
        "status": status,
        "seconds": round(now - exchange.arrived_s, 6),
        "revision": exchange.revision.name if exchange.revision is not None else "",
        "request_id": request.request_id.decode("latin-1"),
        "traceparent": request.traceparent.decode("latin-1"),
    }
    sys.stdout.write(json.dumps(line) + "\n")
