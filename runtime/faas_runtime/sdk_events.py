"""Events as the CloudEvents SDK's own classes, of its version 1 and of its version 2."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from faas_runtime.event import Event


def make_sdk_converter(kind: type) -> Callable[[Event[Any]], Any]:
    """A function from our Event to the SDK's class `kind`."""
    if kind.__module__.startswith("cloudevents.core."):
        if kind.__name__ == "BaseCloudEvent":
            from cloudevents.core.v1.event import CloudEvent as kind  # type: ignore[no-redef,import-not-found]

        return lambda event: kind({**_attributes(event), "time": event.time or None}, event.data)
    if ".pydantic." in kind.__module__:
        return lambda event: kind(**_text_attributes(event), data=event.data)
    return lambda event: kind(_text_attributes(event), event.data)  # type: ignore[call-arg]


def _attributes(event: Event[Any]) -> dict[str, Any]:
    attributes: dict[str, Any] = {
        "specversion": "1.0", "id": event.id, "source": event.source, "type": event.type, **event.extensions
    }  # fmt: skip
    for name in ("subject", "datacontenttype", "dataschema"):
        if (value := getattr(event, name)) is not None:
            attributes[name] = value
    return attributes


def _text_attributes(event: Event[Any]) -> dict[str, Any]:
    attributes = _attributes(event)
    if event.time_text is not None:
        attributes["time"] = event.time_text
    return attributes
