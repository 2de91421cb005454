"""How an answer is written to an HTTP/1.1 client: its head, where its body ends, and whether the connection goes on."""

from __future__ import annotations

import asyncio

from faas.engine.gateway.exchanges.exchange import Exchange
from faas.engine.gateway.gateway import Gateway
from faas.engine.gateway.http.problem import Refused, problem_body, problem_headers
from faas.engine.gateway.http.request import Headers, Request
from faas.engine.gateway.http.response import (
    Response,
    encode_chunk,
    encode_head,
    encode_last_chunk,
    has_no_body,
    safe_trailers,
)

_JOIN_BYTES = 64 * 1024  # below it one joined write is cheaper than two


class AnswerWriting(asyncio.Protocol):
    """The writing half of a connection (sides.Downstream): one request at a time, `_current`, is answered.

    `http1_reading` adds the reading half, and `http1` what holds the two together.
    """

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._transport: asyncio.Transport
        self._current: Exchange | None = None  # being answered
        self._continued = False  # it was told to send its body
        self._chunked = False
        self._bodyless = False
        self._close_after = False

    # Hooks of the connection

    def answered(self, exchange: Exchange) -> None:
        """The answer is out."""
        raise NotImplementedError

    def linger(self) -> None:
        """The last answer of this connection is out."""
        raise NotImplementedError

    def awaits_body(self) -> bool:
        """Whether the body of the request that is answered has not come to its end."""
        raise NotImplementedError

    def pause_request(self) -> None:
        raise NotImplementedError

    def resume_request(self) -> None:
        raise NotImplementedError

    def switch(self, head: Response) -> tuple[asyncio.Transport, bytes] | None:
        raise NotImplementedError

    # sides.Downstream

    def respond(self, head: Response | None, data: bytes, end: bool, trailers: Headers) -> None:
        exchange = self._current
        if exchange is None or self._transport.is_closing():
            return
        parts: list[bytes] = []
        if head is not None:
            parts.append(encode_head(head, self._framing(exchange.request, head)))
        if data and not self._bodyless:
            if self._chunked:
                parts.append(encode_chunk(data))
            else:
                if parts and len(data) > _JOIN_BYTES:
                    self._transport.write(parts.pop())
                parts.append(data)
        if end and self._chunked:
            parts.append(encode_last_chunk(safe_trailers(trailers)))
        if parts:
            self._transport.write(parts[0] if len(parts) == 1 else b"".join(parts))
        if end:
            self.answered(exchange)

    def respond_interim(self, head: Response) -> None:
        exchange = self._current
        if exchange is not None and exchange.request.version_1_1 and not self._transport.is_closing():
            if head.status == 100:
                if not exchange.request.expects_continue or self._continued:
                    return
                self._continued = True
            head.request_id = b""
            self._transport.write(encode_head(head, b""))

    def refuse(self, refused: Refused) -> None:
        exchange = self._current
        if exchange is not None:
            self._refuse(refused, exchange.request.request_id)

    def cut(self) -> None:
        self._transport.abort()

    def _framing(self, request: Request, head: Response) -> bytes:
        """The lines about where the answer ends, without Content-Length; also sets how `respond` writes its body."""
        self._bodyless = has_no_body(request, head.status)
        self._chunked = False
        framing = b""
        if head.length is None and not self._bodyless:
            if request.version_1_1:
                self._chunked = True
                framing = b"transfer-encoding: chunked\r\n"
            else:
                self._close_after = True  # HTTP/1.0: the end of the body is the end of the connection
        unsure = request.expects_continue and not self._continued and self.awaits_body()
        if not request.keep_alive or unsure or self._gateway.stopping:
            # unsure: a client that was not told to continue may send its body all the same, or not (RFC 9110, 10.1.1)
            self._close_after = True
        if self._close_after:
            framing += b"connection: close\r\n"
        elif not request.version_1_1:
            framing += b"connection: keep-alive\r\n"
        return framing

    def _refuse(self, refused: Refused, request_id: bytes) -> None:
        """Write a problem document; the connection goes on only if its framing is beyond doubt."""
        exchange = self._current
        request = exchange.request if exchange is not None else Request(b"GET", b"/", b"")
        if refused.close:
            self._close_after = True
        response = Response(refused.status)
        response.headers = problem_headers(refused, request_id)
        body = problem_body(refused, request_id)
        response.length = len(body)
        head = encode_head(response, self._framing(request, response))
        self._transport.write(head if request.is_head else head + body)
        if exchange is not None:
            self.answered(exchange)
        else:
            self.linger()
