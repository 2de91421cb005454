"""What pulling needs to know of a blob."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Entry:
    digest: str
    size: int
