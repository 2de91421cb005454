"""One request, from its head to the end of its answer: between a client's connection and an instance's.

An exchange waits in its revision's queue, is given an endpoint, hands the request over, and lets the answer through; it
keeps the timeouts, decides on retries, and is counted until it is finished.
"""

from __future__ import annotations

import asyncio
import math
from time import monotonic
from typing import Protocol

from faas.engine.contract.dataplane import RevisionPolicy
from faas.engine.gateway.exchanges.retry import Failure, may_retry, was_handed_over
from faas.engine.gateway.exchanges.sides import Downstream, Upstream
from faas.engine.gateway.exchanges.tunnel import Tunnel
from faas.engine.gateway.http.problem import Refused
from faas.engine.gateway.http.request import Headers, Request
from faas.engine.gateway.http.response import Response
from faas.engine.gateway.limits import Limits
from faas.engine.gateway.metrics import GatewayMetrics
from faas.engine.gateway.tracing import Span


class Surroundings(Protocol):
    """What an exchange needs of the gateway."""

    limits: Limits
    metrics: GatewayMetrics

    def finished(self, exchange: Exchange, status: int, now: float) -> None:
        """It is over; its revision hears of it next."""
        ...

    def tunnel(self, exchange: Exchange, head: Response, instance: asyncio.Transport, rest: bytes) -> None:
        """Switch both sides to passing bytes, after a 101 that was asked for; `rest` came behind it."""
        ...


class Queue(Protocol):
    """The revision that an exchange is for: where it waits, and where it is counted."""

    name: str
    policy: RevisionPolicy

    def handed_over_cold(self, seconds: float) -> None:
        """A request that waited for a first instance was handed over, so long after it came."""
        ...

    def requeue(self, exchange: Exchange, *, unreachable: str | None) -> None:
        """Its endpoint failed before it began: it goes first, and the endpoint's place is free again.

        An endpoint that is `unreachable`, for this reason, is left alone for a moment.
        """
        ...

    def release(self, exchange: Exchange, status: int, now: float) -> None:
        """An admitted request is over, wherever it was."""
        ...


class Place(Protocol):
    """The endpoint that an exchange was given; its revision takes it back."""

    def reached(self) -> None:
        """A connection was made."""
        ...

    def suspend(self, error: str) -> float:
        """Give it no requests until the time that is returned."""
        ...

    def leave(self) -> None:
        """A request has left it."""
        ...


class Exchange:
    """Made by a client's connection when it has parsed a head; begun when its turn to be answered comes."""

    __slots__ = (
        "_body", "_body_bytes", "_body_ended", "_kept", "_paused", "_response_paused", "_trailers", "_tunnel",
        "answered_s", "arrived_s", "attempt", "backend", "client", "cold", "finished", "gateway", "last_byte_s",
        "prefix", "request", "revision", "slot", "span", "status", "upstream",
    )  # fmt: skip

    def __init__(self, gateway: Surroundings, client: Downstream, request: Request) -> None:
        self.gateway = gateway
        self.client = client
        self.request = request
        self.prefix = b""
        self.revision: Queue | None = None
        self.backend: Place | None = None
        self.upstream: Upstream | None = None
        self.span: Span | None = None
        self.arrived_s = self.last_byte_s = monotonic()
        self.answered_s = 0.0  # when the head of the answer came; 0: not yet
        self.attempt = 0
        self.cold = False  # it waited for a first instance
        self.finished = False
        self.status = 0
        self.slot = -1
        self._body: list[bytes] = []  # from the beginning, while it may have to be sent (again)
        self._body_bytes = 0
        self._body_ended = not request.has_body
        self._trailers: Headers = []
        self._kept = True  # _body still has everything from the beginning
        self._paused = False  # the client's body
        self._response_paused = False
        self._tunnel: Tunnel | None = None

    # From the client

    def request_data(self, data: bytes, end: bool, trailers: Headers) -> None:
        """More of the request's body."""
        if self.finished:
            return
        if end:
            self._body_ended = True
            self._trailers = trailers
        if data and self._kept and (self.upstream is None or not self.answered_s):
            limit = self.gateway.limits.buffer_bytes
            if self.upstream is None or self._body_bytes + len(data) <= limit:
                self._body.append(data)
                self._body_bytes += len(data)
                if self.upstream is None and self._body_bytes >= limit:
                    self.pause_request()
            else:
                self._forget_body()
        if self.upstream is not None:
            self.last_byte_s = monotonic()
            self.upstream.send(data, end, trailers)

    def client_gone(self) -> None:
        """Nobody waits for the answer any more: dequeue at once, or break off at the instance."""
        if not self.finished:
            if self.upstream is not None:
                self.upstream.abort()
            self.finish(499)

    def pause_response(self) -> None:
        self._response_paused = True
        if self.upstream is not None:
            self.upstream.pause_response()

    def resume_response(self) -> None:
        self._response_paused = False
        self.last_byte_s = monotonic()
        if self.upstream is not None:
            self.upstream.resume_response()

    # From the pool

    def reached(self) -> None:
        """A connection to its endpoint was made for it."""
        if self.backend is not None:
            self.backend.reached()

    def attached(self, upstream: Upstream) -> tuple[bytes, bool, Headers]:
        """A connection is ready: returns what of the body is there, whether that is all, and its trailers."""
        self.upstream = upstream
        self.attempt += 1
        if self.cold:
            self.cold = False
            assert self.revision is not None
            self.revision.handed_over_cold(monotonic() - self.arrived_s)
        data = self._body[0] if len(self._body) == 1 else b"".join(self._body)
        if self._body_bytes > self.gateway.limits.buffer_bytes:
            self._forget_body()
        if self._paused:
            self.resume_request()
        if self._response_paused:
            upstream.pause_response()
        return data, self._body_ended, self._trailers

    # From the instance

    def pause_request(self) -> None:
        if not self._paused:
            self._paused = True
            self.client.pause_request()

    def resume_request(self) -> None:
        if self._paused:
            self._paused = False
            self.client.resume_request()

    def response(self, head: Response | None, data: bytes, end: bool, trailers: Headers) -> None:
        now = monotonic()
        self.last_byte_s = now
        if head is not None:
            self.answered_s = now
            self.status = head.status
            self._forget_body()
        if end:
            # First the books, then the bytes: whoever reads the answer and looks finds the slot free.
            self.upstream = None
            if self._paused:
                self.resume_request()
            client = self.client
            self.finish(self.status, now)
            client.respond(head, data, True, trailers)
        else:
            self.client.respond(head, data, False, trailers)

    def response_interim(self, head: Response) -> None:
        self.last_byte_s = monotonic()
        self.client.respond_interim(head)

    def upstream_failed(self, failure: Failure) -> None:
        """The connection broke, or none could be made; the pool has already forgotten it."""
        if self.finished:
            return
        self.upstream = None
        if self.answered_s:
            self.gateway.metrics.upstream_errors += 1
            self.fail(Refused(502, "the answer broke off"))
        elif self._may_retry(failure):
            self.gateway.metrics.retries += 1
            assert self.revision is not None
            is_unreachable = not failure.reused and not was_handed_over(failure)
            self.revision.requeue(self, unreachable=failure.description if is_unreachable else None)
        else:
            self.gateway.metrics.upstream_errors += 1
            handed_over = was_handed_over(failure)
            detail = "the function ended before it answered" if handed_over else "the function could not be reached"
            self.fail(Refused(502, detail))

    def fail(self, refused: Refused) -> None:
        """End it with this answer, or, when another one has begun, cut that off."""
        if self.finished:
            return
        if self.upstream is not None:
            self.upstream.abort()
        if self._tunnel is not None:
            self._tunnel.abort()
        begun = bool(self.answered_s)
        self.resume_request()
        self.finish(self.status if begun else refused.status)
        if begun:
            self.client.cut()
        else:
            self.client.refuse(refused)

    def finish(self, status: int, now: float | None = None) -> None:
        """Close the books: counted, released, out of all queues."""
        self.finished = True
        self.upstream = None
        self._body = []
        revision = self.revision
        assert revision is not None
        now = now or monotonic()
        self.gateway.finished(self, status, now)
        revision.release(self, status, now)

    def moved(self) -> None:
        """Bytes went through its tunnel."""
        self.last_byte_s = monotonic()

    def tunnelled(self, tunnel: Tunnel) -> None:
        """Both sides have switched to another protocol; it is in flight until the tunnel ends."""
        self._tunnel = tunnel
        self.upstream = None
        self.last_byte_s = monotonic()

    # Timeouts, Knative's three: the whole request, the start of the answer, silence

    def next_look(self, now: float) -> float:
        """When `check` has something to look at; an idle timeout may begin at any time before."""
        assert self.revision is not None
        idle_s = self.revision.policy.idle_timeout_s
        when = self._next_deadline()
        return min(when, max(now, self.last_byte_s) + idle_s) if idle_s else when

    def _next_deadline(self) -> float:
        assert self.revision is not None
        policy = self.revision.policy
        when = self.arrived_s + policy.timeout_s
        if self._tunnel is not None:
            return self.last_byte_s + policy.idle_timeout_s if policy.idle_timeout_s else math.inf
        if not self.answered_s and policy.response_start_timeout_s:
            when = min(when, self.arrived_s + policy.response_start_timeout_s)
        if policy.idle_timeout_s and self.upstream is not None and not self._response_paused:
            when = min(when, self.last_byte_s + policy.idle_timeout_s)
        return when

    def check(self, now: float) -> float | None:
        if self.finished:
            return None
        when = self._next_deadline()
        if now < when:
            again = self.next_look(now)
            return None if again == math.inf else again
        self.fail(Refused(504, "activator request timeout" if self.upstream is None else "request timeout"))
        return None

    def _forget_body(self) -> None:
        self._kept = False
        self._body = []
        self._body_bytes = 0

    def _may_retry(self, failure: Failure) -> bool:
        # Without the body from its beginning there is nothing that could be sent again.
        return self._kept and may_retry(
            failure,
            idempotent=self.request.is_idempotent,
            attempt=self.attempt,
            attempts=self.gateway.limits.attempts,
        )
