"""One revision in the data plane: its endpoints, what each of them has in flight, and who waits for one."""

from __future__ import annotations

import math
from collections import OrderedDict
from random import random
from time import monotonic
from typing import Protocol

from faas.engine.contract.dataplane import EndpointEntry, LoadSample, RevisionPolicy
from faas.engine.gateway.balance import pick
from faas.engine.gateway.exchange import Exchange
from faas.engine.gateway.limits import Limits
from faas.engine.gateway.load import InFlight
from faas.engine.gateway.metrics import RevisionMetrics
from faas.engine.gateway.problem import Refused


class Pool(Protocol):
    """Connections to one endpoint."""

    def hand_over(self, exchange: Exchange) -> None:
        """Send the request over an idle or a new connection; what fails is told to the exchange."""
        ...

    def sweep(self) -> None:
        """Close what has been idle for too long."""
        ...

    def close_idle(self) -> None:
        """Keep no connection beyond its request from now on."""
        ...


class Surroundings(Protocol):
    """What a revision needs of the gateway."""

    limits: Limits

    def make_pool(self, revision: Revision, entry: EndpointEntry) -> Pool: ...

    def poke(self, revision: str, waiting: int) -> None: ...

    def idle(self, revision: str, endpoint: str) -> None: ...

    def unreachable(self, revision: str, endpoint: str, error: str) -> None: ...

    def call_at(self, when: float, revision: Revision) -> None:
        """Call `revision.pump` then; an earlier wish of the same revision stays."""
        ...


class Backend:
    """One endpoint. `in_flight` counts from being picked to the end of the answer."""

    __slots__ = ("draining", "entry", "failures", "in_flight", "pool", "suspended_until")

    def __init__(self, entry: EndpointEntry, pool: Pool) -> None:
        self.entry = entry
        self.pool = pool
        self.in_flight = 0
        self.draining = entry.draining
        self.suspended_until = 0.0
        self.failures = 0  # to connect, in a row


class Revision:
    """Queue and endpoints; every change of capacity ends in `pump`, which hands over in order of arrival."""

    def __init__(self, name: str, policy: RevisionPolicy, around: Surroundings) -> None:
        self.name = name
        self.adopt(policy)
        self.listed = False  # in the newest table
        self.backends: dict[str, Backend] = {}
        self.load = InFlight(monotonic())
        self.metrics = RevisionMetrics()
        self._around = around
        self._usable: list[Backend] = []
        self._queue: OrderedDict[Exchange, None] = OrderedDict()
        self._poked_s = 0.0

    def adopt(self, policy: RevisionPolicy) -> None:
        self.policy = policy
        # How long a request of this revision may be left alone before its timeouts are looked at.
        self.patience_s = min(
            policy.timeout_s, policy.response_start_timeout_s or math.inf, policy.idle_timeout_s or math.inf
        )

    @property
    def waiting(self) -> int:
        return len(self._queue)

    def admit(self, exchange: Exchange) -> None:
        """Take a request: hand it over, or let it wait.

        Raises: Refused: 503 when the queue is full; the request was not counted.
        """
        backend = None if self._queue else self._pick()
        if backend is not None:
            self.load.arrive(exchange.arrived_s)
            self._assign(exchange, backend)
            return
        if len(self._queue) >= self.policy.queue_depth:
            raise Refused(503, "too many requests are waiting for this function", retry_after_s=1)
        self.load.arrive(exchange.arrived_s)
        exchange.cold = not self._usable and not self._queue  # the first one tells how long it took
        self._queue[exchange] = None
        self._want_capacity()

    def requeue(self, exchange: Exchange, backend: Backend) -> None:
        """Its endpoint failed before it began: it goes first. The endpoint's place is free again."""
        self._queue[exchange] = None
        self._queue.move_to_end(exchange, last=False)
        self._leave(backend)
        self.pump()

    def release(self, exchange: Exchange, now: float) -> None:
        """An admitted request is over, wherever it was."""
        self.load.leave(now)
        backend = exchange.backend
        if backend is None:
            self._queue.pop(exchange, None)
            return
        self._leave(backend)
        if self._queue:
            self.pump()

    def update(self, entries: tuple[EndpointEntry, ...]) -> None:
        """Take a new list of endpoints: the ones gone finish what they have, the draining ones get no more."""
        wanted = {entry.id: entry for entry in entries}
        for name in [name for name, known in self.backends.items() if self._is_replaced(known, wanted.get(name))]:
            gone = self.backends.pop(name)
            gone.draining = True
            gone.pool.close_idle()
        for name, entry in wanted.items():
            known = self.backends.get(name)
            if known is None:
                known = self.backends[name] = Backend(entry, self._around.make_pool(self, entry))
            known.entry = entry
            known.draining = entry.draining
            if entry.draining:
                known.pool.close_idle()
                if not known.in_flight:
                    self._around.idle(self.name, name)
        self._refresh()
        self.pump()

    def suspend(self, backend: Backend, error: str) -> None:
        """Leave an endpoint alone for a moment; the engine hears that it cannot be reached."""
        limits = self._around.limits
        pause_s = min(limits.suspend_max_s, limits.suspend_s * 2**backend.failures)
        backend.failures = min(backend.failures + 1, 16)
        backend.suspended_until = monotonic() + pause_s
        self._refresh()
        self._around.unreachable(self.name, backend.entry.id, error)
        self._around.call_at(backend.suspended_until, self)

    def reached(self, backend: Backend) -> None:
        """A connection was made."""
        backend.failures = 0

    def pump(self) -> None:
        """Hand over while someone waits and there is room; whoever still waits makes the engine look."""
        self._refresh()
        while self._queue:
            backend = self._pick()
            if backend is None:
                self._want_capacity()
                return
            exchange, _ = self._queue.popitem(last=False)
            self._assign(exchange, backend)

    def sample(self, now: float) -> LoadSample | None:
        """The load since the last sample; None for a revision at rest."""
        if self.load.is_quiet:
            self.load.sample(now)
            return None
        concurrency, requests = self.load.sample(now)
        return LoadSample(self.name, concurrency, requests, self.load.count, len(self._queue))

    @staticmethod
    def _is_replaced(known: Backend, entry: EndpointEntry | None) -> bool:
        return entry is None or entry.address != known.entry.address

    def _refresh(self) -> None:
        now = monotonic()
        self._usable = [
            backend for backend in self.backends.values() if not backend.draining and backend.suspended_until <= now
        ]

    def _pick(self) -> Backend | None:
        usable = self._usable
        if len(usable) == 1:  # the commonest fleet
            only, limit = usable[0], self.policy.container_concurrency
            return only if not limit or only.in_flight < limit else None
        index = pick([backend.in_flight for backend in usable], self.policy.container_concurrency, random)
        return None if index < 0 else usable[index]

    def _assign(self, exchange: Exchange, backend: Backend) -> None:
        backend.in_flight += 1
        exchange.backend = backend
        backend.pool.hand_over(exchange)

    def _leave(self, backend: Backend) -> None:
        backend.in_flight -= 1
        if backend.draining and not backend.in_flight:
            backend.pool.close_idle()
            self._around.idle(self.name, backend.entry.id)

    def _want_capacity(self) -> None:
        """Poke now, or as soon as the interval allows; again for as long as someone waits."""
        now = monotonic()
        due = self._poked_s + self._around.limits.poke_interval_s
        if now >= due:
            self._poked_s = now
            self._around.poke(self.name, len(self._queue))
            due = now + self._around.limits.poke_interval_s
        self._around.call_at(due, self)
