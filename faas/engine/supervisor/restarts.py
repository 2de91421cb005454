"""When a process that died is started again: at once the first time, then later and later. A function of values."""

from __future__ import annotations

from typing import NamedTuple

_FIRST_S, _MOST_S = 0.1, 5.0
_GOOD_S = 10.0  # one that lived this long has earned a fresh start


class Restarts(NamedTuple):
    """Deaths in a row, each within `_GOOD_S` of the start before it."""

    in_a_row: int = 0

    def after_death(self, lived_s: float) -> tuple[Restarts, float]:
        """What to remember, and how many seconds to wait before the next start."""
        deaths = 1 if lived_s >= _GOOD_S else self.in_a_row + 1
        wait = 0.0 if deaths == 1 else min(_MOST_S, _FIRST_S * 2.0 ** (deaths - 2))
        return Restarts(deaths), wait
