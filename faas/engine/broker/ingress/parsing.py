"""Bytes cut into requests, with bounds on all that the parser keeps until it is whole."""

from __future__ import annotations

from typing import NamedTuple, Protocol

import httptools

from faas.engine.broker.ingress.answers import Refused
from faas.engine.broker.ingress.door import Limits
from faas.engine.broker.ingress.requests import Fields

# Fields that mean one thing only; twice means that sender and receiver may understand different events.
_ONCE = (b"ce-", b"content-type", b"content-encoding", b"traceparent")


class Head(NamedTuple):
    method: bytes
    target: bytes
    fields: Fields
    keeps_alive: bool
    upgrades: bool  # to another protocol


class Receiver(Protocol):
    """Who is told, within `RequestParser.feed`. What raises Refused ends the parsing."""

    def request_begins(self) -> None: ...

    def head_came(self, head: Head) -> None: ...

    def body_came(self, data: bytes) -> None: ...

    def trailer_came(self, size: int) -> None:
        """Nothing of ours is in one."""
        ...

    def request_ends(self) -> None: ...


class RequestParser:
    """One connection's. Methods named `on_…` are httptools'."""

    def __init__(self, receiver: Receiver, limits: Limits) -> None:
        self.in_head = False
        self._receiver = receiver
        self._limits = limits
        self._parser = httptools.HttpRequestParser(self)
        self._target = b""
        self._fields: Fields = {}
        self._head_bytes = 0  # of its fields
        self._partial_bytes = 0  # of a head that did not come at once
        self._in_body = False
        self._idle_bytes = 0  # of a body's framing (chunk extensions, trailers) since there was something of the body

    def feed(self, data: bytes) -> bool:
        """Whether HTTP goes on behind it.

        Raises: Refused: where the next request begins can no longer be told; do not feed it any more.
        """
        if self.in_head:
            self._partial_bytes += len(data)
        self._idle_bytes += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            return False  # `head_came` has refused it; what follows is nobody's
        except httptools.HttpParserCallbackError as error:
            cause = error.__context__
            if not isinstance(cause, Refused):
                raise
            raise cause from None
        except httptools.HttpParserError:
            raise Refused(400, "malformed HTTP", close=True) from None
        if self.in_head and self._partial_bytes > self._limits.head_bytes:
            raise Refused(431, "the head of the request is too large", close=True)
        if self._in_body and self._idle_bytes > self._limits.head_bytes:
            # The parser keeps a trailer until it is whole, so this is memory that no limit on bodies sees.
            raise Refused(400, "chunk extensions or trailers without end", close=True)
        return True

    def on_message_begin(self) -> None:
        self._receiver.request_begins()
        self.in_head = True
        self._target = b""
        self._fields = {}
        self._head_bytes = self._partial_bytes = 0

    def on_url(self, url: bytes) -> None:
        self._target += url
        if len(self._target) > self._limits.target_bytes:
            raise Refused(414, f"the request target has more than {self._limits.target_bytes} bytes", close=True)

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self.in_head:
            self._receiver.trailer_came(len(name) + len(value))
            return
        name = name.lower()
        fields = self._fields
        if name in fields and name.startswith(_ONCE):
            raise Refused(400, f"the field {name.decode('latin-1')} is there twice", close=True)
        fields[name] = value
        self._head_bytes += len(name) + len(value)
        if len(fields) > self._limits.head_fields or self._head_bytes > self._limits.head_bytes:
            raise Refused(431, "the header fields are too many or too large", close=True)

    def on_headers_complete(self) -> None:
        self.in_head = False
        self._in_body = True
        self._idle_bytes = 0
        parser = self._parser
        self._receiver.head_came(
            Head(parser.get_method(), self._target, self._fields, parser.should_keep_alive(), parser.should_upgrade())
        )

    def on_body(self, data: bytes) -> None:
        self._idle_bytes = 0
        self._receiver.body_came(data)

    def on_message_complete(self) -> None:
        self._in_body = False
        self._receiver.request_ends()
