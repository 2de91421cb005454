"""Which of a Broker's events somebody wants to watch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Wish:
    broker: str
    filters: Mapping[str, str | None]  # type, source and subject, with * and ?; sql
    since: str | None  # RFC 3339; None: from now on
    follow: bool
    limit: int | None
    image: str = ""  # of our programs; for a cluster, which has to pull what collects its events
