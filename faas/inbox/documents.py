"""Events and dead letters as people and programs read them: JSON, the event in its own JSON format.

Source: CloudEvents JSON event format 1.0.2; knative/eventing pkg/channel/attributes (knativeerror attributes).
"""

from __future__ import annotations

import base64
import binascii
from datetime import UTC, datetime
from typing import Any

import msgspec
from faas_runtime.errors import EventError
from faas_runtime.events import wire
from faas_runtime.events.event import Event

from faas.inbox.letters import Letter

Document = dict[str, Any]
DESTINATION, CODE, DATA = "knativeerrordest", "knativeerrorcode", "knativeerrordata"


def encode(event: Event[Any]) -> bytes:
    """The event on one line of JSON; data that is not what its type promises goes as it is, in base64."""
    try:
        return msgspec.json.format(wire.structured(event)[1], indent=-1)
    except (EventError, TypeError, ValueError, RecursionError):
        data = base64.b64encode(event.payload or b"").decode()
        return msgspec.json.encode({**event.attributes, "data_base64": data})


def letter_line(letter: Letter, namespace: str) -> Document:
    """`error` is what the knativeerror attributes say, decoded; the event has them as well."""
    event = _event_of(letter)
    return {
        "sequence": letter.sequence,
        "storedTime": rfc3339(letter.stored_ms),
        "broker": letter.broker,
        "stream": letter.stream,
        "trigger": f"{namespace}/{letter.trigger}" if letter.trigger else "",
        "error": {
            "code": _code(event.get(CODE)),
            "destination": event.get(DESTINATION, ""),
            "data": _decoded(str(event.get(DATA, ""))),
        },
        "origin": None,
        "event": event,
    }


def _event_of(letter: Letter) -> Document:
    """What is no event, after some damage, is shown with what else is known of it: it must not hide the others."""
    try:
        return msgspec.json.decode(letter.event, type=Document)
    except (msgspec.DecodeError, ValueError):
        return {"id": letter.id, "type": letter.type, "data_base64": base64.b64encode(letter.event).decode()}


def without_error(event: Event[Any]) -> Event[Any]:
    """As it was before it failed: what the broker noted of the failure is not the event's own."""
    kept = {name: value for name, value in event.extensions.items() if name not in (DESTINATION, CODE, DATA)}
    return event.replace(extensions=kept)


def rfc3339(moment_ms: int) -> str:
    text = datetime.fromtimestamp(moment_ms / 1000, UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")


def _code(value: object) -> object:
    """In binary mode every attribute is text; a code is a number."""
    return int(value) if isinstance(value, str) and value.isascii() and value.isdigit() else value


def _decoded(text: str) -> str:
    """knativeerrordata is base64 of what the subscriber said; some brokers write it plainly."""
    try:
        return base64.b64decode(text, validate=True).decode()
    except (binascii.Error, ValueError):
        return text
