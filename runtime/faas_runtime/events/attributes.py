"""An event's attributes as a mapping, how they read, and what a condition requires of them.

Names are in lower case, values str, int or bool; None is absent.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

Attributes = Mapping[str, Any]
# What an index of conditions looks up: an attribute's text is one of these; none: the condition never holds.
Required = Mapping[str, frozenset[str]]


def text_of(value: Any) -> str:
    """An attribute's value as it travels, and as filters compare it: 5, true."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    return str(value)


def both(parts: Iterable[Required]) -> Required:
    """What all conditions together require."""
    merged: dict[str, frozenset[str]] = {}
    for part in parts:
        for name, texts in part.items():
            merged[name] = merged[name] & texts if name in merged else texts
    return merged


def either(parts: Iterable[Required]) -> Required:
    """What is required whichever of the conditions holds: attributes that every one has a say in. At least one."""
    first, *more = parts
    names = set(first).intersection(*more)
    return {name: first[name].union(*(part[name] for part in more)) for name in sorted(names)}
