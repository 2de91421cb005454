"""Events as the CloudEvents SDK's own classes, of its version 1 and of its version 2."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

from faas_runtime.events.event import Event


def make_sdk_converter(kind: Any) -> Callable[[Event[Any]], Any]:
    """A function from our Event to the SDK's class `kind`."""
    if kind.__module__.startswith("cloudevents.core."):
        if kind.__name__ == "BaseCloudEvent":  # abstract; what version 2 makes of a 1.0 event
            kind = importlib.import_module("cloudevents.core.v1.event").CloudEvent
        return lambda event: kind(_with_datetime(event), event.data)
    if ".pydantic." in kind.__module__:
        return lambda event: kind(**event.attributes, data=event.data)
    return lambda event: kind(event.attributes, event.data)


def _with_datetime(event: Event[Any]) -> dict[str, Any]:
    """The attributes as version 2 wants them; for version 1 the time is text, as it travels."""
    attributes: dict[str, Any] = {**event.attributes}
    if event.time is not None:
        attributes["time"] = event.time
    return attributes
