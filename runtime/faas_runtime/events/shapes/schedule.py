"""A PingSource's event: the schedule is due."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from faas_runtime.events.event import JSON, Event
from faas_runtime.events.shapes.making import event_of, object_source, stable_id

TYPE = "dev.knative.sources.ping"


def make_event(
    namespace: str, name: str, *, due: datetime, data: bytes | None = None, content_type: str | None = None
) -> Event[Any]:
    """The event of one due time; the same due time has the same id, so that a repeated one can be told.

    Args:
        due: when it was due, with a time zone.
        data: as the PingSource has it, `dataBase64` already decoded.
    """
    source = object_source("pingsources", namespace, name)
    return event_of(
        TYPE, source, stable_id(source, due.timestamp()), data or None, content_type or JSON, time=due
    )  # fmt: skip
