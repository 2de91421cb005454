"""What a condition on events requires of their attributes, and the error of one that is none."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

# What an index of conditions looks up: an attribute's text is one of these; none: the condition never holds.
Required = Mapping[str, frozenset[str]]


class FilterError(ValueError):
    """The filter can never match, or is none."""


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
