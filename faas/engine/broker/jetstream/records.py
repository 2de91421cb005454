"""What a message of a stream holds: a few bytes that say what follows, attributes as JSON, data as it came.

    event          1 or 0 (with or without data) · length of the JSON (4 bytes, big-endian) · JSON · data
    dead letter    2 · length of the JSON · JSON of where it comes from · an event record

No NATS headers: reading them costs nats-py more than all the rest. No base64: data is half of the work.
"""

from __future__ import annotations

import struct
from typing import Any

import msgspec

from faas.engine.broker.seams.log import StoredEvent

_WITHOUT_DATA, _WITH_DATA, _DEAD = 0, 1, 2
_HEAD = struct.Struct(">BI")
_encode = msgspec.json.Encoder().encode
_decode_attributes = msgspec.json.Decoder(dict[str, Any]).decode


class NotARecord(ValueError):
    """A message that nothing of ours has written."""


class _Origin(msgspec.Struct, frozen=True):
    trigger: str
    sequence: int
    stored_s: float


_decode_origin = msgspec.json.Decoder(_Origin).decode


def encode_event(attributes: dict[str, Any], data: bytes | None) -> bytes:
    head = _encode(attributes)
    if data is None:
        return _HEAD.pack(_WITHOUT_DATA, len(head)) + head
    return b"".join((_HEAD.pack(_WITH_DATA, len(head)), head, data))


def decode_event(record: bytes, sequence: int, stored_s: float) -> StoredEvent:
    """Raises: NotARecord."""
    try:
        kind, length = _HEAD.unpack_from(record)
        end = _HEAD.size + length
        if kind > _WITH_DATA or end > len(record):
            raise NotARecord(f"a message of kind {kind} and {len(record)} bytes is no event")
        attributes = _decode_attributes(record[_HEAD.size : end])
    except (struct.error, msgspec.MsgspecError) as error:
        raise NotARecord(f"a message of {len(record)} bytes is no event: {error}") from error
    return StoredEvent(sequence, stored_s, attributes, record[end:], kind == _WITH_DATA)


def encode_dead_letter(trigger: str, event: StoredEvent) -> bytes:
    origin = _encode(_Origin(trigger, event.sequence, event.stored_s))
    record = encode_event(event.attributes, event.data if event.has_data else None)
    return b"".join((_HEAD.pack(_DEAD, len(origin)), origin, record))


def decode_dead_letter(record: bytes) -> tuple[str, StoredEvent]:
    """The trigger's key and the event, at its original position. Raises: NotARecord."""
    try:
        kind, length = _HEAD.unpack_from(record)
        end = _HEAD.size + length
        if kind != _DEAD or end > len(record):
            raise NotARecord(f"a message of kind {kind} and {len(record)} bytes is no dead letter")
        origin = _decode_origin(record[_HEAD.size : end])
    except (struct.error, msgspec.MsgspecError) as error:
        raise NotARecord(f"a message of {len(record)} bytes is no dead letter: {error}") from error
    return origin.trigger, decode_event(record[end:], origin.sequence, origin.stored_s)
