"""One endpoint of a revision: what it has in flight, and whether it may be given more."""

from __future__ import annotations

from time import monotonic
from typing import Protocol

from faas.engine.contract.dataplane import EndpointEntry, Idle, ToEngine, Unreachable
from faas.engine.gateway.exchanges.exchange import Exchange
from faas.engine.gateway.limits import Limits


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
    """What a backend needs of the gateway."""

    limits: Limits

    def tell_engine(self, message: ToEngine) -> None: ...


class Backend:
    """exchange.Place. `in_flight` counts from being picked to the end of the answer."""

    __slots__ = ("_around", "_failures", "_revision", "_suspended_until", "draining", "entry", "in_flight", "pool")

    def __init__(self, revision: str, entry: EndpointEntry, pool: Pool, around: Surroundings) -> None:
        self.entry = entry
        self.pool = pool
        self.in_flight = 0
        self.draining = entry.draining
        self._revision = revision
        self._around = around
        self._suspended_until = 0.0
        self._failures = 0  # to connect, in a row

    def is_usable(self, now: float) -> bool:
        return not self.draining and self._suspended_until <= now

    def adopt(self, entry: EndpointEntry) -> None:
        """Go on under a new entry of the same address; one that drains gets no more requests."""
        self.entry = entry
        self.draining = entry.draining
        if entry.draining:
            self.pool.close_idle()
            if not self.in_flight:
                self._tell_idle()

    def dismiss(self) -> None:
        """It is gone from the list: what it has it finishes."""
        self.draining = True
        self.pool.close_idle()

    def reached(self) -> None:
        """A connection was made."""
        self._failures = 0

    def suspend(self, error: str) -> float:
        """Leave it alone until the time that is returned; the engine hears that it cannot be reached."""
        limits = self._around.limits
        pause_s = min(limits.suspend_max_s, limits.suspend_s * 2**self._failures)
        self._failures = min(self._failures + 1, 16)
        self._suspended_until = monotonic() + pause_s
        self._around.tell_engine(Unreachable(self._revision, self.entry.id, error))
        return self._suspended_until

    def leave(self) -> None:
        """A request has left it."""
        self.in_flight -= 1
        if self.draining and not self.in_flight:
            self.pool.close_idle()
            self._tell_idle()

    def _tell_idle(self) -> None:
        self._around.tell_engine(Idle(self._revision, self.entry.id))
