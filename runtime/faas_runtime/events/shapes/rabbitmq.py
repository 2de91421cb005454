"""A RabbitMQ message as an event."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from faas_runtime.events.event import Event
from faas_runtime.events.shapes.carried import carried_event
from faas_runtime.events.shapes.making import content_type_of, event_of, object_source

TYPE = "dev.knative.rabbitmq.event"


def make_event(
    namespace: str,
    name: str,
    queue: str,
    body: bytes,
    *,
    id: str,
    routing_key: str = "",
    content_type: str | None = None,
    headers: Mapping[str, str] | None = None,
    time: datetime | None = None,
) -> Event[Any]:
    """The event of one message; a CloudEvent that it carries is passed on as it is.

    Args:
        name: of the RabbitmqSource.
        id: the message's own, else one that the caller makes.
    """
    carried = carried_event(content_type, headers or {}, body)
    if carried is not None:
        return carried
    return event_of(
        TYPE, object_source("rabbitmqsources", namespace, name, fragment=queue), id, body,
        content_type or content_type_of(body), subject=id, time=time, extensions={"routingkey": routing_key},
    )  # fmt: skip
