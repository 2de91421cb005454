"""Deliveries that were already taken are refused: by their id, and by their age where they tell their time."""

from __future__ import annotations

from datetime import UTC, datetime

from faas.sources.ledger import Ledger

WINDOW_S = 300.0  # Standard Webhooks' tolerance; Stripe's and Slack's as well
REMEMBERED = 10_000  # ids; a window's worth at 33 a second


class Replays:
    """Remembers ids in a ledger. An id is reserved while its event is on its way, so that two at once are one."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._on_its_way: set[str] = set()

    def is_taken(self, id: str) -> bool:
        return id in self._ledger

    def reserve(self, id: str) -> bool:
        """Whether it was free."""
        if id in self._on_its_way:
            return False
        self._on_its_way.add(id)
        return True

    def release(self, id: str, *, taken: bool) -> None:
        self._on_its_way.discard(id)
        if taken:
            self._ledger.record(id)


def is_fresh(timestamp: str, *, now: datetime, window_s: float = WINDOW_S) -> bool:
    """Whether a time is within the window: seconds or milliseconds since 1970, or RFC 3339."""
    try:
        seconds = float(timestamp)
    except ValueError:
        try:
            then = datetime.fromisoformat(timestamp)
        except ValueError:
            return False
        seconds = then.replace(tzinfo=then.tzinfo or UTC).timestamp()
    if seconds > 1e11:  # the year 5138 in seconds, 1973 in milliseconds
        seconds /= 1000
    return abs(now.timestamp() - seconds) <= window_s
