"""What a handler returned, as an HTTP answer or a stream."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import Any

from faas_runtime.calls.answer import (
    BYTES,
    JSON,
    TEXT,
    Answer,
    Response,
    ResultError,
    ServerSentEvent,
    Stream,
    encode_headers,
)
from faas_runtime.events import wire
from faas_runtime.events.event import Event
from faas_runtime.jsonic import to_json


def make_answer(result: Any) -> Answer | Stream:
    """Raises: ResultError, TypeError: there is no way to answer with that."""
    make = _MAKERS.get(type(result))
    if make is None:
        make = _maker_of(result)
    return make(result)


def _json(result: Any) -> Answer:
    body = to_json(result)
    return Answer(200, [JSON, (b"content-length", b"%d" % len(body))], body)


def _none(_: None) -> Answer:
    return Answer(204, [], b"")


def _text(result: str) -> Answer:
    body = result.encode()
    return Answer(200, [TEXT, (b"content-length", b"%d" % len(body))], body)


def _bytes(result: Any) -> Answer:
    body = bytes(result)
    return Answer(200, [BYTES, (b"content-length", b"%d" % len(body))], body)


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
