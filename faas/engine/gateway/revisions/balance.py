"""Which endpoint takes the next request: a function of loads."""

from __future__ import annotations

from collections.abc import Callable, Sequence

# Beyond this many, looking at two is nearly as even as looking at all, and does not grow with the fleet.
_SCAN = 16


def pick(loads: Sequence[int], limit: int, random: Callable[[], float]) -> int:
    """Index of a least loaded endpoint below `limit` (0: no limit), ties at random; -1 when none has room."""
    count = len(loads)
    if count == 1:
        return 0 if not limit or loads[0] < limit else -1
    if count > _SCAN and not limit:
        one, other = int(random() * count), int(random() * count)
        return one if loads[one] <= loads[other] else other
    if not count:
        return -1
    least = min(loads)
    if limit and least >= limit:
        return -1
    ties = [index for index, load in enumerate(loads) if load == least]
    return ties[0] if len(ties) == 1 else ties[int(random() * len(ties))]
