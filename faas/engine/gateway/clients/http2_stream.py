"""One stream of a client's HTTP/2 connection: the client's side of one exchange."""

from __future__ import annotations

import asyncio
import contextlib
from time import monotonic
from typing import Protocol

from h2.errors import ErrorCodes

from faas.engine.gateway.exchanges.exchange import Exchange
from faas.engine.gateway.http.http2 import GracefulConnection, Outgoing, ProtocolError
from faas.engine.gateway.http.problem import Refused, problem_body, problem_headers
from faas.engine.gateway.http.request import Headers
from faas.engine.gateway.http.response import Response, encode_head_h2, has_no_body, safe_trailers


class Connection(Protocol):
    """What a stream needs of its connection."""

    h2: GracefulConnection
    blocked: bool  # the transport takes no more for now

    def flush(self) -> None:
        """Write what h2 has to say."""
        ...

    def forget(self, stream_id: int) -> None:
        """This stream's answer is out."""
        ...


class ClientStream:
    """sides.Downstream for HTTP/2."""

    def __init__(self, connection: Connection, stream_id: int) -> None:
        self._connection = connection
        self._id = stream_id
        self.exchange: Exchange | None = None
        self.trailers: Headers = []
        self._out = Outgoing()
        self._bodyless = False
        self._request_ended = False
        self._answer_ended = False
        self._paused = False  # the request: received bytes are not acknowledged
        self._unacknowledged = 0
        self._response_paused = False
        self._waits_since = monotonic()

    # From the connection

    def request_data(self, data: bytes, flow_bytes: int) -> None:
        self._waits_since = monotonic()
        exchange = self.exchange
        if exchange is None or exchange.finished:
            self._acknowledge(flow_bytes)
            return
        if data:
            exchange.request_data(data, False, [])
        if self._paused:
            self._unacknowledged += flow_bytes
        else:
            self._acknowledge(flow_bytes)

    def request_ended(self) -> None:
        self._request_ended = True
        exchange = self.exchange
        if exchange is not None and exchange.request.has_body:
            exchange.request_data(b"", True, self.trailers)

    def exchange_gone(self) -> None:
        """The stream was reset, or its connection is lost."""
        self._answer_ended = True
        if self.exchange is not None:
            self.exchange.client_gone()

    def send_pending(self) -> None:
        if self._connection.blocked or self._answer_ended:
            return
        try:
            self._out.flush(self._connection.h2, self._id)
        except ProtocolError:
            self._reset(ErrorCodes.INTERNAL_ERROR)
            return
        pending = self._out.pending_bytes
        exchange = self.exchange
        if exchange is not None and not exchange.finished:
            limit = exchange.gateway.limits.buffer_bytes
            if self._response_paused and pending < limit // 2:
                self._response_paused = False
                exchange.resume_response()
        if self._out.done:
            self._answer_ended = True
            if not self._request_ended:
                # RFC 9113, 8.1: the answer is complete, stop sending.
                self._reset(ErrorCodes.NO_ERROR)
            else:
                self._connection.forget(self._id)

    def check(self, now: float) -> None:
        """A body that does not come ends its stream."""
        exchange = self.exchange
        if exchange is None or exchange.finished or self._request_ended or self._paused:
            return
        if now >= self._waits_since + exchange.gateway.limits.body_timeout_s:
            exchange.fail(Refused(408, "the body of the request did not come"))

    # sides.Downstream

    def respond(self, head: Response | None, data: bytes, end: bool, trailers: Headers) -> None:
        if self._answer_ended:
            return
        try:
            if head is not None:
                self._bodyless = self.exchange is not None and has_no_body(self.exchange.request, head.status)
                only_head = end and not trailers and (self._bodyless or not data)
                self._connection.h2.send_headers(self._id, encode_head_h2(head), end_stream=only_head)
                self._out.done = only_head
            self._out.push(b"" if self._bodyless else data, end, safe_trailers(trailers))
        except ProtocolError:
            self._reset(ErrorCodes.INTERNAL_ERROR)
            return
        self.send_pending()
        exchange = self.exchange
        if (
            exchange is not None
            and not exchange.finished
            and not self._response_paused
            and self._out.pending_bytes > exchange.gateway.limits.buffer_bytes
        ):
            self._response_paused = True
            exchange.pause_response()
        self._connection.flush()

    def respond_interim(self, head: Response) -> None:
        if not self._answer_ended:
            head.length = None
            self._connection.h2.send_headers(self._id, encode_head_h2(head))
            self._connection.flush()

    def refuse(self, refused: Refused) -> None:
        request_id = self.exchange.request.request_id if self.exchange is not None else b""
        body = problem_body(refused, request_id)
        response = Response(refused.status)
        response.headers = problem_headers(refused, request_id)
        response.length = len(body)
        self.respond(response, body, True, [])

    def cut(self) -> None:
        self._reset(ErrorCodes.INTERNAL_ERROR)

    def pause_request(self) -> None:
        self._paused = True

    def resume_request(self) -> None:
        self._paused = False
        self._waits_since = monotonic()
        if self._unacknowledged:
            flow_bytes, self._unacknowledged = self._unacknowledged, 0
            self._acknowledge(flow_bytes)
            self._connection.flush()

    def switch(self, head: Response) -> tuple[asyncio.Transport, bytes] | None:
        return None  # HTTP/2 has no Upgrade (RFC 9113, 8.6); make_request drops the field

    def _acknowledge(self, flow_bytes: int) -> None:
        if flow_bytes:
            try:
                self._connection.h2.acknowledge_received_data(flow_bytes, self._id)
            except ProtocolError:
                return  # the stream is closed: h2 has credited the connection

    def _reset(self, code: ErrorCodes) -> None:
        self._answer_ended = True
        with contextlib.suppress(ProtocolError):  # closed already
            self._connection.h2.reset_stream(self._id, code)
        self._connection.flush()
        self._connection.forget(self._id)
