"""What an HTTP/1.1 instance's bytes say: the head of an answer, its body, and whether its connection may go on."""

from __future__ import annotations

import asyncio

import httptools

from faas.engine.gateway.exchanges.exchange import Exchange
from faas.engine.gateway.http.request import Headers
from faas.engine.gateway.http.response import MalformedResponse, Response, has_no_body, make_response

_MAX_FIELDS = 1000  # a function that never ends its head must not fill the gateway's memory


class AnswerReading(asyncio.Protocol):
    """The reading half of a connection: it collects what one read brings, and `http1` passes that on."""

    def __init__(self) -> None:
        self._parser = httptools.HttpResponseParser(self)
        self._exchange: Exchange | None = None
        self._broken = ""  # why this connection cannot go on
        self._eof_ends_body = False
        self._reset_parts()

    def _reset_parts(self) -> None:
        self._begun = False
        self._reason = b""
        self._headers: Headers = []
        self._trailers: Headers = []
        self._head: Response | None = None  # parsed and not yet passed on
        self._in_body = False  # the head is parsed
        self._interim = False
        self._body: list[bytes] = []
        self._complete = False
        self._reusable = False

    # httptools callbacks

    def on_message_begin(self) -> None:
        self._begun = True
        if self._complete:
            self._broken = "a second answer"

    def on_status(self, reason: bytes) -> None:
        self._reason += reason

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._in_body:
            self._trailers.append((name, value))
        else:
            self._headers.append((name, value))
        if len(self._headers) + len(self._trailers) > _MAX_FIELDS:
            raise MalformedResponse(f"more than {_MAX_FIELDS} header fields")

    def on_headers_complete(self) -> None:
        exchange = self._exchange
        if exchange is None or self._complete:
            return
        parser = self._parser
        status = parser.get_status_code()
        request = exchange.request
        head = make_response(status, self._reason, self._headers, request.request_id)
        if status < 200:
            if status == 101:
                if not request.upgrade or not head.upgrade:
                    raise MalformedResponse("101 for a request that asked for no upgrade")
            else:
                self._interim = True
            self._head = head
            return
        self._in_body = True
        self._head = head
        self._reusable = parser.should_keep_alive()
        if has_no_body(request, status):
            self._complete = True
            if request.is_head:
                # llhttp waits for the body it was promised: this parser has done its work.
                self._parser = httptools.HttpResponseParser(self)
        elif head.length is None and not head.chunked:
            self._eof_ends_body = True
            self._reusable = False

    def on_body(self, data: bytes) -> None:
        if not self._complete:
            self._body.append(data)

    def on_message_complete(self) -> None:
        if self._interim:
            exchange, head = self._exchange, self._head
            self._interim = False
            self._head, self._headers, self._reason = None, [], b""
            if exchange is not None and head is not None:
                exchange.response_interim(head)
        elif self._in_body:
            self._complete = True
