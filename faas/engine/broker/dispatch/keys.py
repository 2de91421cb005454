"""What `ordered_by` names: the value whose events are delivered one after another. A function of the event."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

KeyOf = Callable[[Mapping[str, Any], bytes], str | None]
_DATA = "data."
_decode = msgspec.json.Decoder().decode


def make_key_of(ordered_by: str) -> KeyOf | None:
    """How to find an event's key; None: events are not ordered.

    `data.PATH` goes into JSON data by member names. An event without the value (no such attribute or member, null,
    data that is not JSON) has no key: nothing can be said about its order, so it is delivered as an unordered one.
    """
    if not ordered_by:
        return None
    if not ordered_by.startswith(_DATA):
        return lambda attributes, data: _text(attributes.get(ordered_by))
    path = tuple(ordered_by.removeprefix(_DATA).split("."))
    decode = _decoder_of(path)

    def key_of(attributes: Mapping[str, Any], data: bytes) -> str | None:
        try:
            found = decode(data)
        # A ValidationError is a DecodeError: a member that is no object. Data may be nested too deep to be looked into.
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return None
        for _ in path:
            found = found.at
            if found is None:
                return None
        return _text(found)

    return key_of


def _decoder_of(path: tuple[str, ...]) -> Callable[[bytes], Any]:
    """A decoder that makes values of what is on the path and skips all the rest."""
    kind: Any = Any
    for member in reversed(path):
        kind = msgspec.defstruct("Found", [("at", kind | None, None)], rename={"at": member})
    return msgspec.json.Decoder(kind).decode


def _text(value: Any) -> str | None:
    """1 and "1" are one key."""
    if value is None or isinstance(value, str):
        return value
    return msgspec.json.encode(value).decode()
