"""Answers to a Broker that delivers an event: a reply is a CloudEvent, and nothing else may stand in the body.

Knative takes any other body of a 2xx answer for a failure and delivers the event again, however often it was handled.
Its data plane marks what may be answered with an event by `Prefer: reply`, to the sinks of dead letters too; whoever
else sends an event, as `curl`, sees what the function says. docs/decisions/0025.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from faas_runtime.calls.answer import Answer, Headers
from faas_runtime.calls.call import Call
from faas_runtime.calls.logs import write_line
from faas_runtime.events import wire
from faas_runtime.events.event import Event

Send = Callable[[dict[str, Any]], Awaitable[None]]


def is_delivery(headers: Mapping[bytes, bytes]) -> bool:
    """Whether a Broker (or a channel) sends this, and takes an event as its answer. RFC 7240 has the header."""
    asked = headers.get(b"prefer")
    if asked is None or not wire.mode(headers):
        return False
    return any(each.partition(b";")[0].strip().lower() == b"reply" for each in asked.split(b","))


def takes_batches(headers: Mapping[bytes, bytes]) -> bool:
    """Whether several replies may come at once: the engine's Broker says so, Knative's take one."""
    return wire.BATCH.encode() in headers.get(b"accept", b"")


def may_be_read(call: Call, answer: Answer) -> Answer:
    """The answer, without what its Broker would take for a failure."""
    if not answer.body or not 200 <= answer.status < 300 or wire.mode(dict(answer.headers)):
        return answer
    _say_once(call)
    return Answer(204, _without_body(answer.headers), b"")


def discarding(call: Call, send: Send) -> Send:
    """`may_be_read` for what sends its answer itself, in pieces: streams, mounted applications."""
    discards = False

    async def send_on(message: dict[str, Any]) -> None:
        nonlocal discards
        if message["type"] == "http.response.start":
            headers = list(message.get("headers") or ())
            discards = 200 <= message["status"] < 300 and not wire.mode({n.lower(): value for n, value in headers})
            if discards:
                message = {**message, "status": 204, "headers": _without_body(headers)}
        elif message["type"] == "http.response.body" and discards:
            if message.get("body"):
                _say_once(call)
            if message.get("more_body", False):
                return
            message = {"type": "http.response.body", "body": b""}
        await send(message)

    return send_on


async def publish_but_the_last(call: Call, replies: list[Event[Any]]) -> list[Event[Any]]:
    """Replies as a Broker takes them that takes one: the others go to the sink first, in order.

    Raises: CallError, NotConfigured: the event is delivered again, and the replies have the same ids then.
    """
    for reply in replies[:-1]:
        remaining_s = call.deadline - call.instance.monotonic()
        await call.instance.transport.publish(reply, timeout_s=max(remaining_s, 0.001))
    return replies[-1:]


def _without_body(headers: Headers) -> Headers:
    return [pair for pair in headers if not pair[0].lower().startswith((b"content-", b"transfer-encoding"))]


_told: set[str] = set()  # functions of which it was said


def _say_once(call: Call) -> None:
    function = call.endpoint.function
    if function in _told:
        return
    _told.add(function)
    write_line(
        "info", "what this function answers is no CloudEvent: whoever delivers events to it gets an empty answer",
        call, {},
    )  # fmt: skip
