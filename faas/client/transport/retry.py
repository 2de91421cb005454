"""What of a request is safe to try again, how often, and after how long. Pure: clock and chance are the caller's."""

from __future__ import annotations

from dataclasses import dataclass

from faas.client.errors import ApiError

_CONNECT_ATTEMPTS = 3  # of a server that has not answered yet; one that has is being replaced, and comes back
_SILENT_ATTEMPTS = 2  # each took a whole timeout already
_UNSURE = (500, 502, 503, 504)  # what may have been carried out, whatever is said of it


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """When and how often to try again. The defaults get over a restart of the engine (about a second)."""

    attempts: int = 6
    first_s: float = 0.1
    most_s: float = 2.0
    patience_s: float = 60.0  # a server that asks for a longer pause is reported instead

    def wait_s(self, attempt: int, *, retry_after_s: int | None, jitter: float) -> float:
        """Seconds before attempt `attempt` + 1 (0-based), between half and all of an exponential step.

        Args: jitter: uniform in [0, 1).
        """
        step = min(self.most_s, self.first_s * float(2**attempt))
        return max(step * (0.5 + jitter / 2), float(retry_after_s or 0))


# Gets over an API server that is being replaced, or a load balancer that has not noticed yet: about 20 s.
PATIENT = RetryPolicy(attempts=9, first_s=0.2, most_s=5.0)


@dataclass(slots=True)
class Attempts:
    """Those of one request that came to nothing.

    `idempotent` and `relayed` as in `Ask`. `unsure_since` is when the first one began whose fate nobody knows.
    """

    policy: RetryPolicy
    idempotent: bool
    relayed: bool = False
    failures: int = 0
    silences: int = 0
    unsure_since: float | None = None

    def unanswered(self, began_s: float, *, sent: bool, silent: bool, known: bool) -> bool:
        """Nobody answered. Whether another one is safe, and makes sense.

        Args:
            sent: it may have been carried out.
            silent: a whole timeout has passed.
            known: the server has answered before.
        """
        self.failures += 1
        self.silences += silent
        if sent and self.unsure_since is None:
            self.unsure_since = began_s
        patience = self.policy.attempts if sent or known else min(_CONNECT_ATTEMPTS, self.policy.attempts)
        return (self.idempotent or not sent) and self.silences < _SILENT_ATTEMPTS and self.failures < patience

    def refused(self, began_s: float, code: int, error: ApiError) -> bool:
        """It was answered with an error. Whether another one is safe, and makes sense."""
        self.failures += 1
        if code in _UNSURE and self.unsure_since is None:
            self.unsure_since = began_s
        is_safe = is_worth_retrying(code, idempotent=self.idempotent)
        if self.relayed and not self.idempotent:
            is_safe = never_arrived(error)
        return is_safe and self.failures < self.policy.attempts

    def wait_s(self, *, retry_after_s: int | None, jitter: float) -> float:
        """Seconds before the next one. Args: jitter: uniform in [0, 1)."""
        return self.policy.wait_s(self.failures - 1, retry_after_s=retry_after_s, jitter=jitter)


def is_worth_retrying(code: int, *, idempotent: bool) -> bool:
    """429 and 503 say that nothing was done; after another 5xx only what may be done twice is done again."""
    return code in (429, 503) or (idempotent and code in (500, 502, 504))


def never_arrived(error: ApiError) -> bool:
    """Whether a refusal of what goes to a Service behind the API server is the API server's own, and nothing went on.

    It refuses with a Status, and says in words that it could not dial; all else came from behind it, or got lost.
    """
    if error.code not in (429, 502, 503):
        return False
    return (error.is_status and error.code != 502) or "error trying to reach service: dial " in error.message
