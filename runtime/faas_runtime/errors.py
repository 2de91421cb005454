"""What the SDK raises.

FaasError
├── DeclarationError      a decorator, an option or a signature that cannot work; has file and line
├── LoadError             FAAS_FUNCTION names something that cannot be served
├── EventError            not a CloudEvent, or one that says nothing valid (ValueError too)
├── CallError             another function answered 4xx or 5xx, or did not answer; stands beside the `Reply` it holds
└── NotConfigured         the environment lacks what a Context method needs (FAAS_GATEWAY, K_SINK, a Secret)
OptionError               an option's value; whoever knows the place makes a DeclarationError of it
HTTPError                 raised by handlers: becomes a problem document; not an error of ours
"""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any


class FaasError(Exception):
    """Root of what this distribution raises."""


class DeclarationError(FaasError):
    """A declaration that cannot work; the text starts with where it stands."""

    def __init__(self, message: str, *, hint: str = "", file: str = "", line: int = 0) -> None:
        self.message, self.hint, self.file, self.line = message, hint, file, line
        where = f"{file}:{line}: " if file else ""
        super().__init__(f"{where}{message}" + (f"\n  {hint}" if hint else ""))


class OptionError(ValueError):
    """`option` cannot have that value, or there is no such option; the text says what it takes."""

    def __init__(self, option: str, message: str, hint: str = "") -> None:
        self.option, self.message, self.hint = option, message, hint
        super().__init__(message + (f"; {hint}" if hint else ""))


class LoadError(FaasError):
    """What FAAS_FUNCTION names cannot be served; the text says what is there instead."""


class EventError(FaasError, ValueError):
    """The message is not a CloudEvent, or an attribute breaks the specification."""


class NotConfigured(FaasError):
    """The environment lacks what was asked of the Context; the text names the variable."""


class HTTPError(Exception):
    """Ends the request with this status; the client gets a problem document (RFC 9457).

    Args:
        status: 400..599.
        message: what went wrong, for the client; the status' own words when empty.
        headers: added to the answer, for example `Retry-After`.
        extra: further members of the problem document.
    """

    def __init__(
        self,
        status: int,
        message: str = "",
        *,
        headers: Mapping[str, str] | None = None,
        **extra: Any,  # any JSON value
    ) -> None:
        if not 400 <= status <= 599:
            raise ValueError(f"HTTPError takes a status of 400..599, not {status}; return (body, {status}) instead")
        self.status = status
        self.message = message or reason_phrase(status)
        self.headers = dict(headers or {})
        self.extra = extra
        super().__init__(f"{status} {self.message}")


def reason_phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Error"
