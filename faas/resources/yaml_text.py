"""Text that YAML readers take for something else than PyYAML does. Pure.

PyYAML writes the words of YAML 1.1 in quotes. kubectl, Helm and kustomize read with a parser of their own, for which
`12345e67` (the beginning of many a commit's name) and `08` are numbers too, and `y` may be true.
"""

from __future__ import annotations

import re
from typing import Final

_NUMBER: Final = re.compile(r"[-+]?(\.[0-9_]+|[0-9][0-9_]*(\.[0-9_]*)?)([eE][-+]?[0-9_]+)?|[-+]?0[oObBxX][0-9a-fA-F_]+")
_WORDS: Final = frozenset("yYnN")


def needs_quotes(text: str) -> bool:
    """Whether it has to be quoted to be text for everybody."""
    return text in _WORDS or _NUMBER.fullmatch(text) is not None
