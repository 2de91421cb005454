"""Attributes that must have one of some values for a condition to hold: what an index of conditions looks up."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

Required = Mapping[str, frozenset[str]]  # an attribute's text (`filters.text_of`) is one of these; none: it never holds


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
