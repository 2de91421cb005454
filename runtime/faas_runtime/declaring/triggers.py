"""What every decorator that takes events becomes besides a path: a Trigger's name, and which events it lets through.

Shared by whoever writes the objects, and by the test client, which does as a broker would.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from faas_runtime.declaring.names import MAX_LABEL

SOURCE_EXTENSION = "faassource"
"""The attribute by which a Trigger knows the events of its own source; the source adds it to every event."""

_KUBERNETES_TYPES = {"resource": "dev.knative.apiserver.resource.", "reference": "dev.knative.apiserver.ref."}


def trigger_names(function: str, kinds: Sequence[str]) -> list[str]:
    """The names of a function's Triggers, and of the sources before them, in the order of its decorators; "" for http.

    `event` is the function's own name, a source FUNCTION-KIND; a second of a kind ends in -2. A name that would be too
    long is cut, and a hash keeps it apart from its like.
    """
    seen: dict[str, int] = {}
    names: list[str] = []
    for kind in kinds:
        if kind == "http":
            names.append("")
            continue
        seen[kind] = number = seen.get(kind, 0) + 1
        name = function if kind == "event" else f"{function}-{kind}"
        name += f"-{number}" if number > 1 else ""
        if len(name) > MAX_LABEL:
            name = f"{name[: MAX_LABEL - 9].rstrip('-')}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"
        names.append(name)
    return names


def filters_of(kind: str, options: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    """The filters of a Trigger: a decorator's own, or those by which a source's events are known.

    Args:
        kind, options: of the decorator, as `spec.Trigger` has them; name: of the source.
    """
    if kind == "event":
        return list(options["filters"])
    filters: list[dict[str, Any]] = [{"exact": {SOURCE_EXTENSION: name}}]
    if kind == "kubernetes" and "on" in options:
        types = [{"exact": {"type": _KUBERNETES_TYPES[options["mode"]] + change}} for change in options["on"]]
        filters.append(types[0] if len(types) == 1 else {"any": types})
    return filters
