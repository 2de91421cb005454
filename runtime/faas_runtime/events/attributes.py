"""An event's attributes as a mapping, and how they read.

Names are in lower case, values str, int or bool; None is absent.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

Attributes = Mapping[str, Any]


def text_of(value: Any) -> str:
    """An attribute's value as it travels, and as filters compare it: 5, true."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    return str(value)
