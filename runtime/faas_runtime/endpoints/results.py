"""What a handler returned, as an HTTP answer or a stream."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from typing import Any

import msgspec

from faas_runtime.events import wire
from faas_runtime.events.event import Event
from faas_runtime.jsonic import to_json

Headers = list[tuple[bytes, bytes]]
_JSON = (b"content-type", b"application/json")
_TEXT = (b"content-type", b"text/plain; charset=utf-8")
_BYTES = (b"content-type", b"application/octet-stream")


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


def make_answer(result: Any) -> Answer | Stream:
    """Raises: ResultError, TypeError: there is no way to answer with that."""
    make = _MAKERS.get(type(result))
    if make is None:
        make = _maker_of(result)
    return make(result)


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
            headers.append(_BYTES)
        elif isinstance(first, str):
            headers.append(_TEXT)
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


def _json(result: Any) -> Answer:
    body = to_json(result)
    return Answer(200, [_JSON, (b"content-length", b"%d" % len(body))], body)


def _none(_: None) -> Answer:
    return Answer(204, [], b"")


def _text(result: str) -> Answer:
    body = result.encode()
    return Answer(200, [_TEXT, (b"content-length", b"%d" % len(body))], body)


def _bytes(result: Any) -> Answer:
    body = bytes(result)
    return Answer(200, [_BYTES, (b"content-length", b"%d" % len(body))], body)


def _tuple(result: tuple[Any, ...]) -> Answer | Stream:
    if len(result) not in (2, 3) or not isinstance(result[1], int) or isinstance(result[1], bool):
        kinds = ", ".join(type(item).__name__ for item in result)
        raise ResultError(f"a tuple is (body, status[, headers]), not ({kinds}); return a list for a JSON array")
    return _with(result[0], result[1], result[2] if len(result) == 3 else {})


def _response(result: Response) -> Answer | Stream:
    return _with(result.body, result.status, result.headers)


def _with(body: Any, status: int, headers: Mapping[str, Any] | list[tuple[str, str]]) -> Answer | Stream:
    if not 200 <= status <= 599:
        raise ResultError(f"{status} is no final HTTP status: 200..599")
    answer = make_answer(body) if body is not None else Answer(status, [(b"content-length", b"0")], b"")
    given = encode_headers(headers)
    names = {name for name, _ in given}
    answer.headers = [*given, *(pair for pair in answer.headers or () if pair[0] not in names)]
    answer.status = status
    if status in (204, 304):
        answer.headers = [pair for pair in answer.headers if pair[0] != b"content-length"]
    return answer


def _event(result: Event[Any]) -> Answer:
    headers, body = wire.binary(result)
    return Answer(200, [*headers, (b"content-length", b"%d" % len(body))], body)


_MAKERS: dict[type, Callable[[Any], Answer | Stream]] = {
    dict: _json, list: _json, type(None): _none, str: _text, bytes: _bytes, bytearray: _bytes, memoryview: _bytes,
    tuple: _tuple, Response: _response, Event: _event, int: _json, float: _json, bool: _json,
}  # fmt: skip


def _maker_of(result: Any) -> Callable[[Any], Answer | Stream]:
    """How a type is answered that has no maker yet; remembered, unless each value may differ."""
    kind = type(result)
    if isinstance(result, ServerSentEvent):
        raise ResultError("a ServerSentEvent is yielded, not returned: make the handler a generator")
    if hasattr(kind, "__anext__") or hasattr(kind, "__next__"):
        make: Callable[[Any], Answer | Stream] = Stream
    elif hasattr(kind, "__aiter__") and not hasattr(kind, "__iter__"):
        make = _async_iterable
    elif _is_werkzeug_response(kind):
        from faas_runtime.bridges.flask import make_flask_answer

        make = make_flask_answer
    elif isinstance(result, str):
        make = _text
    else:
        make = _json
        to_json(result)  # a TypeError here names the type that has no JSON form
    _MAKERS[kind] = make
    return make


def _async_iterable(result: Any) -> Stream:
    return Stream(result.__aiter__())


def _is_werkzeug_response(kind: type) -> bool:
    return "werkzeug" in sys.modules and any(
        base.__module__ == "werkzeug.sansio.response" and base.__name__ == "Response" for base in kind.__mro__
    )


def _lines(text: str) -> list[str]:
    return text.replace("\r\n", "\n").replace("\r", "\n").split("\n")


def _one_line(text: str) -> str:
    if "\n" in text or "\r" in text or "\0" in text:
        raise ResultError(f"{text!r}: an event's name and id are one line")
    return text
