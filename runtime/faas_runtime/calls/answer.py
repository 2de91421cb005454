"""What a request is answered with: a whole answer, a stream of pieces, and what handlers say both with."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any

import msgspec

from faas_runtime.jsonic import to_json

Headers = list[tuple[bytes, bytes]]
JSON = (b"content-type", b"application/json")
TEXT = (b"content-type", b"text/plain; charset=utf-8")
BYTES = (b"content-type", b"application/octet-stream")


class ResultError(TypeError):
    """The handler returned what cannot be answered."""


class Response:
    """An answer in full: `Response("<h1>Hello</h1>", content_type="text/html; charset=utf-8")`."""

    __slots__ = ("body", "headers", "status")

    def __init__(
        self, body: Any = None, status: int = 200, headers: Mapping[str, str] | None = None, *,
        content_type: str | None = None,
    ) -> None:  # fmt: skip
        self.body = body
        self.status = status
        self.headers = dict(headers or {})
        if content_type is not None:
            self.headers["content-type"] = content_type


class ServerSentEvent(msgspec.Struct, frozen=True):
    """One server-sent event; a handler that yields these answers with `text/event-stream`. Source: WHATWG HTML 9.2."""

    data: Any = None  # str as it is; everything else as JSON
    event: str | None = None
    id: str | None = None
    retry_ms: int | None = None
    comment: str | None = None

    def encode(self) -> bytes:
        lines: list[str] = []
        if self.comment is not None:
            lines += [f": {line}" for line in _lines(self.comment)]
        if self.event is not None:
            lines.append(f"event: {_one_line(self.event)}")
        if self.id is not None:
            lines.append(f"id: {_one_line(self.id)}")
        if self.retry_ms is not None:
            lines.append(f"retry: {self.retry_ms}")
        if self.data is not None:
            text = self.data if isinstance(self.data, str) else to_json(self.data).decode()
            lines += [f"data: {line}" for line in _lines(text)]
        return ("\n".join(lines) + "\n\n").encode()


class Answer:
    """A complete answer."""

    __slots__ = ("body", "headers", "status")

    def __init__(self, status: int, headers: Headers, body: bytes) -> None:
        self.status, self.headers, self.body = status, headers, body


class Stream(msgspec.Struct, eq=False):
    """An answer that comes in pieces. What the pieces are is known with the first one."""

    items: Iterator[Any] | AsyncIterator[Any]
    status: int = 200
    headers: Headers | None = None

    @property
    def is_async(self) -> bool:
        return hasattr(self.items, "__anext__")


def encode_item(item: Any) -> bytes:
    """One piece of a stream."""
    if isinstance(item, bytes):
        return item
    if isinstance(item, str):
        return item.encode()
    if isinstance(item, ServerSentEvent):
        return item.encode()
    if isinstance(item, bytearray | memoryview):
        return bytes(item)
    return to_json(item) + b"\n"


def stream_headers(stream: Stream, first: Any) -> Headers:
    headers = list(stream.headers or ())
    if not any(name == b"content-type" for name, _ in headers):
        if isinstance(first, ServerSentEvent):
            headers += [(b"content-type", b"text/event-stream"), (b"cache-control", b"no-cache"),
                        (b"x-accel-buffering", b"no")]  # fmt: skip  # nginx would hold events back
        elif isinstance(first, bytes | bytearray | memoryview):
            headers.append(BYTES)
        elif isinstance(first, str):
            headers.append(TEXT)
        else:
            headers.append((b"content-type", b"application/x-ndjson"))
    return headers


def encode_headers(headers: Mapping[str, Any] | list[tuple[str, str]]) -> Headers:
    """Raises: ResultError: a line break, which would start another header."""
    encoded = []
    items: Any = headers.items() if isinstance(headers, Mapping) else headers
    for name, value in items:
        for each in value if isinstance(value, list | tuple) else (value,):
            pair = (str(name).lower().encode("latin-1"), str(each).encode("latin-1"))
            if b"\n" in pair[0] + pair[1] or b"\r" in pair[0] + pair[1]:
                raise ResultError(f"the header {name!r} holds a line break")
            encoded.append(pair)
    return encoded


def _lines(text: str) -> list[str]:
    return text.replace("\r\n", "\n").replace("\r", "\n").split("\n")


def _one_line(text: str) -> str:
    if "\n" in text or "\r" in text or "\0" in text:
        raise ResultError(f"{text!r}: an event's name and id are one line")
    return text
