"""Heads that come again: a peer that keeps its connection mostly sends the fields it has sent before.

llhttp and our checks are deterministic, so bytes that they have accepted at the beginning of a message mean the same
when they are there again. Only what leaves nothing open is remembered: one whole message in one read, framed by
Content-Length or without a body, on a connection that goes on. Everything else is parsed.
"""

from __future__ import annotations

import re

from faas.engine.gateway.http.request import Request
from faas.engine.gateway.http.response import Response

# The methods that change nothing about how a message is read (CONNECT does), and the targets that need no translation.
_REQUEST_LINE = re.compile(rb"(GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS) (/[!-\"$-~]*) HTTP/1\.1(?=\r\n)")
_HEAD_BYTES = 4096  # longer ones are not kept: connections are many
_PATIENCE = 8  # heads in a row that were new, before a connection is taken for one that never repeats itself


class RepeatedRequest:
    """The last header fields of a client's connection; its request line may be another one each time."""

    __slots__ = ("_body_bytes", "_fields", "_misses", "_request", "_target_bytes")

    def __init__(self, target_bytes: int) -> None:
        self._target_bytes = target_bytes
        self._fields = b""  # from the CRLF of the request line to the empty line; empty: nothing to recognise
        self._body_bytes = 0
        self._misses = 0
        self._request: Request

    def recognise(self, data: bytes) -> Request | None:
        """The request that `data` is, when it is exactly one whole message whose fields are known."""
        fields = self._fields
        if not fields:
            return None
        line = _REQUEST_LINE.match(data)
        if line is None or not data.startswith(fields, end := line.end()):
            return None
        if len(data) != end + len(fields) + self._body_bytes:
            return None
        method, target = line.groups()
        if len(target) > self._target_bytes:
            return None
        self._misses = 0
        return self._request.again(method, target)

    def learn(self, data: bytes, request: Request) -> None:
        """`data`, all of it and at the beginning of a message, was parsed as this request and nothing else."""
        if self._misses >= _PATIENCE:
            self._fields = b""
            return
        self._misses += 1
        line = _REQUEST_LINE.match(data)
        if line is None or not request.is_plain:
            return
        start, end = line.end(), data.find(b"\r\n\r\n") + 4
        body_bytes = request.length or 0
        # Where our head ends must be where llhttp's did, whatever else it takes for the end of a line.
        if end - start <= _HEAD_BYTES and len(data) == end + body_bytes:
            self._fields = data[start:end]
            self._body_bytes = body_bytes
            self._request = request

    def forget(self) -> None:
        """Nothing may be recognised on this connection from now on."""
        self._fields = b""
        self._misses = _PATIENCE


class RepeatedResponse:
    """The last head of an instance's connection."""

    __slots__ = ("_bytes", "_head", "_misses", "_response")

    def __init__(self) -> None:
        self._head = b""
        self._bytes = 0  # of the whole message
        self._misses = 0
        self._response: Response

    def recognise(self, data: bytes, request: Request) -> Response | None:
        """The head of the answer that `data` is, when it is exactly one whole message whose head is known."""
        if len(data) != self._bytes or request.is_head or not data.startswith(self._head):
            return None
        self._misses = 0
        return self._response.again(request.request_id)

    def body_of(self, data: bytes) -> bytes:
        return data[len(self._head) :]

    def learn(self, data: bytes, response: Response, body_bytes: int) -> None:
        """`data`, all of it, was parsed as this answer to anything but HEAD, and the connection goes on."""
        if self._misses >= _PATIENCE:
            self._bytes = 0
            return
        self._misses += 1
        if response.length is None or response.length != body_bytes:
            return
        end = data.find(b"\r\n\r\n") + 4
        if end <= _HEAD_BYTES and len(data) == end + body_bytes:
            self._head = data[:end]
            self._bytes = len(data)
            self._response = response
