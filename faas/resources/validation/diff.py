"""What differs between two objects, a line each side, for messages."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from faas.resources.views import without_nulls

_ABSENT = object()


def difference(old: Any, new: Any) -> str:
    """Lines `-path: old` and `+path: new`; empty if nothing differs. A member that is null counts as absent."""
    return "\n".join(_lines(without_nulls(old), without_nulls(new), ""))


def _lines(old: Any, new: Any, path: str) -> Iterator[str]:
    if isinstance(old, dict) and isinstance(new, dict):
        for name in sorted({*old, *new}):
            yield from _lines(old.get(name, _ABSENT), new.get(name, _ABSENT), f"{path}.{name}" if path else name)
    elif isinstance(old, list) and isinstance(new, list):
        for index in range(max(len(old), len(new))):
            before = old[index] if index < len(old) else _ABSENT
            after = new[index] if index < len(new) else _ABSENT
            yield from _lines(before, after, f"{path}[{index}]")
    elif old != new or isinstance(old, bool) != isinstance(new, bool):
        if old is not _ABSENT:
            yield f"-{path}: {json.dumps(old)}"
        if new is not _ABSENT:
            yield f"+{path}: {json.dumps(new)}"
