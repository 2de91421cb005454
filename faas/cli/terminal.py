"""Text of others on the user's terminal: it may have colours, and moves nothing else. Pure.

Names, messages and logs come from servers and from functions. An escape sequence in one could overwrite what was
printed before, set the title, or have the terminal type something in the user's name.
"""

from __future__ import annotations

import re
from typing import Final

# Colours (SGR) stay; other C0 and C1 controls go, and so do marks that turn the direction of what follows.
_HARMFUL: Final = re.compile("(\x1b\\[[0-9;]*m)|[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def harmless(text: str) -> str:
    """The text with its lines, tabs and colours, and `�` for what would do something else than show."""
    if text.isprintable():
        return text
    return _HARMFUL.sub(lambda found: found[1] or "�", text.replace("\r\n", "\n").removesuffix("\r"))
