"""A request to a webhook as an event."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from faas_runtime.events.event import Event
from faas_runtime.events.shapes.carried import carried_event
from faas_runtime.events.shapes.making import content_type_of, event_of, object_source

TYPE = "dev.faas.webhook"


def make_event(
    namespace: str,
    name: str,
    body: bytes,
    *,
    id: str,
    time: datetime,
    content_type: str | None = None,
    type: str = TYPE,
    source: str = "",
    subject: str | None = None,
    extensions: Mapping[str, str] | None = None,
) -> Event[Any]:
    """The event of one request that was let in; a structured CloudEvent is passed on as it is.

    Args:
        name: of the source object, which names the event's source unless `source` does.
        id: the sender's own, else one that the caller makes.
        extensions: what of the request is worth keeping, `{"httpmethod": "POST"}`.
    """
    carried = carried_event(content_type, {}, body)
    if carried is not None:
        return carried
    return event_of(
        type, source or object_source("containersources", namespace, name), id, body or None,
        content_type or content_type_of(body), subject=subject, time=time, extensions=extensions,
    )  # fmt: skip
