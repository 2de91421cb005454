"""A client's HTTP/1.1 connection: answers in order, keep-alive, back-pressure, and the client's timeouts.

The first bytes decide: HTTP/2's preface hands the connection over to `http2`.
"""

from __future__ import annotations

import asyncio
from time import monotonic
from typing import cast

from faas.engine.gateway.clients.http1_reading import PIPELINED, RequestReading
from faas.engine.gateway.clients.http2 import PREFACE, Http2Connection
from faas.engine.gateway.exchanges.exchange import Exchange
from faas.engine.gateway.gateway import Gateway
from faas.engine.gateway.http.problem import Refused
from faas.engine.gateway.http.request import Origin
from faas.engine.gateway.http.response import Response, encode_head


class Http1Connection(RequestReading):
    """Both halves together. What a client pipelines waits in `_pipeline`, parsed, until `_current` is answered."""

    def __init__(self, gateway: Gateway, *, public: bool, tls: bool = False) -> None:
        super().__init__(gateway)
        self._public = public
        self._tls = tls
        self.slot = -1
        self._fresh: bytes | None = b""  # what came before it is clear which HTTP this is
        self._held = b""  # bytes behind a request for an upgrade
        self._pauses = 0  # exchanges that want no more of a body now
        self._reading = True
        self._write_blocked_s = 0.0
        self._discarding = False  # the answer is out; the rest of the request's body is read and dropped
        self._discarded = 0
        self._lingering = False  # our side is closed
        self._pumping = False

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._origin = Origin.of_peer(transport.get_extra_info("peername") if self._public else None, tls=self._tls)
        if not self._gateway.opened(self):
            self._refuse(Refused(503, "too many connections", retry_after_s=1, close=True), b"")
            return
        self._gateway.deadlines.schedule(self, self._waits_since + self._limits.head_timeout_s)
        if self._tls:
            tls = transport.get_extra_info("ssl_object")
            if tls is not None and tls.selected_alpn_protocol() == "h2":
                self._become_http2(b"")

    def connection_lost(self, exc: Exception | None) -> None:
        self._stopped = True
        self._gateway.deadlines.cancel(self)
        self._gateway.closed(self)
        current, self._current = self._current, None
        self._pipeline.clear()
        self._ahead = b""
        if current is not None:
            current.client_gone()

    def eof_received(self) -> None:
        return None  # as Go's server and nginx have it: a client that ends its side has left

    def data_received(self, data: bytes) -> None:
        if self._fresh is not None and not self._stopped:
            data = self._fresh + data
            if data.startswith(PREFACE):
                self._become_http2(data)
                return
            if PREFACE.startswith(data):
                self._fresh = data
                return
            self._fresh = None
        if self._current is None and not self._pipeline and not self._transport.is_closing():
            exchange = self.recognise(data)
            if exchange is not None:
                self._answer(exchange)
                return
        self.feed(data)
        self._pump()

    def pause_writing(self) -> None:
        self._write_blocked_s = monotonic()
        self._gateway.deadlines.schedule(self, self._write_blocked_s + self._limits.write_timeout_s)
        if self._current is not None:
            self._current.pause_response()

    def resume_writing(self) -> None:
        self._write_blocked_s = 0.0
        if self._current is not None:
            self._current.resume_response()

    # For the reading half

    def refuse_parsing(self, broken: Exchange, refused: Refused) -> None:
        self._close_after = True
        if self._discarding:
            self._transport.close()
        else:
            broken.fail(refused)

    def discard(self, body: list[bytes]) -> bool:
        if self._discarding:
            self._discarded += sum(map(len, body))
            if self._discarded > self._limits.linger_bytes:
                self._transport.close()
        return self._discarding

    def hold(self, data: bytes) -> None:
        if self._lingering:
            self._discarded += len(data)
            if self._discarded > self._limits.linger_bytes:
                self._transport.abort()
        elif self._upgrading:
            self._held += data
            self._adjust_reading()

    def head_is_partial(self) -> None:
        if self._current is None and not self._pipeline:
            self._gateway.deadlines.schedule(self, self._waits_since + self._limits.head_timeout_s)

    # Answering, in order

    def _pump(self) -> None:
        """Begin with the next request, once the one before is answered and read to its end."""
        if self._pumping:
            return
        self._pumping = True
        while not self._transport.is_closing():
            if self._discarding and self._parsing is None:
                self._current, self._discarding = None, False
            if self._ahead and self._has_room():
                self.parse_ahead()
                continue
            if self._current is not None or not self._pipeline or self._lingering:
                break
            item = self._pipeline.popleft()
            if isinstance(item, Refused):
                self._refuse(item, b"")
                break
            self._answer(item)
        self._pumping = False
        self._adjust_reading()

    def _answer(self, exchange: Exchange) -> None:
        self._current = exchange
        self._continued = False
        self._gateway.begin(exchange, public=self._public)

    # For the writing half

    def awaits_body(self) -> bool:
        return self._parsing is self._current

    def answered(self, exchange: Exchange) -> None:
        """The answer is out: go on, close, or first read the rest of a body that nobody wanted."""
        unread = self._parsing is exchange
        if self._close_after:
            self._pipeline.clear()
            if unread or self._stopped:
                self.linger()
            else:
                self._transport.close()
            return
        self._waits_since = monotonic()
        if unread:
            self._discarding = True
            self._discarded = 0
            self._gateway.deadlines.schedule(self, self._waits_since + self._limits.linger_s)
            if self._ahead:
                self._pump()
            return
        self._current = None
        if self._upgrading:
            self.restart()
            held, self._held = self._held, b""
            if held:
                self.feed(held)
        if self._pipeline or not self._reading:
            self._pump()

    def linger(self) -> None:
        """Close so that the last answer arrives: a close with unread bytes would reset it away (RFC 9112, 9.6)."""
        self._stopped = self._lingering = True
        self._parsing = None
        self._ahead = b""
        self._discarded = self._pauses = 0
        if not self._transport.can_write_eof():
            self._transport.close()
            return
        self._transport.write_eof()
        self._adjust_reading()
        self._gateway.deadlines.schedule(self, monotonic() + self._limits.linger_s)

    def pause_request(self) -> None:
        self._pauses += 1
        self._adjust_reading()

    def resume_request(self) -> None:
        self._pauses -= 1
        if self._ahead:
            self._pump()
        else:
            self._adjust_reading()

    def switch(self, head: Response) -> tuple[asyncio.Transport, bytes] | None:
        if self._transport.is_closing():
            return None
        self._transport.write(encode_head(head, b"connection: upgrade\r\nupgrade: %b\r\n" % head.upgrade))
        self._current = None
        self._gateway.deadlines.cancel(self)
        self._gateway.closed(self)
        return self._transport, self._held

    def _has_room(self) -> bool:
        return not self._pauses and len(self._pipeline) < PIPELINED

    def _adjust_reading(self) -> None:
        wanted = self._lingering or (
            self._has_room() and not self._ahead and len(self._held) <= self._limits.buffer_bytes
        )
        if wanted is not self._reading and not self._transport.is_closing():
            self._reading = wanted
            self._waits_since = monotonic()
            if wanted:
                self._transport.resume_reading()
            else:
                self._transport.pause_reading()

    # Ending

    def check(self, now: float) -> float | None:
        """Timeouts of the client: a slow head, a stalled body, an answer it does not take, an idle connection."""
        limits = self._limits
        soon = now + min(limits.head_timeout_s, limits.body_timeout_s, limits.keep_alive_s)
        if self._lingering:
            self._transport.abort()
            return None
        if self._write_blocked_s:
            return self._expire(now, self._write_blocked_s + limits.write_timeout_s, None)
        if self._discarding:
            return self._expire(now, self._waits_since + limits.linger_s, None)
        if not self._reading:
            return soon
        if self._parsing is not None:
            stalled = Refused(408, "the body of the request did not come", close=True)
            return self._expire(now, self._waits_since + limits.body_timeout_s, stalled)
        if self._current is not None or self._pipeline:
            return soon
        if self._in_head:
            slow = Refused(408, "the head of the request did not come", close=True)
            return self._expire(now, self._waits_since + limits.head_timeout_s, slow)
        if self._gateway.stopping:
            self._transport.close()
            return None
        patience_s = limits.keep_alive_s if self._fresh is None else limits.head_timeout_s
        return self._expire(now, self._waits_since + patience_s, None)

    def _expire(self, now: float, until: float, refused: Refused | None) -> float | None:
        if now < until:
            return min(until, now + self._limits.head_timeout_s)
        if refused is None:
            self._transport.abort() if self._write_blocked_s else self._transport.close()
        else:
            self.stop(refused)
            self._pump()
        return None

    def shut_down(self) -> None:
        """Finish what is being answered and close; soon where there is nothing: a request may be on its way."""
        self._close_after = True
        if self._current is None and not self._pipeline and not self._lingering:
            self._gateway.deadlines.schedule(self, monotonic() + self._limits.goodbye_s)

    def abort(self) -> None:
        self._transport.abort()

    def _become_http2(self, data: bytes) -> None:
        self._gateway.deadlines.cancel(self)
        self._gateway.closed(self)
        successor = Http2Connection(self._gateway, self._origin, public=self._public)
        self._transport.set_protocol(successor)
        successor.connection_made(self._transport)
        if data:
            successor.data_received(data)
