"""An entry of a Redis stream as an event."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from faas_runtime.events.event import JSON, Event
from faas_runtime.events.shapes.making import event_of

TYPE = "dev.knative.sources.redisstream"


def make_event(address: str, stream: str, id: str, fields: Sequence[str]) -> Event[Any]:
    """The event of one entry; its data is the array of fields and values that Knative sends.

    Args:
        address: `host:port`, or the URL without credentials.
        id: the entry's, `1700000000000-0`; its first part is its time.
        fields: field, value, field, value …; bytes that are no UTF-8 already replaced.
    """
    milliseconds, _, _ = id.partition("-")
    time = datetime.fromtimestamp(int(milliseconds) / 1000, UTC) if _is_time(milliseconds) else None
    return event_of(TYPE, f"{address}/{stream}", id, msgspec.json.encode(list(fields)), JSON, time=time)


def fields_of(data: Any) -> Any:
    """The array of an entry as a mapping, which is what a typed handler takes; anything else stays as it is."""
    if isinstance(data, list) and len(data) % 2 == 0:
        return dict(zip(data[::2], data[1::2], strict=True))
    return data


def _is_time(milliseconds: str) -> bool:
    """Entries may be given ids by hand, `1-1`: such a number is no time."""
    return milliseconds.isdigit() and 10**12 <= int(milliseconds) < 10**13
