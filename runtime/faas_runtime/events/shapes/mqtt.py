"""An MQTT message as an event."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from faas_runtime.events.event import Event
from faas_runtime.events.shapes.carried import carried_event
from faas_runtime.events.shapes.making import content_type_of, event_of

TYPE = "dev.faas.mqtt.message"


def make_event(
    broker: str,
    topic: str,
    payload: bytes,
    *,
    id: str,
    time: datetime,
    qos: int = 0,
    retained: bool = False,
    content_type: str | None = None,
    properties: Mapping[str, str] | None = None,
) -> Event[Any]:
    """The event of one message; a CloudEvent that it carries is passed on as it is.

    Args:
        broker: its URL without credentials, `mqtt://host:1883`.
        id: unique; MQTT has no ids that last.
        content_type, properties: of MQTT 5; without a content type the payload is looked at.
    """
    carried = carried_event(content_type, properties or {}, payload)
    if carried is not None:
        return carried
    return event_of(
        TYPE, broker, id, payload, content_type or content_type_of(payload), subject=topic, time=time,
        extensions={"mqttqos": qos, **({"mqttretained": True} if retained else {})},
    )  # fmt: skip
