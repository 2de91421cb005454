"""One revision in the data plane: its endpoints, and who waits for one."""

from __future__ import annotations

import math
from collections import OrderedDict
from random import random
from time import monotonic
from typing import Protocol

from faas.engine.contract.dataplane import ColdStart, EndpointEntry, LoadSample, Poke, RevisionPolicy, ToEngine
from faas.engine.gateway.exchanges.exchange import Exchange
from faas.engine.gateway.http.problem import Refused
from faas.engine.gateway.limits import Limits
from faas.engine.gateway.metrics import RevisionMetrics
from faas.engine.gateway.revisions.backend import Backend, Pool
from faas.engine.gateway.revisions.balance import pick
from faas.engine.gateway.revisions.load import InFlight


class Surroundings(Protocol):
    """What a revision needs of the gateway."""

    limits: Limits

    def tell_engine(self, message: ToEngine) -> None: ...

    def make_pool(self, policy: RevisionPolicy, entry: EndpointEntry) -> Pool: ...

    def call_at(self, when: float, revision: Revision) -> None:
        """Call `revision.pump` then; an earlier wish of the same revision stays."""
        ...

    def went_quiet(self, revision: Revision) -> None:
        """One that no table lists any more has finished a request."""
        ...


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

    # From the engine

    def adopt(self, policy: RevisionPolicy) -> None:
        self.policy = policy
        # How long a request of this revision may be left alone before its timeouts are looked at.
        self.patience_s = min(
            policy.timeout_s, policy.response_start_timeout_s or math.inf, policy.idle_timeout_s or math.inf
        )

    def update(self, entries: tuple[EndpointEntry, ...]) -> None:
        """Take a new list of endpoints: the ones gone finish what they have, the draining ones get no more."""
        wanted = {entry.id: entry for entry in entries}
        for name in [name for name, known in self.backends.items() if _is_replaced(known, wanted.get(name))]:
            self.backends.pop(name).dismiss()
        for name, entry in wanted.items():
            known = self.backends.get(name)
            if known is None:
                pool = self._around.make_pool(self.policy, entry)
                known = self.backends[name] = Backend(self.name, entry, pool, self._around)
            known.adopt(entry)
        self.pump()

    # From the gateway

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

    def pump(self) -> None:
        """Hand over while someone waits and there is room; whoever still waits makes the engine look."""
        now = monotonic()
        self._usable = [backend for backend in self.backends.values() if backend.is_usable(now)]
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

    # From exchanges (exchange.Queue)

    def handed_over_cold(self, seconds: float) -> None:
        self.metrics.cold_starts.observe(seconds)
        self._around.tell_engine(ColdStart(self.name, seconds))

    def requeue(self, exchange: Exchange, *, unreachable: str | None) -> None:
        backend, exchange.backend = exchange.backend, None
        assert backend is not None
        self._queue[exchange] = None
        self._queue.move_to_end(exchange, last=False)
        if unreachable is not None:
            self._around.call_at(backend.suspend(unreachable), self)
        backend.leave()
        self.pump()

    def release(self, exchange: Exchange, status: int, now: float) -> None:
        self.metrics.answered(status, now - exchange.arrived_s)
        self.load.leave(now)
        backend = exchange.backend
        if backend is None:
            self._queue.pop(exchange, None)
        else:
            backend.leave()
            if self._queue:
                self.pump()
        if not self.listed:
            self._around.went_quiet(self)

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

    def _want_capacity(self) -> None:
        """Poke now, or as soon as the interval allows; again for as long as someone waits."""
        now = monotonic()
        due = self._poked_s + self._around.limits.poke_interval_s
        if now >= due:
            self._poked_s = now
            self._around.tell_engine(Poke(self.name, len(self._queue)))
            due = now + self._around.limits.poke_interval_s
        self._around.call_at(due, self)


def _is_replaced(known: Backend, entry: EndpointEntry | None) -> bool:
    return entry is None or entry.address != known.entry.address
