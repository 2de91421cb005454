"""A connection to an instance that speaks HTTP/2 (h2c): many exchanges at a time."""

from __future__ import annotations

import asyncio
from time import monotonic
from typing import TYPE_CHECKING, cast

from h2.errors import ErrorCodes
from h2.events import (
    ConnectionTerminated,
    DataReceived,
    Event,
    InformationalResponseReceived,
    RemoteSettingsChanged,
    ResponseReceived,
    StreamEnded,
    StreamReset,
    TrailersReceived,
    WindowUpdated,
)

from faas.engine.gateway.exchange import Exchange
from faas.engine.gateway.h2_common import Outgoing, ProtocolError, make_connection
from faas.engine.gateway.limits import Limits
from faas.engine.gateway.request import Headers, encode_request_h2
from faas.engine.gateway.response import MalformedResponse, Response, make_response
from faas.engine.gateway.retry import Failure

if TYPE_CHECKING:
    from faas.engine.gateway.pool import Http2Pool

_STREAMS = 100  # RFC 9113, 6.5.2 recommends that a server takes at least these


class Http2Upstream(asyncio.Protocol):
    """Owns the h2 state machine; each exchange has an `InstanceStream`."""

    def __init__(self, pool: Http2Pool, limits: Limits) -> None:
        self.limits = limits
        self.h2 = make_connection(limits, client_side=True)
        self.blocked = False
        self.idle_since = monotonic()
        self._pool = pool
        self._transport: asyncio.Transport
        self._streams: dict[int, InstanceStream] = {}
        self._served = 0
        self._closed = False
        self._going_away = False

    @property
    def has_room(self) -> bool:
        return (
            not self._closed
            and not self._going_away
            and len(self._streams) < min(_STREAMS, self.h2.remote_settings.max_concurrent_streams)
        )

    @property
    def is_idle(self) -> bool:
        return not self._streams

    def start(self, exchange: Exchange) -> None:
        """Hand a request over on a stream of its own."""
        if self._closed or self._transport.is_closing():
            exchange.upstream_failed(Failure(connected=False, description="the connection was closed at once"))
            return
        stream_id = self.h2.get_next_available_stream_id()
        stream = self._streams[stream_id] = InstanceStream(self, stream_id, exchange)
        body, ended, trailers = exchange.attached(stream)
        done = not exchange.request.has_body or (ended and not body and not trailers)
        self.h2.send_headers(stream_id, encode_request_h2(exchange.request, exchange.prefix), end_stream=done)
        stream.out.done = done
        stream.send(body, ended, trailers)
        self.flush()

    def close(self) -> None:
        self._pool.forget(self)
        self._going_away = True
        self._transport.close()

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self.flush()

    def connection_lost(self, exc: Exception | None) -> None:
        self._closed = True
        self._pool.forget(self)
        streams, self._streams = self._streams, {}
        for stream in streams.values():
            stream.failed(str(exc or "the instance closed the connection"))

    def pause_writing(self) -> None:
        self.blocked = True

    def resume_writing(self) -> None:
        self.blocked = False
        self._send_pending()

    def data_received(self, data: bytes) -> None:
        try:
            for event in self.h2.receive_data(data):
                self._handle(event)
        except ProtocolError:
            self._going_away = True
            self.flush()
            self._transport.abort()
            return
        self.flush()

    def _handle(self, event: Event) -> None:
        if isinstance(event, WindowUpdated | RemoteSettingsChanged):
            self._send_pending()
            return
        if isinstance(event, ConnectionTerminated):
            self._went_away(event.last_stream_id or 0)
            return
        stream = self._streams.get(getattr(event, "stream_id", None) or 0)
        if stream is None:
            if isinstance(event, DataReceived):
                self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        elif isinstance(event, DataReceived):
            stream.data(event.data, event.flow_controlled_length)
        elif isinstance(event, ResponseReceived):
            stream.head(event.headers, ended=event.stream_ended is not None)
        elif isinstance(event, TrailersReceived):
            stream.trailers = _fields(event.headers)
        elif isinstance(event, StreamEnded):
            stream.ended()
        elif isinstance(event, InformationalResponseReceived):
            stream.interim(event.headers)
        elif isinstance(event, StreamReset):
            self.forget(event.stream_id)
            stream.failed("the instance reset the stream", refused=event.error_code == ErrorCodes.REFUSED_STREAM)

    def _went_away(self, last_stream_id: int) -> None:
        """No new streams; the ones it has not begun may go elsewhere (RFC 9113, 6.8)."""
        self._going_away = True
        for stream_id in [stream_id for stream_id in self._streams if stream_id > last_stream_id]:
            self._streams.pop(stream_id).failed("the instance goes away", refused=True)
        if not self._streams:
            self._transport.close()

    def forget(self, stream_id: int) -> None:
        self._streams.pop(stream_id, None)
        self._served += 1
        if not self._streams:
            self.idle_since = monotonic()
            if self._going_away or self._pool.closed:
                self.close()

    @property
    def served(self) -> int:
        return self._served

    def flush(self) -> None:
        data = self.h2.data_to_send()
        if data and not self._transport.is_closing():
            self._transport.write(data)

    def _send_pending(self) -> None:
        for stream in list(self._streams.values()):
            stream.send_pending()
        self.flush()


class InstanceStream:
    """exchange.Upstream for HTTP/2."""

    def __init__(self, connection: Http2Upstream, stream_id: int, exchange: Exchange) -> None:
        self.out = Outgoing()
        self.trailers: Headers = []
        self._connection = connection
        self._id = stream_id
        self._exchange: Exchange = exchange
        self._written = 1
        self._answered = False
        self._paused = False  # the answer: received bytes are not acknowledged
        self._unacknowledged = 0
        self._request_paused = False

    # exchange.Upstream

    def send(self, data: bytes, end: bool, trailers: Headers) -> None:
        if self.out.done:
            return
        self._written += len(data)
        self.out.push(data, end, trailers)
        self.send_pending()
        if not self._request_paused and self.out.pending_bytes > self._connection.limits.buffer_bytes:
            self._request_paused = True
            self._exchange.pause_request()
        self._connection.flush()

    def abort(self) -> None:
        self._reset(ErrorCodes.CANCEL)
        self._connection.forget(self._id)

    def pause_response(self) -> None:
        self._paused = True

    def resume_response(self) -> None:
        self._paused = False
        if self._unacknowledged:
            flow_bytes, self._unacknowledged = self._unacknowledged, 0
            self._acknowledge(flow_bytes)
            self._connection.flush()

    # From the connection

    def send_pending(self) -> None:
        if self._connection.blocked:
            return
        try:
            self.out.flush(self._connection.h2, self._id)
        except ProtocolError:
            return  # the instance has closed the stream: its answer or reset is on the way
        if self._request_paused and self.out.pending_bytes < self._connection.limits.buffer_bytes // 2:
            self._request_paused = False
            self._exchange.resume_request()

    def head(self, headers: object, *, ended: bool) -> None:
        """With `ended` it is the whole answer, and has to stay one frame: gRPC takes a status there only so."""
        fields = _fields(headers)
        try:
            response = make_response(_status(fields), b"", _regular(fields), self._exchange.request.request_id)
        except MalformedResponse as error:
            self.abort()
            self._exchange.upstream_failed(Failure(answered=True, description=str(error)))
            return
        self._answered = True
        if ended:
            self._let_go()
        self._exchange.response(response, b"", ended, [])

    def interim(self, headers: object) -> None:
        fields = _fields(headers)
        response = Response(_status(fields))
        response.headers = _regular(fields)
        self._exchange.response_interim(response)

    def data(self, data: bytes, flow_bytes: int) -> None:
        if data:
            self._exchange.response(None, data, False, [])
        if self._paused:
            self._unacknowledged += flow_bytes
        else:
            self._acknowledge(flow_bytes)

    def ended(self) -> None:
        self._let_go()
        self._exchange.response(None, b"", True, self.trailers)

    def _let_go(self) -> None:
        if not self.out.done:
            self._reset(ErrorCodes.NO_ERROR)
        self._connection.forget(self._id)

    def failed(self, why: str, *, refused: bool = False) -> None:
        self._exchange.upstream_failed(
            Failure(
                reused=self._connection.served > 0,
                written_bytes=self._written,
                answered=self._answered,
                refused_stream=refused,
                description=why,
            )
        )

    def _acknowledge(self, flow_bytes: int) -> None:
        if flow_bytes:
            try:
                self._connection.h2.acknowledge_received_data(flow_bytes, self._id)
            except ProtocolError:
                return  # the stream is closed: h2 has credited the connection

    def _reset(self, code: ErrorCodes) -> None:
        try:
            self._connection.h2.reset_stream(self._id, code)
        except ProtocolError:
            return  # closed already
        self._connection.flush()


def _fields(headers: object) -> Headers:
    return [(bytes(name), bytes(value)) for name, value in cast(Headers, headers or [])]


def _status(fields: Headers) -> int:
    return next((int(value) for name, value in fields if name == b":status" and value.isdigit()), 502)


def _regular(fields: Headers) -> Headers:
    return [field for field in fields if not field[0].startswith(b":")]
