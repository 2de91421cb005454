"""What an answer of the sink means, and how long to wait before trying again. Decisions of values only."""

from __future__ import annotations

from datetime import datetime
from enum import Enum

from faas_runtime.outgoing import retry_after

FIRST_WAIT_S = 0.1  # most failures are a restart of the other side, which takes less than a second
LONGEST_WAIT_S = 10.0  # a probe every ten seconds costs nobody anything, and ends an outage soon after it ended
LONGEST_RETRY_AFTER_S = 300.0  # a sink that asks for more is asked sooner: its clock or its mind may have changed


class Verdict(Enum):
    TAKEN = "taken"
    AGAIN = "again"
    REFUSED = "refused"  # this event will never be taken


# Of the address, its credentials or the moment, not of the event: somebody can mend it, so nothing is thrown away.
# 404, 408, 409 and 429 are those that Knative retries; a redirect and 401, 403, 405 would empty a whole upstream.
_MENDABLE = frozenset({401, 402, 403, 404, 405, 407, 408, 409, 410, 421, 423, 425, 429, 451})


def judge(status: int) -> Verdict:
    if 200 <= status < 300:
        return Verdict.TAKEN
    if 400 <= status < 500 and status not in _MENDABLE:
        return Verdict.REFUSED
    return Verdict.AGAIN


def wait_s(failures: int, *, chance: float, first_s: float = FIRST_WAIT_S, longest_s: float = LONGEST_WAIT_S) -> float:
    """Seconds to wait after so many failures in a row (>= 1); `chance` in [0, 1) spreads those who fail together."""
    exponent = min(failures - 1, 30)
    return float(min(longest_s, first_s * 2.0**exponent) * (0.5 + chance / 2))


def retry_after_s(value: str, *, now: datetime) -> float:
    """The seconds that a Retry-After header asks for, at most LONGEST_RETRY_AFTER_S; 0 when it says nothing."""
    return min(retry_after.retry_after_s(value, now=now), LONGEST_RETRY_AFTER_S)
