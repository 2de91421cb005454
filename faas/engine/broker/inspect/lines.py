"""Stored events and dead letters as people and programs read them: JSON, the event in its own JSON format.

Source: CloudEvents JSON event format 1.0.2; knative/eventing pkg/broker (knativeerror attributes).
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

import msgspec

from faas.engine.broker.delivery.dead import CODE, DATA, DESTINATION
from faas.engine.broker.seams.log import DeadLetter, StoredEvent

Line = dict[str, Any]
_PIECE_BYTES = 64 * 1024


def encode(line: Line) -> bytes:
    return msgspec.json.encode(line) + b"\n"


def in_pieces(lines: Iterable[Line]) -> Iterator[bytes]:
    """Lines joined, so that many small ones are few writes; and encoded no faster than they are taken."""
    piece = bytearray()
    for line in lines:
        piece += encode(line)
        if len(piece) >= _PIECE_BYTES:
            yield bytes(piece)
            piece.clear()
    if piece:
        yield bytes(piece)


def event_line(event: StoredEvent) -> Line:
    return {"sequence": event.sequence, "storedTime": rfc3339(event.stored_s), "event": structured(event)}


def letter_line(letter: DeadLetter, broker: str, stream: str) -> Line:
    """`error` is what the knativeerror attributes say, decoded; the event has them as well."""
    attributes = letter.event.attributes
    return {
        "sequence": letter.sequence,
        "storedTime": rfc3339(letter.stored_s),
        "broker": broker,
        "stream": stream,
        "trigger": letter.trigger,
        "error": {
            "code": attributes.get(CODE),
            "destination": attributes.get(DESTINATION, ""),
            "data": _decoded(str(attributes.get(DATA, ""))),
        },
        "origin": {"sequence": letter.event.sequence, "storedTime": rfc3339(letter.event.stored_s)},
        "event": structured(letter.event),
    }


def structured(event: StoredEvent) -> Line:
    """One member for the data: JSON as it is, text as a string, anything else in base64."""
    document = dict(event.attributes)
    if not event.has_data:
        return document
    media = str(document.get("datacontenttype", "application/json")).partition(";")[0].strip().lower()
    if media.endswith(("/json", "+json")):
        if (line := _on_one_line(event.data)) is not None:
            return {**document, "data": msgspec.Raw(line)}
    elif media.startswith("text/") or media.endswith(("/xml", "+xml")):
        try:
            return {**document, "data": event.data.decode()}
        except UnicodeDecodeError:
            pass
    return {**document, "data_base64": base64.b64encode(event.data).decode()}


def rfc3339(moment_s: float) -> str:
    return datetime.fromtimestamp(moment_s, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _on_one_line(data: bytes) -> bytes | None:
    """JSON as it is but for white space; None: it is none, or null, which as a member would be no data at all."""
    try:
        value = msgspec.json.decode(data)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        return None
    return None if value is None else msgspec.json.format(data, indent=-1)


def _decoded(text: str) -> str:
    """knativeerrordata is base64 of what the subscriber said; of another broker's letters it may be anything."""
    try:
        return base64.b64decode(text, validate=True).decode(errors="replace")
    except (binascii.Error, ValueError):
        return text
