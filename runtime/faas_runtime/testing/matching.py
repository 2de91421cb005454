"""Which decorators want an event, as a broker decides; for `client.send`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from faas_runtime.events.event import Event
from faas_runtime.events.matching import compile_filters


def wants(filters: Sequence[Mapping[str, Any]], event: Event[Any]) -> bool:
    return compile_filters(filters).matches(event.attributes)
