"""How busy a revision was: the exact integral of requests in flight over time."""

from __future__ import annotations


class InFlight:
    """Counts requests from arrival to end. The caller owns the clock (monotonic seconds)."""

    __slots__ = ("_area", "_arrived", "_changed", "_sampled", "count")

    def __init__(self, now: float) -> None:
        self.count = 0
        self._area = 0.0
        self._arrived = 0
        self._changed = self._sampled = now

    def arrive(self, now: float) -> None:
        self._area += self.count * (now - self._changed)
        self._changed = now
        self.count += 1
        self._arrived += 1

    def leave(self, now: float) -> None:
        self._area += self.count * (now - self._changed)
        self._changed = now
        self.count -= 1

    def sample(self, now: float) -> tuple[float, float]:
        """Mean in flight and arrivals a second since the last sample; starts the next one."""
        elapsed = now - self._sampled
        area = self._area + self.count * (now - self._changed)
        arrived = self._arrived
        self._area, self._arrived = 0.0, 0
        self._changed = self._sampled = now
        if elapsed <= 0:
            return float(self.count), 0.0
        return area / elapsed, arrived / elapsed

    @property
    def is_quiet(self) -> bool:
        """Nothing in flight and nothing since the last sample."""
        return not self.count and not self._arrived and not self._area
