"""What a check of `faas doctor` finds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Check:
    name: str
    status: Literal["ok", "warning", "error"]
    found: str
    fix: str = ""
