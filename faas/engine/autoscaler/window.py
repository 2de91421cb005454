"""Averages over the last seconds: a ring of one-second buckets. Source: Knative pkg/autoscaler/aggregation."""

from __future__ import annotations

from collections import deque

_DIGITS = 6  # Knative rounds so that a sum of float residues does not scale anything up
_WEIGHT_PRECISION = 0.9999  # of the whole weight lies inside the window
_MIN_COEFFICIENT = 0.2  # else a long window would hardly notice its newest second


class Window:
    """What was recorded in the last `length_s` seconds. The caller owns the clock and never turns it back."""

    def __init__(self, length_s: float) -> None:
        self.length = max(1, round(length_s))
        self._buckets: deque[tuple[int, float]] = deque()
        self._first = 0  # second of the first write since the window was last empty

    def record(self, now_s: float, value: float) -> None:
        """Add `value` to the bucket of this second: a late and an early sample in one second keep the total right."""
        second = int(now_s)
        if self.is_empty(now_s):
            self._buckets.clear()
            self._first = second
        if self._buckets and self._buckets[-1][0] >= second:
            last, total = self._buckets.pop()
            self._buckets.append((last, total + value))
        else:
            self._buckets.append((second, value))
        while self._buckets[0][0] <= second - self.length:
            self._buckets.popleft()

    def is_empty(self, now_s: float) -> bool:
        """Whether nothing was recorded for a whole window."""
        return not self._buckets or int(now_s) - self._buckets[-1][0] >= self.length

    def average(self, now_s: float) -> float | None:
        """The mean over the seconds that are covered since the first write; a gap inside counts as zero.

        Returns: None when the window is empty: no data is not the same as no load.
        """
        if self.is_empty(now_s):
            return None
        now, last = int(now_s), self._buckets[-1][0]
        covered = min(last - self._first + 1, self.length - max(0, now - last))
        return round(self._total_since(now - self.length) / covered, _DIGITS)

    def weighted_average(self, now_s: float) -> float | None:
        """The exponentially weighted mean, the newest second weighted most; silent seconds count as zero."""
        if self.is_empty(now_s):
            return None
        coefficient = smoothing_coefficient(self.length)
        newest = max(int(now_s), self._buckets[-1][0])
        return sum(
            value * coefficient * (1 - coefficient) ** (newest - second)
            for second, value in self._buckets
            if second > newest - self.length
        )

    def resized(self, length_s: float) -> Window:
        """A window of another length with as much of this one's data as fits."""
        other = Window(length_s)
        for second, value in self._buckets:
            other.record(second, value)
        return other

    def _total_since(self, second: int) -> float:
        return sum(value for at, value in self._buckets if at > second)


def smoothing_coefficient(buckets: int) -> float:
    return float(max(_MIN_COEFFICIENT, 1 - (1 - _WEIGHT_PRECISION) ** (1 / buckets)))
