"""The parts that all shapes share: an event from bytes, and what bytes without a content type are."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec

from faas_runtime.events.event import JSON, Event, Extension, check_extensions, format_time

TEXT = "text/plain; charset=utf-8"
BYTES = "application/octet-stream"
_decode = msgspec.json.Decoder().decode
_JSON_STARTS = frozenset(b'{["-0123456789tfn \t\r\n')


def event_of(
    type: str,
    source: str,
    id: str,
    payload: bytes | None,
    content_type: str | None,
    *,
    subject: str | None = None,
    time: datetime | str | None = None,
    extensions: Mapping[str, Extension] | None = None,
) -> Event[Any]:
    """An event as it would come off the wire: its payload stays bytes until somebody asks for the data.

    Raises: EventError: an extension's name or value that cannot travel.
    """
    given = {name: value for name, value in (extensions or {}).items() if value != ""}
    check_extensions(given)
    text = format_time(time) if isinstance(time, datetime) else time
    kind = content_type if payload is not None else None
    return Event.received(type, source, id, subject or None, text or None, kind, None, given, payload)


def content_type_of(payload: bytes) -> str:
    """What a payload is whose sender did not say: JSON when it parses as such, else text, else bytes."""
    if payload and payload[0] in _JSON_STARTS:
        try:
            _decode(payload)
        except (msgspec.DecodeError, RecursionError, ValueError):  # ValueError: not UTF-8 inside of a string
            pass
        else:
            return JSON
    try:
        payload.decode()
    except UnicodeDecodeError:
        return BYTES
    return TEXT


def stable_id(*cause: object) -> str:
    """32 hex digits, the same for the same cause: what is found twice is sent twice under one id."""
    return hashlib.sha256("\0".join(map(str, cause)).encode("utf-8", "surrogateescape")).hexdigest()[:32]


def object_source(plural: str, namespace: str, name: str, *, fragment: str = "") -> str:
    """The URI of a source object, as Knative's adapters write it: without the group."""
    return f"/apis/v1/namespaces/{namespace}/{plural}/{name}" + (f"#{fragment}" if fragment else "")
