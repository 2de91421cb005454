"""Which decorators want an event, as a broker would decide; for `client.send`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from faas_runtime.event import Event


def wants(filters: Sequence[Mapping[str, Any]], event: Event[Any]) -> bool:
    """All filters match. CESQL is left to the broker: a test's event counts as matching."""
    return all(_matches(each, event) for each in filters)


def _matches(each: Mapping[str, Any], event: Event[Any]) -> bool:
    ((dialect, value),) = each.items()
    match dialect:
        case "any":
            return any(_matches(item, event) for item in value)
        case "all":
            return all(_matches(item, event) for item in value)
        case "cesql":
            return True
    ((name, wanted),) = value.items()
    actual = event.extensions.get(name) if name in event.extensions else getattr(event, name, None)
    if actual is None:
        return False
    text = str(actual).lower() if isinstance(actual, bool) else str(actual)
    if dialect == "exact":
        return bool(text == wanted)
    return text.startswith(wanted) if dialect == "prefix" else text.endswith(wanted)
