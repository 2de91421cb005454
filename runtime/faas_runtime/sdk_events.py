"""Events as the CloudEvents SDK's own classes, of its version 1 and of its version 2."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

from faas_runtime.event import Event


def make_sdk_converter(kind: Any) -> Callable[[Event[Any]], Any]:
    """A function from our Event to the SDK's class `kind`."""
    if kind.__module__.startswith("cloudevents.core."):
        if kind.__name__ == "BaseCloudEvent":  # abstract; what version 2 makes of a 1.0 event
            kind = importlib.import_module("cloudevents.core.v1.event").CloudEvent
        return lambda event: kind(_with_time(event, event.time), event.data)
    if ".pydantic." in kind.__module__:
        return lambda event: kind(**_with_time(event, event.time_text), data=event.data)
    return lambda event: kind(_with_time(event, event.time_text), event.data)


def _with_time(event: Event[Any], time: Any) -> dict[str, Any]:
    """All attributes; version 2 wants the time as a datetime, version 1 as text."""
    attributes: dict[str, Any] = {
        "specversion": "1.0",
        "id": event.id,
        "source": event.source,
        "type": event.type,
        **event.extensions,
    }
    optional = {
        "subject": event.subject,
        "datacontenttype": event.datacontenttype,
        "dataschema": event.dataschema,
        "time": time,
    }
    return attributes | {name: value for name, value in optional.items() if value is not None}
