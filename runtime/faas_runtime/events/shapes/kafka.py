"""A Kafka record as an event."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from faas_runtime.events.event import Event, Extension
from faas_runtime.events.shapes.carried import carried_event
from faas_runtime.events.shapes.making import content_type_of, event_of, object_source

TYPE = "dev.knative.kafka.event"


def make_event(
    namespace: str,
    name: str,
    topic: str,
    partition: int,
    offset: int,
    value: bytes | None,
    *,
    key: str = "",
    headers: Mapping[str, str] | None = None,
    time: datetime | None = None,
) -> Event[Any]:
    """The event of one record; a CloudEvent that it carries is passed on, with the record's key as `partitionkey`.

    Args:
        name: of the KafkaSource.
        value: None is a tombstone.
    """
    given = {header.lower(): text for header, text in (headers or {}).items()}
    content_type = given.get("content-type")
    carried = carried_event(content_type, given, value or b"")
    if carried is not None:
        if key:
            carried.extensions.setdefault("partitionkey", key)
        return carried
    extensions: dict[str, Extension] = {"key": key}
    for header, text in given.items():
        word = "".join(char for char in header if char.isascii() and char.isalnum())
        if word and header != "content-type":
            extensions[f"kafkaheader{word}"] = text
    return event_of(
        TYPE, object_source("kafkasources", namespace, name, fragment=topic), f"partition:{partition}/offset:{offset}",
        value, content_type or content_type_of(value or b""), subject=f"partition:{partition}#{offset}", time=time,
        extensions=extensions,
    )  # fmt: skip
