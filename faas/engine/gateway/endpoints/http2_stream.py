"""One stream of an HTTP/2 connection to an instance: the instance's side of one exchange."""

from __future__ import annotations

from typing import Protocol

from h2.errors import ErrorCodes

from faas.engine.gateway.exchanges.exchange import Exchange
from faas.engine.gateway.exchanges.retry import Failure
from faas.engine.gateway.http.http2 import GracefulConnection, Outgoing, ProtocolError, plain_fields
from faas.engine.gateway.http.request import Headers
from faas.engine.gateway.http.response import MalformedResponse, Response, make_response
from faas.engine.gateway.limits import Limits


class Connection(Protocol):
    """What a stream needs of its connection."""

    h2: GracefulConnection
    limits: Limits
    blocked: bool  # the transport takes no more for now
    served: int  # streams that are over

    def flush(self) -> None:
        """Write what h2 has to say."""
        ...

    def forget(self, stream_id: int) -> None:
        """This stream is over."""
        ...


class InstanceStream:
    """sides.Upstream for HTTP/2."""

    def __init__(self, connection: Connection, stream_id: int, exchange: Exchange) -> None:
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

    # sides.Upstream

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
        fields = plain_fields(headers)
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
        fields = plain_fields(headers)
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


def _status(fields: Headers) -> int:
    return next((int(value) for name, value in fields if name == b":status" and value.isdigit()), 502)


def _regular(fields: Headers) -> Headers:
    return [field for field in fields if not field[0].startswith(b":")]
