"""A connection to an HTTP/1.1 instance."""

from __future__ import annotations

import asyncio
import errno
from typing import Protocol, cast

import httptools

from faas.engine.gateway.endpoints.http1_reading import AnswerReading
from faas.engine.gateway.exchanges.exchange import Exchange
from faas.engine.gateway.exchanges.retry import Failure
from faas.engine.gateway.http.repeated import RepeatedResponse
from faas.engine.gateway.http.request import Headers, encode_request
from faas.engine.gateway.http.response import (
    Response,
    encode_chunk,
    encode_last_chunk,
)

_JOIN_BYTES = 64 * 1024  # below it one joined write is cheaper than two
_RESETS = (errno.ECONNRESET, errno.EPIPE)


class Pool(Protocol):
    """Where a connection is between two requests."""

    is_unix: bool

    def put(self, connection: Http1Upstream) -> None:
        """Keep it: its answer is complete."""
        ...

    def forget(self, connection: Http1Upstream) -> None:
        """It is lost."""
        ...


class Http1Upstream(AnswerReading):
    """Serves one exchange after another. While it has none it sits in the pool."""

    idle_since = 0.0

    def __init__(self, pool: Pool) -> None:
        super().__init__()
        self._pool = pool
        self._repeated = RepeatedResponse()
        self._transport: asyncio.Transport
        self._served = 0
        self._written = 0
        self._sent = False  # the request, whole
        self._closed = False
        self._paused = False

    # What the pool asks for

    def start(self, exchange: Exchange) -> None:
        """Hand the request over to a connection that was just made."""
        if self.is_closing:
            # It broke between being connected and being used.
            exchange.upstream_failed(Failure(connected=False, description="the connection was closed at once"))
            return
        self.begin(exchange)

    def begin(self, exchange: Exchange) -> None:
        """Hand the request over, with as much of its body as is there."""
        self._exchange = exchange
        self._sent = False
        self._eof_ends_body = False
        body, ended, trailers = exchange.attached(self)
        request = exchange.request
        head = encode_request(request, exchange.prefix)
        self._written = len(head)
        if request.chunked or request.length:
            if request.chunked or len(body) > _JOIN_BYTES:
                self._transport.write(head)
                self.send(body, ended, trailers)
            else:
                self._written += len(body)
                self._sent = ended
                self._transport.write(head + body)
        else:
            self._sent = True
            self._transport.write(head)

    @property
    def is_closing(self) -> bool:
        return self._closed or self._transport.is_closing()

    def close(self) -> None:
        self._transport.close()

    # What an exchange asks for (sides.Upstream)

    def send(self, data: bytes, end: bool, trailers: Headers) -> None:
        exchange = self._exchange
        if exchange is None or self._sent or self._transport.is_closing():
            return  # closing: connection_lost is about to tell the exchange
        if exchange.request.chunked:
            if data:
                data = encode_chunk(data)
            if end:
                data += encode_last_chunk(trailers)
        if data:
            self._written += len(data)
            self._transport.write(data)
        self._sent = end

    def abort(self) -> None:
        self._exchange = None
        self._transport.abort()

    def pause_response(self) -> None:
        if not self._paused and not self.is_closing:
            self._paused = True
            self._transport.pause_reading()

    def resume_response(self) -> None:
        if self._paused and not self.is_closing:
            self._paused = False
            self._transport.resume_reading()

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self._closed = True
        exchange, self._exchange = self._exchange, None
        if exchange is None:
            self._pool.forget(self)
        elif self._eof_ends_body and exc is None:
            exchange.response(None, b"", True, [])
        else:
            exchange.upstream_failed(self._failure(exc))

    def eof_received(self) -> None:
        return None  # an instance that has ended its side has ended the connection

    def pause_writing(self) -> None:
        if self._exchange is not None:
            self._exchange.pause_request()

    def resume_writing(self) -> None:
        if self._exchange is not None:
            self._exchange.resume_request()

    def data_received(self, data: bytes) -> None:
        exchange = self._exchange
        if exchange is None:
            self._transport.abort()  # an idle connection has nothing to say: never use it again
            return
        begins = not self._begun
        if begins:
            head = self._repeated.recognise(data, exchange.request)
            if head is not None:
                self._finish(exchange, head, self._repeated.body_of(data), [], reusable=self._sent)
                return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._switch(exchange, data[upgrade.args[0] :])
            return
        except httptools.HttpParserError as error:
            if not self._complete:
                self._fail(exchange, f"a malformed answer: {error.__context__ or error}")
                return
            self._broken = "data after the answer"
        if self._exchange is exchange:
            if begins and self._complete and self._reusable and self._head is not None and not self._broken:
                self._repeated.learn(data, self._head, sum(map(len, self._body)))
            self._flush(exchange)

    def _flush(self, exchange: Exchange) -> None:
        """Pass on what this read brought: most answers are one call."""
        head = self._head
        body = self._body
        if not self._complete:
            if self._in_body and (head is not None or body):
                self._head = None
                self._body = []
                exchange.response(head, body[0] if len(body) == 1 else b"".join(body), False, [])
            return
        data = body[0] if len(body) == 1 else b"".join(body)
        trailers = self._trailers
        reusable = self._reusable and self._sent and not self._broken
        self._reset_parts()
        self._finish(exchange, head, data, trailers, reusable=reusable)

    def _finish(
        self, exchange: Exchange, head: Response | None, data: bytes, trailers: Headers, *, reusable: bool
    ) -> None:
        self._exchange = None
        self._served += 1
        # Into the pool first: the next request in the queue gets this very connection.
        if reusable:
            if self._paused:
                self.resume_response()
            self._pool.put(self)
        else:
            self._transport.close()
        exchange.response(head, data, True, trailers)

    def _switch(self, exchange: Exchange, rest: bytes) -> None:
        head = self._head
        if head is None or not exchange.request.upgrade:
            self._fail(exchange, "an upgrade nobody asked for")
            return
        self._exchange = None
        exchange.gateway.tunnel(exchange, head, self._transport, rest)

    def _fail(self, exchange: Exchange, why: str) -> None:
        self._exchange = None
        self._transport.abort()
        exchange.upstream_failed(Failure(answered=True, written_bytes=self._written, description=why))

    def _failure(self, exc: Exception | None) -> Failure:
        return Failure(
            written_bytes=self._written,
            reused=self._served > 0,
            reset=isinstance(exc, OSError) and exc.errno in _RESETS,
            unix=self._pool.is_unix,
            answered=bool(self._in_body or self._headers or self._reason),
            description=str(exc or "the instance closed the connection"),
        )
