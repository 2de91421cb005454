"""What a request is: for which Broker, how large it may be, and which events its body holds. Functions of values."""

from __future__ import annotations

from typing import Any, Literal

from faas_runtime.errors import EventError
from faas_runtime.events import wire

from faas.engine.broker.ingress.answers import Refused
from faas.engine.broker.stamping import MOST_ATTRIBUTES_BYTES, traced

Fields = dict[bytes, bytes]  # lower-case names
BATCH_BYTES = 8 * 1024 * 1024


def broker_of(target: bytes) -> str:
    """The Broker's key in a request target, /NAMESPACE/NAME. Raises: Refused."""
    path = target.partition(b"?")[0]
    if path == b"/":
        raise Refused(404, "a Broker's address is /NAMESPACE/NAME")
    parts = path.removesuffix(b"/").split(b"/")
    if len(parts) != 3 or parts[0] or not parts[1] or not parts[2]:
        raise Refused(400, "a Broker's address is /NAMESPACE/NAME")
    return f"{parts[1].decode('latin-1')}/{parts[2].decode('latin-1')}"


def mode_of(fields: Fields) -> Literal["binary", "structured", "batch"]:
    """Raises: Refused: it is no CloudEvent that can be read here."""
    if fields.get(b"content-encoding", b"identity").lower() != b"identity":
        raise Refused(415, "compressed events are not taken: leave Content-Encoding out")
    mode = wire.mode(fields)
    if not mode:
        raise Refused(400, f"no CloudEvent: neither ce-* headers nor content-type {wire.STRUCTURED}")
    if mode == "binary":
        return "binary"
    media = fields[b"content-type"].partition(b";")[0].strip().lower().decode("latin-1")
    if media not in (wire.STRUCTURED, wire.BATCH):
        raise Refused(415, f"events in the format {media} are not taken; {wire.STRUCTURED} and {wire.BATCH} are")
    return "batch" if mode == "batch" else "structured"


def body_limit(mode: str, max_event_bytes: int) -> int:
    """What one request may bring. Data may be base64 in a structured event, which is a third more."""
    if mode == "binary":
        return max_event_bytes
    structured = max_event_bytes * 4 // 3 + MOST_ATTRIBUTES_BYTES
    return max(structured, BATCH_BYTES) if mode == "batch" else structured


def events_of(fields: Fields, body: bytes, max_event_bytes: int) -> list[tuple[dict[str, Any], bytes | None]]:
    """Attributes and data of the events in a request. Raises: Refused: of one of them, so none is taken."""
    try:
        events = wire.parse(fields, body)
    except EventError as error:
        raise Refused(400, str(error)) from None
    except RecursionError:
        raise Refused(400, "the event is nested too deeply") from None
    traceparent = fields.get(b"traceparent", b"").decode("latin-1")
    tracestate = fields.get(b"tracestate", b"").decode("latin-1")
    found = []
    for event in events:
        data = event.payload
        if data is not None and len(data) > max_event_bytes:
            raise Refused(413, f"an event's data has {len(data)} bytes; this Broker takes {max_event_bytes}")
        found.append((traced(event.attributes, traceparent, tracestate), data))
    return found
