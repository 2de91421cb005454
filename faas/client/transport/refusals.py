"""From what an API server answers to the exceptions of `errors`: what a Status means, also inside a watch."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from faas_runtime.outgoing.retry_after import retry_after_s

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
