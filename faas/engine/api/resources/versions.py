"""In which version of its kind an object is asked for, and in which it is stored."""

from __future__ import annotations

import msgspec

from faas.engine.api.objects.selection import decode
from faas.engine.api.wire.discovery import events_view
from faas.engine.api.wire.events_v1 import to_events_v1
from faas.engine.contract.storage import Record
from faas.resources import kinds
from faas.resources.conversion import from_stored
from faas.resources.kinds import Kind

EVENTS_V1 = events_view()


def stored_kind(kind: Kind) -> Kind:
    return kinds.EVENT if kind is EVENTS_V1 else kinds.stored(kind)


def as_is(kind: Kind) -> Kind:
    """Events of another group are the same objects under other names; versions have fields and rules of their own."""
    return kinds.EVENT if kind is EVENTS_V1 else kind


def as_shown(kind: Kind, record: Record) -> Record:
    """The record as an object of the version that is asked for."""
    if kind is EVENTS_V1:
        obj = to_events_v1(decode(record))
    elif kinds.stored(kind) == kind:
        return record
    else:
        obj = from_stored(kind, decode(record))
    return Record(record.key, record.version, obj, msgspec.json.encode(obj))
