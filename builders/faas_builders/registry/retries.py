"""When a request is made again, and after how long."""

from __future__ import annotations

import email.utils
from dataclasses import dataclass

# 408 and 425 ask for it, 429 wants it later; of 5xx all but 501 and 505, which will not get better.
_WORTH_IT = frozenset({408, 425, 429, 500, 502, 503, 504, 507, 520, 521, 522, 523, 524, 529})


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Exponential waits with full jitter: those who lost the same connection do not come back at once together."""

    attempts: int = 5  # the first one counts
    attempts_after_silence: int = 2  # each took a whole timeout already
    base_s: float = 0.5
    longest_s: float = 10.0
    patience_s: float = 60.0  # a registry that asks for more is reported instead

    def wait_s(self, failures: int, *, silent: bool, retry_after_s: float | None, chance: float) -> float | None:
        """Seconds until the next attempt after so many failures; None: give up.

        Args:
            silent: the last one was a timeout.
            chance: from [0, 1); the caller draws it.
        """
        if failures >= (self.attempts_after_silence if silent else self.attempts):
            return None
        if retry_after_s is not None:
            return None if retry_after_s > self.patience_s else retry_after_s + chance * self.base_s
        return min(self.base_s * 2.0 ** (failures - 1), self.longest_s) * (0.5 + chance / 2)


def is_worth_retrying(status: int) -> bool:
    return status in _WORTH_IT


def retry_after_s(header: str, *, now_s: float) -> float | None:
    """What a Retry-After header asks for: seconds, or a date. Source: RFC 9110 10.2.3. Args: now_s: Unix time."""
    text = header.strip()
    if text.isdigit():
        return float(text)
    try:
        return max(0.0, email.utils.parsedate_to_datetime(text).timestamp() - now_s)
    except (TypeError, ValueError):
        return None
