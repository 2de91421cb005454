"""Sets of fields on the wire (`fieldsV1`) and in messages. Source: structured-merge-diff, fieldpath/."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from faas.engine.api.objects.apply.typed import FieldSet, Path

# Fields that nobody owns: they name the object or belong to the server.
UNOWNED: FieldSet = frozenset(
    {("f:apiVersion",), ("f:kind",), ("f:metadata",)}
    | {
        ("f:metadata", f"f:{name}")
        for name in (
            "name",
            "namespace",
            "uid",
            "selfLink",
            "generation",
            "resourceVersion",
            "managedFields",
            "creationTimestamp",
            "deletionTimestamp",
            "deletionGracePeriodSeconds",
        )
    }
)


def owned(fields: FieldSet) -> FieldSet:
    """What of these fields a manager can own."""
    return frozenset(
        path for path in fields if path not in UNOWNED and path[:2] != ("f:metadata", "f:managedFields") and path
    )


def encode(fields: FieldSet) -> dict[str, Any]:
    """As `fieldsV1`: nested elements, "." where an inner one is itself a member."""
    root: dict[str, Any] = {}
    inner = {path[:length] for path in fields for length in range(1, len(path))}
    for path in sorted(fields):
        node = root
        for element in path:
            node = node.setdefault(element, {})
        if path in inner:
            node["."] = {}
    return root


def decode(wire: Any) -> FieldSet:
    """Read `fieldsV1`; what is no element is left out."""
    found: set[Path] = set()
    _walk(wire, (), found)
    return frozenset(found)


def _walk(node: Any, path: Path, found: set[Path]) -> None:
    if not isinstance(node, Mapping):
        return
    if path and (not node or "." in node):
        found.add(path)
    for element, below in node.items():
        if element[:2] in ("f:", "k:", "v:", "i:"):
            _walk(below, (*path, element), found)


def text(path: Path) -> str:
    """A path as messages show it: `.spec.containers[name="app"].image`."""
    parts = []
    for element in path:
        kind, rest = element[:2], element[2:]
        if kind == "f:":
            parts.append(f".{rest}")
        elif kind == "k:":
            keys = ",".join(f"{name}={json.dumps(value)}" for name, value in json.loads(rest).items())
            parts.append(f"[{keys}]")
        else:
            parts.append(f"[={rest}]")
    return "".join(parts)
