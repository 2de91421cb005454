"""What an event handler returned, as reply events.

A reply's id is a hash of what caused it, so a redelivered event repeats its replies under the same ids.
"""

from __future__ import annotations

import hashlib
from types import GeneratorType
from typing import Any

from faas_runtime.calls.answer import Answer, Response, Stream
from faas_runtime.calls.call import Call
from faas_runtime.endpoints.results import make_answer
from faas_runtime.events import wire
from faas_runtime.events.event import Event, tracing_of

_PLAIN = (dict, list, str, bytes, int, float, bool)


def make_replies(result: Any, call: Call) -> list[Event[Any]] | Answer | Stream:
    """The reply events, or an HTTP answer where the handler asked for one: `(body, status)` or a Response."""
    if result is None:
        return []
    if isinstance(result, Response) or type(result) is tuple:
        return make_answer(result)
    if isinstance(result, GeneratorType) or (
        isinstance(result, list) and any(isinstance(item, Event) for item in result)
    ):
        results = list(result)
    else:
        results = [result]
    return [_reply(item, index, call) for index, item in enumerate(results)]


def answer_http(result: Any, call: Call) -> Answer | Stream:
    """The answer of an HTTP handler; an event it returns gets this function as its source."""
    if type(result) is Event and not result.source:
        result = result.replace(id=result.id, source=call.endpoint.uri(call.instance.settings))
    return make_answer(result)


def reply_id(source: str, id: str, function: str, index: int) -> str:
    """32 hex digits, the same for the same cause."""
    cause = "\0".join((source, id, function, str(index)))
    return hashlib.sha256(cause.encode()).hexdigest()[:32]


def encode_replies(replies: list[Event[Any]]) -> Answer:
    """Nothing is 204, one event goes in binary mode, several as a batch."""
    if not replies:
        return Answer(204, [], b"")
    headers, body = wire.binary(replies[0]) if len(replies) == 1 else wire.batch(replies)
    return Answer(200, [*headers, (b"content-length", b"%d" % len(body))], body)


def _reply(result: Any, index: int, call: Call) -> Event[Any]:
    cause, endpoint = call.event, call.endpoint
    if cause is None:
        raise AssertionError("a reply without its event")
    if not isinstance(result, Event):
        return Event(
            _type_of(result, call),
            result,
            source=endpoint.uri(call.instance.settings),
            id=reply_id(cause.source, cause.id, endpoint.function, index),
            subject=cause.subject,
            extensions=tracing_of(cause),
        )
    return result.replace(
        id=result.id if result.has_id else reply_id(cause.source, cause.id, endpoint.function, index),
        source=result.source or endpoint.uri(call.instance.settings),
        subject=cause.subject if result.subject is None else result.subject,
        extensions={**tracing_of(cause), **result.extensions},
    )


def _type_of(result: Any, call: Call) -> str:
    if call.endpoint.reply_type:
        return call.endpoint.reply_type
    kind = type(result)
    if kind in _PLAIN:
        handler = call.endpoint.handler
        return f"{handler.__module__}.{getattr(handler, '__qualname__', call.endpoint.function)}.reply".lower()
    # Ours by the name that users import them by: where they lie is nobody's concern, and a type is a promise.
    module = "faas" if kind.__module__.startswith("faas_runtime.") else kind.__module__
    return f"{module}.{kind.__qualname__}".lower()
