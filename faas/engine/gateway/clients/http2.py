"""A client's HTTP/2 connection: each stream is a request like any other, with its own flow control."""

from __future__ import annotations

import asyncio
from time import monotonic
from typing import cast

from h2.errors import ErrorCodes
from h2.events import (
    ConnectionTerminated,
    DataReceived,
    Event,
    PingReceived,
    PriorityUpdated,
    RemoteSettingsChanged,
    RequestReceived,
    StreamEnded,
    StreamReset,
    TrailersReceived,
    UnknownFrameReceived,
    WindowUpdated,
)

from faas.engine.gateway.clients.http2_stream import ClientStream
from faas.engine.gateway.exchanges.exchange import Exchange
from faas.engine.gateway.gateway import Gateway
from faas.engine.gateway.http.http2 import ProtocolError, goaway, make_connection, plain_fields
from faas.engine.gateway.http.problem import Refused
from faas.engine.gateway.http.request import Headers, Origin, Request, make_request
from faas.engine.gateway.http.response import safe_trailers

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
# A read of 256 KiB may be twenty thousand frames; what floods us is noticed between two slices, not behind all of them.
_SLICE_BYTES = 16 * 1024
# Whoever reads an answer sends fewer WINDOW_UPDATEs than one for each 8 bytes of it; the rest are for nothing.
_BYTES_PER_UPDATE = 8
_CREDIT_BYTES = 128 * 1024
_IDLE_FRAMES = (PingReceived, RemoteSettingsChanged, PriorityUpdated, UnknownFrameReceived)


class Http2Connection(asyncio.Protocol):
    """Owns the h2 state machine; `flush` writes what it has to say."""

    def __init__(self, gateway: Gateway, origin: Origin, *, public: bool) -> None:
        self.gateway = gateway
        self.h2 = make_connection(gateway.limits, client_side=False)
        self.blocked = False  # the transport takes no more for now
        self._origin = origin
        self._public = public
        self._transport: asyncio.Transport
        self._streams: dict[int, ClientStream] = {}
        self._last_stream_id = 0
        self._going_away = False
        self._closing = False
        self.slot = -1
        self._idle_since = monotonic()
        self._blocked_since = 0.0
        # Floods: what a client made us do for nothing in the current window.
        self._window_until = 0.0
        self._resets = self._idle_frames = 0
        self._sent_bytes = 0  # less what WINDOW_UPDATEs have answered

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self.flush()
        self.gateway.opened(self)
        self.gateway.deadlines.schedule(self, self._idle_since + self.gateway.limits.head_timeout_s)

    def connection_lost(self, exc: Exception | None) -> None:
        self._closing = True
        self.gateway.deadlines.cancel(self)
        self.gateway.closed(self)
        streams, self._streams = self._streams, {}
        for stream in streams.values():
            stream.exchange_gone()

    def pause_writing(self) -> None:
        self.blocked = True
        self._blocked_since = monotonic()
        self.gateway.deadlines.schedule(self, self._blocked_since + self.gateway.limits.write_timeout_s)

    def resume_writing(self) -> None:
        self.blocked = False
        self._send_pending()

    def data_received(self, data: bytes) -> None:
        try:
            for start in range(0, len(data), _SLICE_BYTES):
                if self._closing:
                    return
                for event in self.h2.receive_data(data[start : start + _SLICE_BYTES]):
                    self._handle(event)
                    if self._closing:
                        return
        except ProtocolError:
            self.gateway.metrics.malformed += 1
            self._end()  # what h2 has to say of it, a GOAWAY, is in its buffer
            return
        self.flush()
        if self._transport.get_write_buffer_size() > self.gateway.limits.h2_write_buffer:
            limit = self.gateway.limits.h2_write_buffer + self.gateway.limits.h2_window * len(self._streams)
            if self._transport.get_write_buffer_size() > limit:
                self._transport.abort()  # it makes us answer and does not read

    # Events

    def _handle(self, event: Event) -> None:
        if isinstance(event, DataReceived):
            self._data(event)
        elif isinstance(event, RequestReceived):
            self._request(event)
        elif isinstance(event, WindowUpdated):
            self._sent_bytes -= _BYTES_PER_UPDATE
            if self._sent_bytes < 0:
                self._note()
                if self._closing:
                    return
            self._window_opened(event.stream_id)
        elif isinstance(event, StreamEnded):
            stream = self._streams.get(event.stream_id)
            if stream is not None:
                stream.request_ended()
        elif isinstance(event, TrailersReceived):
            stream = self._streams.get(event.stream_id)
            if stream is not None:
                stream.trailers = safe_trailers(plain_fields(event.headers))
        elif isinstance(event, StreamReset):
            stream = self._streams.pop(event.stream_id, None)
            if stream is not None:
                stream.exchange_gone()
            self._note(reset=event.remote_reset)
            self._went_idle()
        elif isinstance(event, ConnectionTerminated):
            self._going_away = True
            self._went_idle()
        elif isinstance(event, _IDLE_FRAMES):
            self._note()
            if isinstance(event, RemoteSettingsChanged):
                self._send_pending()  # a larger initial window opens every stream's

    def _request(self, event: RequestReceived) -> None:
        stream_id = event.stream_id
        self._last_stream_id = max(self._last_stream_id, stream_id)
        if self.gateway.stopping or self._going_away:
            self.h2.reset_stream(stream_id, ErrorCodes.REFUSED_STREAM)
            return
        stream = self._streams[stream_id] = ClientStream(self, stream_id)
        try:
            request = self._make_request(event)
        except Refused as refused:
            self.gateway.metrics.malformed += 1
            stream.refuse(refused)
            return
        if event.stream_ended is None and request.length is None:
            request.chunked = True
        exchange = stream.exchange = Exchange(self.gateway, stream, request)
        self.gateway.begin(exchange, public=self._public)

    def _make_request(self, event: RequestReceived) -> Request:
        limits = self.gateway.limits
        method = target = b""
        authority: bytes | None = None
        headers: Headers = []
        cookies: list[bytes] = []
        size = 0
        for name, value in event.headers:
            size += len(name) + len(value)
            if name == b":method":
                method = bytes(value)
            elif name == b":path":
                target = bytes(value)
            elif name == b":authority":
                authority = bytes(value)
            elif name == b"cookie":
                cookies.append(value)
            elif not name.startswith(b":"):
                headers.append((bytes(name), bytes(value)))
        if cookies:
            headers.append((b"cookie", b"; ".join(cookies)))  # RFC 9113, 8.2.3
        if len(target) > limits.target_bytes:
            raise Refused(414, f"the request target has more than {limits.target_bytes} bytes")
        if len(headers) > limits.head_fields or size > limits.head_bytes:
            raise Refused(431, "the header fields are too many or too large")
        return make_request(method, target, headers, self._origin, authority=authority)

    def _data(self, event: DataReceived) -> None:
        stream = self._streams.get(event.stream_id)
        if not event.data and event.stream_ended is None:
            self._note()
        if stream is None:
            self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        else:
            stream.request_data(event.data, event.flow_controlled_length)

    def _note(self, *, reset: bool = False) -> None:
        """Count what costs us more than it costs the client; too much ends the connection."""
        limits = self.gateway.limits
        now = monotonic()
        if now >= self._window_until:
            self._window_until = now + limits.h2_window_s
            self._resets = self._idle_frames = 0
        self._resets += reset
        self._idle_frames += not reset
        if self._resets > limits.h2_resets or self._idle_frames > limits.h2_idle_frames:
            self.gateway.metrics.malformed += 1
            self.h2.close_connection(ErrorCodes.ENHANCE_YOUR_CALM)
            self._end()

    # Sending

    def flush(self) -> None:
        data = self.h2.data_to_send()
        if data and not self._transport.is_closing():
            self._sent_bytes = min(max(0, self._sent_bytes) + len(data), _CREDIT_BYTES)
            self._transport.write(data)

    def _window_opened(self, stream_id: int) -> None:
        if stream_id:
            stream = self._streams.get(stream_id)
            if stream is not None:
                stream.send_pending()
        else:
            self._send_pending()

    def _send_pending(self) -> None:
        for stream in list(self._streams.values()):
            stream.send_pending()
        self.flush()

    def forget(self, stream_id: int) -> None:
        """A stream's answer is out."""
        self._streams.pop(stream_id, None)
        self._went_idle()

    def _went_idle(self) -> None:
        if not self._streams:
            self._idle_since = monotonic()
            if self._going_away or self.gateway.stopping:
                self._end()

    # Ending

    def check(self, now: float) -> float | None:
        limits = self.gateway.limits
        if self.blocked and now >= self._blocked_since + limits.write_timeout_s:
            self._transport.abort()
            return None
        if not self._streams:
            patience_s = limits.keep_alive_s if self._last_stream_id else limits.head_timeout_s
            if now >= self._idle_since + patience_s:
                self._go_away()
                self._end()
                return None
        for stream in list(self._streams.values()):
            stream.check(now)
        return now + min(limits.head_timeout_s, limits.body_timeout_s)

    def shut_down(self) -> None:
        """GOAWAY: what is open finishes, what comes is refused and may be sent again elsewhere."""
        self._go_away()
        self._went_idle()

    def abort(self) -> None:
        self._transport.abort()

    def _go_away(self) -> None:
        if not self._going_away and not self._transport.is_closing():
            self._going_away = True
            self.flush()
            self._transport.write(goaway(self._last_stream_id))

    def _end(self) -> None:
        self._closing = True
        self.flush()
        self._transport.close()
