"""A connection to an instance that speaks HTTP/2 (h2c): many exchanges at a time."""

from __future__ import annotations

import asyncio
from time import monotonic
from typing import Protocol, cast

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

from faas.engine.gateway.endpoints.http2_stream import InstanceStream
from faas.engine.gateway.exchanges.exchange import Exchange
from faas.engine.gateway.exchanges.retry import Failure
from faas.engine.gateway.http.http2 import ProtocolError, make_connection, plain_fields
from faas.engine.gateway.http.request import encode_request_h2
from faas.engine.gateway.limits import Limits

_STREAMS = 100  # RFC 9113, 6.5.2 recommends that a server takes at least these


class Pool(Protocol):
    """Who keeps a connection while it has room for requests."""

    closed: bool  # no connection is kept beyond its requests

    def forget(self, connection: Http2Upstream) -> None:
        """It takes no more requests."""
        ...


class Http2Upstream(asyncio.Protocol):
    """Owns the h2 state machine; each exchange has an `InstanceStream`."""

    def __init__(self, pool: Pool, limits: Limits) -> None:
        self.limits = limits
        self.h2 = make_connection(limits, client_side=True)
        self.blocked = False
        self.idle_since = monotonic()
        self._pool = pool
        self._transport: asyncio.Transport
        self._streams: dict[int, InstanceStream] = {}
        self.served = 0
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
            stream.trailers = plain_fields(event.headers)
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
        self.served += 1
        if not self._streams:
            self.idle_since = monotonic()
            if self._going_away or self._pool.closed:
                self.close()

    def flush(self) -> None:
        data = self.h2.data_to_send()
        if data and not self._transport.is_closing():
            self._transport.write(data)

    def _send_pending(self) -> None:
        for stream in list(self._streams.values()):
            stream.send_pending()
        self.flush()
