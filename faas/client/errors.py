"""What an API server refuses, as exceptions.

ApiError
├── NotFound          404
│   └── NoSuchKind    the server does not have the kind at all
├── AlreadyExists     409, reason AlreadyExists
├── Conflict          409, a stale resourceVersion or a field of another manager
├── Invalid           422, with causes
├── BadRequest        400
├── Gone              410, a resourceVersion that is too old: list again
├── Forbidden         401 and 403
│   └── Unauthorized  401: the credentials, not the rights
└── Unavailable       429, 5xx, or nobody answers
    └── Untrusted     somebody answers whose certificate is not believed
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Cause:
    """One refused field: `reason` as FieldValueInvalid, `field` as spec.template.spec.timeoutSeconds."""

    reason: str
    message: str
    field: str


class ApiError(Exception):
    """A refusal; `status` is the Status object that says the same on the wire."""

    code = 500
    reason = "InternalError"
    is_status = False  # an API server said so in its own words; else it is what something behind or before it says
    context = ""  # of the API server that refused; "": the one in this process
    flags = ""  # what names the place on a command line, with a space before; who asked knows
    unsure_since: float | None = None  # when (monotonic) an attempt was begun that may have been carried out

    def __init__(
        self,
        message: str,
        *,
        kind: str = "",
        group: str = "",
        name: str = "",
        causes: tuple[Cause, ...] = (),
        code: int | None = None,
        reason: str | None = None,
        retry_after_s: int | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.kind, self.group, self.name, self.causes = kind, group, name, causes
        self.retry_after_s = retry_after_s
        if code is not None:
            self.code = code
        if reason is not None:
            self.reason = reason

    @property
    def status(self) -> dict[str, Any]:
        details: dict[str, Any] = {}
        if self.name:
            details["name"] = self.name
        if self.group:
            details["group"] = self.group
        if self.kind:
            details["kind"] = self.kind
        if self.causes:
            details["causes"] = [
                {"reason": cause.reason, "message": cause.message, "field": cause.field} for cause in self.causes
            ]
        if self.retry_after_s is not None:
            details["retryAfterSeconds"] = self.retry_after_s
        return {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.message,
            "reason": self.reason,
            **({"details": details} if details else {}),
            "code": self.code,
        }


class NotFound(ApiError):
    code, reason = 404, "NotFound"


class NoSuchKind(NotFound):
    """A cluster without the parts that this needs: `resource` as domainmappings.serving.knative.dev/v1beta1."""

    def __init__(self, resource: str) -> None:
        super().__init__(f"the API server has no {resource}")
        self.resource = resource


class AlreadyExists(ApiError):
    code, reason = 409, "AlreadyExists"


class Conflict(ApiError):
    code, reason = 409, "Conflict"


class Invalid(ApiError):
    code, reason = 422, "Invalid"


class BadRequest(ApiError):
    code, reason = 400, "BadRequest"


class Gone(ApiError):
    code, reason = 410, "Expired"


class Forbidden(ApiError):
    code, reason = 403, "Forbidden"


class Unauthorized(Forbidden):
    code, reason = 401, "Unauthorized"


class Unavailable(ApiError):
    code, reason = 503, "ServiceUnavailable"


class Untrusted(Unavailable):
    """Somebody answers; asking again does not help."""
