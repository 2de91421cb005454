"""Problem documents (RFC 9457): what a client is told when a request fails."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from faas_runtime.errors import reason_phrase
from faas_runtime.jsonic import to_json

CONTENT_TYPE = b"application/problem+json"
_WHERE = re.compile(r"(?P<text>.*?)(?: - at `(?P<key>key in )?\$(?P<path>.*)`)?\Z", re.DOTALL)
_MISSING = re.compile(r"Object missing required field `(?P<name>.+)`\Z")
_UNKNOWN = re.compile(r"Object contains unknown field `(?P<name>.+)`\Z")
_STEP = re.compile(r"\[(?P<index>\d+|\.\.\.)\]|\.(?P<name>[^.\[]+)")


class Problem(Exception):
    """Ends a request with a problem document. Raised by the runtime itself; handlers raise HTTPError."""

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        errors: list[dict[str, str]] | None = None,
        headers: Mapping[str, str] | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> None:
        self.status, self.detail, self.errors = status, detail, errors or []
        self.headers, self.extra = dict(headers or {}), dict(extra or {})
        super().__init__(detail)

    def body(self, request_id: str = "") -> bytes:
        members: dict[str, Any] = {"title": reason_phrase(self.status), "status": self.status, "detail": self.detail}
        if self.errors:
            members["errors"] = self.errors
        if request_id:
            members["request_id"] = request_id
        return to_json({**self.extra, **members})


def unfit(error: Exception, where: str, field: str = "") -> Problem:
    """The problem that a value did not fit its parameter.

    Args:
        error: msgspec's or pydantic's.
        where: body, data, path, query; what kind of thing did not fit.
        field: the parameter's name, for what is not a body.
    Returns: 400 for a body that is no JSON at all, else 422 that names each field.
    """
    if isinstance(error, msgspec.ValidationError):
        return _refused([_msgspec_error(str(error))], where, field)
    if isinstance(error, RecursionError):
        return Problem(400, f"the {where} is nested too deeply")
    if isinstance(error, msgspec.DecodeError | UnicodeDecodeError):
        return Problem(400, f"the {where} is not valid JSON: {error}")
    found = getattr(error, "errors", None)  # pydantic_core.ValidationError; pydantic need not be there
    if callable(found) and type(error).__name__ == "ValidationError":
        errors: Any = found(include_url=False, include_context=False, include_input=False)
        if any(item["type"] == "json_invalid" for item in errors):
            return Problem(400, f"the {where} is not valid JSON: {errors[0]['msg']}")
        return _refused([("".join(f"/{_escape(str(part))}" for part in item["loc"]), item["msg"]) for item in errors],
                        where, field)  # fmt: skip
    raise error


def missing(where: str, field: str) -> Problem:
    return Problem(422, f"{where} {field!r} is required" if field else f"the {where} is required",
                   errors=[_entry(where, field, "", "is required")])  # fmt: skip


def _refused(errors: list[tuple[str, str]], where: str, field: str) -> Problem:
    pointer, message = errors[0]
    named = f"{where} parameter {field!r}" if field else f"{where}{' ' + pointer if pointer else ''}"
    return Problem(422, f"{named}: {message}", errors=[_entry(where, field, *error) for error in errors])


def _entry(where: str, field: str, pointer: str, message: str) -> dict[str, str]:
    entry = {"in": where, "detail": message}
    if field:
        entry["parameter"] = field
    else:
        entry["pointer"] = pointer
    return entry


def _msgspec_error(text: str) -> tuple[str, str]:
    """ "Expected `int`, got `str` - at `$.items[0].price`" to ("/items/0/price", "Expected `int`, got `str`")."""
    match = _WHERE.match(text)
    if match is None:
        return "", text
    pointer = "".join(
        "/*" if step["index"] == "..." else "/" + _escape(step["index"] or step["name"])
        for step in _STEP.finditer(match["path"] or "")
    )
    message = match["text"]
    if named := _MISSING.match(message) or _UNKNOWN.match(message):
        return f"{pointer}/{_escape(named['name'])}", message
    return pointer, message


def _escape(token: str) -> str:
    return token.replace("~", "~0").replace("/", "~1")
