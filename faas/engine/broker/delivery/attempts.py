"""What follows from a failed attempt: another one, when, or none. Functions of values.

Source: Knative eventing, pkg/apis/duck/v1/delivery_types.go and pkg/kncloudevents/retries.go.
"""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from faas_runtime.outgoing.retry_after import retry_after_s

from faas.engine.contract.eventing import Delivery

NO_ANSWER = 0
_RETRIED_4XX = frozenset({404, 408, 409, 429})
_WITH_RETRY_AFTER = frozenset({429, 503})
# Doubling reaches astronomical waits with a generous `retry`, and the loop's timers overflow long before.
_LONGEST_WAIT_S = 30 * 86_400.0


class Failure(NamedTuple):
    """An attempt that did not succeed. `status` is NO_ANSWER when there was none at all."""

    status: int
    reason: str  # for people, one line
    body: bytes = b""  # what the subscriber said, for knativeerrordata
    retry_after: str = ""  # the header, as it came

    @property
    def code(self) -> int:
        """For `knativeerrorcode`, which is an HTTP status: 500 where nobody answered, as Knative has it."""
        return self.status or 500


def is_retried(status: int) -> bool:
    """Whether an attempt that ended so is worth another one."""
    return status == NO_ANSWER or status >= 500 or status in _RETRIED_4XX


def next_wait_s(delivery: Delivery, attempt: int, failure: Failure, *, now: datetime) -> float | None:
    """Seconds until the next attempt, or None: there is none.

    Args:
        attempt: how many attempts were made before the one that failed.
        now: for a Retry-After that is a date.
    """
    if attempt >= delivery.retry or not is_retried(failure.status):
        return None
    wait_s = backoff_s(delivery, attempt)
    cap_s = delivery.retry_after_max_s
    if cap_s and failure.retry_after and failure.status in _WITH_RETRY_AFTER:
        wait_s = max(wait_s, min(retry_after_s(failure.retry_after, now=now), cap_s))
    return wait_s


def backoff_s(delivery: Delivery, retry: int) -> float:
    """The wait before retry 0, 1, ...: linear delay x n (so the first is at once), exponential delay x 2^n."""
    if delivery.backoff_policy == "linear":
        wait_s = delivery.backoff_delay_s * retry
    else:
        wait_s = delivery.backoff_delay_s * 2.0 ** min(retry, 100)
    return min(wait_s, _LONGEST_WAIT_S)
