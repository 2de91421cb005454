"""One option, and what is said of a word that is none."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec


class Option(msgspec.Struct, frozen=True):
    """One option: what it does, what it takes in words, and the parser that normalises or raises ValueError."""

    name: str
    doc: str
    takes: str
    parse: Callable[[Any], Any]  # a user's value in, the normal form out
    environment: bool = True  # FAAS_NAME sets it


def table(*options: Option) -> dict[str, Option]:
    """By name, in this order."""
    return {option.name: option for option in options}


def did_you_mean(word: str, known: Sequence[str], *, call: str = "{}") -> str:
    """ "did you mean 'min_scale'?", or all that is known when nothing is close."""
    from difflib import get_close_matches  # here: nothing that is right needs it

    close = get_close_matches(word, known, n=1, cutoff=0.6)
    if close:
        return f"did you mean {call.format(repr(close[0]) if call == '{}' else close[0])}?"
    return "known are: " + ", ".join(sorted(known))
