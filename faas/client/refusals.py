"""From what an API server answers to the exceptions of `errors`, and from those to what is worth trying again."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from faas_runtime.retry_after import retry_after_s

from faas.client import errors
from faas.client.errors import ApiError, Cause

_BY_CODE: dict[int, type[ApiError]] = {
    400: errors.BadRequest,
    401: errors.Unauthorized,
    403: errors.Forbidden,
    404: errors.NotFound,
    409: errors.Conflict,
    410: errors.Gone,
    422: errors.Invalid,
    429: errors.Unavailable,
}


def error_of(code: int, body: bytes, *, retry_after: str = "") -> ApiError:
    """The exception for an answer of `code`; `body` is a Status object, or whatever a proxy in between says."""
    try:
        status = json.loads(body)
    except (ValueError, RecursionError):
        status = None
    if not isinstance(status, dict) or status.get("kind") != "Status":
        text = body.decode(errors="replace").strip()[:500] or "without a word"
        return error_of_status(
            {"message": f"the API server answered {code}: {text}", "code": code}, retry_after=retry_after
        )
    error = error_of_status({**status, "code": _number(status.get("code")) or code}, retry_after=retry_after)
    error.is_status = True
    return error


def error_of_status(status: Mapping[str, Any], *, retry_after: str = "") -> ApiError:
    """The exception for a Status object, also one inside a watch."""
    code = _number(status.get("code")) or 500
    reason = str(status.get("reason") or "")
    details = status.get("details")
    if not isinstance(details, Mapping):
        details = {}
    causes = details.get("causes")
    kind = _BY_CODE.get(code, errors.Unavailable if code >= 500 else ApiError)
    if reason == "AlreadyExists":
        kind = errors.AlreadyExists
    wait = (
        _number(details.get("retryAfterSeconds"))
        or math.ceil(retry_after_s(retry_after, now=datetime.now(UTC)))
        or None
    )
    return kind(
        str(status.get("message") or f"the API server answered {code}"),
        kind=str(details.get("kind") or ""),
        group=str(details.get("group") or ""),
        name=str(details.get("name") or ""),
        causes=tuple(
            Cause(str(cause.get("reason", "")), str(cause.get("message", "")), str(cause.get("field", "")))
            for cause in (causes if isinstance(causes, list) else ())
            if isinstance(cause, Mapping)
        ),
        code=code,
        reason=reason or None,
        retry_after_s=wait,
    )


def _number(value: object) -> int | None:
    return value if isinstance(value, int) and 0 < value < 1_000_000 else None


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


def jitter() -> float:
    return random.random()


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
