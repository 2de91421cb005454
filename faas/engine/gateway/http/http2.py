"""HTTP/2 without a socket, as both sides use it: a connection that survives GOAWAY, and a stream's outgoing bytes."""

from __future__ import annotations

from collections import deque
from typing import cast

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import ConnectionTerminated, Event
from h2.exceptions import ProtocolError
from h2.settings import SettingCodes, Settings
from hyperframe.frame import Frame, GoAwayFrame

from faas.engine.gateway.http.request import Headers
from faas.engine.gateway.limits import Limits


class GracefulConnection(H2Connection):
    """h2 takes GOAWAY, either way, for the end of everything; RFC 9113, 6.8 lets open streams finish."""

    def _receive_goaway_frame(self, frame: GoAwayFrame) -> tuple[list[Frame], list[Event]]:
        event = ConnectionTerminated()
        event.last_stream_id = frame.last_stream_id
        return [], [event]


def make_connection(limits: Limits, *, client_side: bool) -> GracefulConnection:
    """A connection with our windows and limits; its preface is in `data_to_send`."""
    connection = GracefulConnection(H2Configuration(client_side=client_side, header_encoding=None))
    values = {
        SettingCodes.INITIAL_WINDOW_SIZE: limits.h2_window,
        SettingCodes.MAX_CONCURRENT_STREAMS: limits.h2_streams,
        SettingCodes.MAX_HEADER_LIST_SIZE: limits.head_bytes,
    }
    if client_side:
        values[SettingCodes.ENABLE_PUSH] = 0
    connection.local_settings = Settings(client=client_side, initial_values=values)
    connection.initiate_connection()
    # As much as all streams together may hold back, so that a stalled one leaves the others their window.
    connection.increment_flow_control_window(limits.h2_window * limits.h2_streams - 65_535)
    return connection


def goaway(last_stream_id: int, error_code: int = 0) -> bytes:
    """A GOAWAY that h2 does not know of, so that it goes on with the open streams."""
    frame = GoAwayFrame(0)
    frame.last_stream_id = last_stream_id
    frame.error_code = error_code
    return frame.serialize()


def plain_fields(headers: object) -> Headers:
    """An event's header fields: h2 makes tuples of its own, with or without bytes in them."""
    return [(bytes(name), bytes(value)) for name, value in cast(Headers, headers or [])]


class Outgoing:
    """A stream's bytes on their way out: as many now as the windows allow, the rest when they open."""

    __slots__ = ("_end", "_pieces", "_trailers", "done", "pending_bytes")

    def __init__(self) -> None:
        self._pieces: deque[bytes] = deque()
        self._end = False
        self._trailers: Headers = []
        self.pending_bytes = 0
        self.done = False  # the end of the stream is sent

    def push(self, data: bytes, end: bool, trailers: Headers) -> None:
        if data:
            self._pieces.append(data)
            self.pending_bytes += len(data)
        if end:
            self._end = True
            self._trailers = trailers

    def flush(self, connection: H2Connection, stream_id: int) -> None:
        """Send what may be sent. Raises: ProtocolError: the stream is gone."""
        if self.done:
            return
        while self._pieces:
            window = connection.local_flow_control_window(stream_id)
            if window <= 0:
                return
            piece = self._pieces.popleft()
            size = min(window, connection.max_outbound_frame_size, len(piece))
            if size < len(piece):
                self._pieces.appendleft(piece[size:])
                piece = piece[:size]
            self.pending_bytes -= size
            last = self._end and not self._pieces and not self._trailers
            connection.send_data(stream_id, piece, end_stream=last)
            self.done = last
        if self._end and not self.done:
            self.done = True
            if self._trailers:
                trailers = [(name.lower(), value) for name, value in self._trailers]
                connection.send_headers(stream_id, trailers, end_stream=True)
            else:
                connection.end_stream(stream_id)


__all__ = ["GracefulConnection", "Outgoing", "ProtocolError", "goaway", "make_connection", "plain_fields"]
