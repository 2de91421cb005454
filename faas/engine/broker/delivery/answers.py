"""What a subscriber's answer means: done, done with events to publish, or failed."""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec
from faas_runtime.errors import EventError
from faas_runtime.events import wire

from faas.engine.broker.delivery.attempts import NO_ANSWER, Failure

_ACCEPTED = 202  # the binding's webhook and Knative's data plane: the body of a 202 is not an event to route
_REASON_CHARS = 200


class Answer(NamedTuple):
    """How an attempt ended. Without one (`status` NO_ANSWER) `error` says why."""

    status: int
    headers: dict[bytes, bytes]  # names in lower case
    body: bytes
    error: str = ""
    unsent: bool = False  # the gateway could not be reached: the subscriber was not asked at all


class Reply(NamedTuple):
    attributes: dict[str, Any]
    data: bytes | None


def judge(answer: Answer) -> Failure | tuple[Reply, ...]:
    """A failure, or the events to publish before the delivered one is done; most often none."""
    status, headers, body = answer.status, answer.headers, answer.body
    if not 200 <= status < 300:
        return failure_of(answer)
    how = wire.mode(headers)
    if status == _ACCEPTED or not (body or how):
        return ()
    if not how:
        what = headers.get(b"content-type", b"").decode("latin-1") or "no content-type"
        return Failure(502, f"the answer {status} has a body that is no CloudEvent ({what})", body)
    try:
        return tuple(Reply(event.attributes, event.payload) for event in wire.parse(headers, body))
    except (EventError, msgspec.MsgspecError, ValueError, RecursionError) as error:
        return Failure(502, f"the reply is no valid CloudEvent: {error}", body)


def failure_of(answer: Answer) -> Failure:
    """What an answer other than 2xx, or none, says went wrong."""
    if answer.status == NO_ANSWER:
        return Failure(NO_ANSWER, answer.error, answer.error.encode())
    text = answer.body[: 4 * _REASON_CHARS].decode("utf-8", "replace").strip()[:_REASON_CHARS]
    reason = f"{answer.status}: {text}" if text else (answer.error or f"the subscriber answered {answer.status}")
    retry_after = answer.headers.get(b"retry-after", b"").decode("latin-1")
    return Failure(answer.status, reason, answer.body or answer.error.encode(), retry_after)
