"""What a check of `faas doctor` finds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Check:
    """`unknown`: it could not be looked at, for lack of a right; that is no fault by itself."""

    name: str
    status: Literal["ok", "warning", "error", "unknown"]
    found: str
    fix: str = ""


def failed(name: str, error: Exception) -> Check:
    """The check itself went wrong: one that fails must not hide the others."""
    return Check(name, "error", f"the check itself failed: {type(error).__name__}: {error}")
