"""A Trigger's filters in words: type = com.acme.order and subject begins with eu/"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

_DIALECTS = {"exact": "=", "prefix": "begins with", "suffix": "ends with"}


def filter_words(trigger: Mapping[str, Any]) -> str:
    """`spec.filters`, or without any the older `spec.filter`."""
    from faas_runtime.events.matching import filters_of

    spec = trigger.get("spec") or {}
    return " and ".join(_all(filters_of(spec.get("filters") or (), spec.get("filter")), nested=False)) or "every event"


def _all(filters: Sequence[Mapping[str, Any]], *, nested: bool) -> list[str]:
    return [words for each in filters for words in _words(each, nested=nested or len(filters) > 1)]


def _words(each: Mapping[str, Any], *, nested: bool) -> list[str]:
    """What has to hold, all of it. `nested`: something is beside it, so alternatives need brackets."""
    found: list[str] = []
    for dialect, value in each.items():
        if not value:
            continue
        match dialect:
            case "exact" | "prefix" | "suffix":
                found += [_attribute(dialect, name, wanted) for name, wanted in value.items()]
            case "all":
                found += _all(value, nested=nested)
            case "any":
                found += _any(value, nested=nested)
            case "not":
                inner = " and ".join(_words(value, nested=False))
                found += [f"not ({inner})"] if inner else []
            case "cesql":
                found.append(f"({value})" if nested else str(value))
    return found


def _attribute(dialect: str, name: str, wanted: Any) -> str:
    if dialect == "prefix" and wanted == "":
        return f"{name} is there"
    return f"{name} {_DIALECTS[dialect]} {wanted}"


def _any(filters: Sequence[Mapping[str, Any]], *, nested: bool) -> list[str]:
    exact = [next(iter(each["exact"].items())) for each in filters if len(each.get("exact") or {}) == 1 == len(each)]
    if len(exact) == len(filters) > 1 and len({name for name, _ in exact}) == 1:
        return [f"{exact[0][0]} = {' or '.join(str(value) for _, value in exact)}"]
    parts = [" and ".join(_words(each, nested=True)) for each in filters]
    joined = " or ".join(part for part in parts if part)
    return [f"({joined})" if nested and len(parts) > 1 else joined] if joined else []
