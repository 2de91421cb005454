"""A connection to a subscriber, or to the gateway: one HTTP/1.1 request at a time."""

from __future__ import annotations

import asyncio
from typing import Protocol, cast

import httptools

from faas.engine.broker.delivery.answers import Answer

_JOIN_BYTES = 64 * 1024  # below it one joined write is cheaper than two
_MOST_FIELDS = 256
MOST_ANSWER_BYTES = 4 << 20  # of a body: several events of the largest size that a Broker takes by default
_MOST_HEAD_BYTES = 256 * 1024  # with interim answers, and what came of the body in the same read
_MOST_BYTES = 8 * MOST_ANSWER_BYTES  # a body in tiny chunks, with extensions and trailers, is some times its own size
_NO_BODY = (204, 304)
_NONE = dict[bytes, bytes]()


class _Refused(Exception):
    """The answer is more than we take."""


class Sent(Protocol):
    """A request, as far as its connection knows it."""

    head: bytes
    body: bytes

    def answered(self, answer: Answer) -> None: ...

    def lost(self, why: str, *, begun: bool) -> None:
        """Args: begun: a byte of the answer had come."""
        ...


class Keeper(Protocol):
    """Who has a connection between two requests."""

    def put(self, connection: Connection) -> None: ...

    def forget(self, connection: Connection) -> None: ...


class Connection(asyncio.Protocol):
    """Between two requests its keeper has it."""

    idle_since = 0.0

    def __init__(self, keeper: Keeper) -> None:
        self._keeper = keeper
        self._parser = httptools.HttpResponseParser(self)
        self._transport: asyncio.Transport
        self._request: Sent | None = None
        self._headers = _NONE
        self._body: list[bytes] = []
        self._body_bytes = 0
        self._received = 0  # bytes of the answer: the parser keeps a field or a trailer until it is whole
        self._status = 0
        self._begun = False  # a byte of the answer is here
        self._framed = False  # its end can be told from its head
        self._keep = False  # the connection outlives this answer
        self._complete = False

    @property
    def is_closing(self) -> bool:
        return self._transport.is_closing()

    def begin(self, request: Sent) -> None:
        self._request = request
        if self._transport.is_closing():
            self._lost("the connection was closed at once")
        elif len(request.body) <= _JOIN_BYTES:
            self._transport.write(request.head + request.body)
        else:
            self._transport.write(request.head)
            self._transport.write(request.body)

    def abort(self) -> None:
        """Give up on the request; nobody is told."""
        self._request = None
        self._reset()
        self._transport.abort()

    def close(self) -> None:
        self._transport.close()

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._request is None:
            self._keeper.forget(self)
        elif self._status >= 200 and not self._framed and exc is None:
            self._finish(keep=False)
        else:
            self._lost(str(exc or "the connection was closed before the answer was whole"))

    def data_received(self, data: bytes) -> None:
        if self._request is None:
            self._transport.abort()  # an idle connection has nothing to say: never use it again
            return
        self._begun = True
        self._received += len(data)
        if self._received > _MOST_BYTES or (self._received > _MOST_HEAD_BYTES and not self._status):
            self._fail(502, "the answer's head or its framing has no end")
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._fail(502, "the subscriber switched to another protocol")
            return
        except httptools.HttpParserError as error:
            if not self._complete:
                cause = error.__context__
                self._fail(502, str(cause) if isinstance(cause, _Refused) else f"the answer is not HTTP: {error}")
                return
            self._finish(keep=False)  # data behind the answer
            return
        if self._complete:
            self._finish(keep=self._keep)

    # httptools, within data_received

    def on_message_begin(self) -> None:
        if self._complete:
            raise _Refused("a second answer")
        self._headers = {}

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self._status:  # else it is a trailer
            self._headers[name.lower()] = value
            if len(self._headers) > _MOST_FIELDS:
                raise _Refused(f"the answer has more than {_MOST_FIELDS} header fields")

    def on_headers_complete(self) -> None:
        status = self._parser.get_status_code()
        if status < 200:
            return
        self._status = status
        self._keep = self._parser.should_keep_alive()
        headers = self._headers
        self._framed = b"content-length" in headers or b"transfer-encoding" in headers or status in _NO_BODY

    def on_body(self, data: bytes) -> None:
        self._body_bytes += len(data)
        if self._body_bytes > MOST_ANSWER_BYTES:
            raise _Refused(f"the answer has more than {MOST_ANSWER_BYTES} bytes")
        self._body.append(data)

    def on_message_complete(self) -> None:
        if self._status:  # else it was an interim one (1xx)
            self._complete = True

    # The end of a request

    def _finish(self, *, keep: bool) -> None:
        request = cast(Sent, self._request)
        body = self._body
        answer = Answer(self._status, self._headers, body[0] if len(body) == 1 else b"".join(body))
        self._request = None
        self._reset()
        # Into the pool first: what follows from the answer is most often the next request.
        if keep:
            self._keeper.put(self)
        else:
            self._transport.close()
        request.answered(answer)

    def _fail(self, status: int, why: str) -> None:
        request, self._request = cast(Sent, self._request), None
        self._reset()  # the parser and this hold each other, so what is here would stay for long
        self._transport.abort()
        request.answered(Answer(status, _NONE, b"", why))

    def _lost(self, why: str) -> None:
        request, self._request = cast(Sent, self._request), None
        begun = self._begun
        self._reset()
        request.lost(why, begun=begun)

    def _reset(self) -> None:
        self._headers = _NONE
        self._body = []
        self._body_bytes = self._received = self._status = 0
        self._begun = self._framed = self._keep = self._complete = False
