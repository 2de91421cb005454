"""The pattern of LIKE: `%` is any characters, `_` is one, a backslash takes their meaning from them (3.4.3)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

_PART = re.compile(r"\\([%_])|(%+)|(_)|([^%_\\]+|\\)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Pattern:
    """What has to be looked at; `text` is that of the plain sorts, `regex` that of the other."""

    sort: Literal["equals", "prefix", "suffix", "contains", "regex"]
    text: str
    regex: str = ""


def read(pattern: str) -> Pattern:
    pieces = _pieces(pattern)
    literal = "".join(piece for piece in pieces if piece is not None)
    if "_" not in _wildcards(pattern):
        match [piece is None for piece in pieces]:
            case [] | [False]:
                return Pattern("equals", literal)
            case [False, True]:
                return Pattern("prefix", literal)
            case [True, False]:
                return Pattern("suffix", literal)
            case [True] | [True, False, True]:
                return Pattern("contains", literal)
    return Pattern("regex", "", _regex(pattern))


def _wildcards(pattern: str) -> set[str]:
    return {match[0][0] for match in _PART.finditer(pattern) if match[2] or match[3]}


def _pieces(pattern: str) -> list[str | None]:
    """Literal texts, and None for each run of `%`; what stands for `_` does not matter here."""
    pieces: list[str | None] = []
    for match in _PART.finditer(pattern):
        if match[2]:
            pieces.append(None)
        elif pieces and pieces[-1] is not None:
            pieces[-1] += match[1] or match[0]
        else:
            pieces.append(match[1] or match[0])
    return pieces


def _regex(pattern: str) -> str:
    """Each part between two `%` is taken where it is found first, for good: the time stays linear in the text."""
    parts = [""]
    for match in _PART.finditer(pattern):
        if match[2]:
            parts.append("")
        else:
            parts[-1] += "." if match[3] else re.escape(match[1] or match[0])
    if len(parts) == 1:
        return f"(?s:{parts[0]})"
    first, *middle, last = parts
    return f"(?s:{first}{''.join(f'(?>.*?{part})' for part in middle)}.*{last})"
