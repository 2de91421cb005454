"""What a registry says when it refuses. Source: OCI distribution specification, Error Codes."""

from __future__ import annotations

import msgspec

from faas_builders.registry.connections import Answer

_LONGEST = 300  # characters; more is a page for a browser


class _Error(msgspec.Struct, frozen=True):
    code: str = ""
    message: str = ""


class _Errors(msgspec.Struct, frozen=True):
    errors: tuple[_Error, ...] = ()
    details: str = ""  # token servers have their own words


def reason_of(answer: Answer) -> str:
    """The codes and messages of a refusal, else its status."""
    try:
        found = msgspec.json.decode(answer.body, type=_Errors)
    except (msgspec.DecodeError, UnicodeDecodeError):
        found = _Errors()
    words = [": ".join(part for part in (error.code, error.message) if part) for error in found.errors]
    said = "; ".join(word for word in words if word) or found.details
    if not said:
        return f"status {answer.status}"
    printable = "".join(character if character.isprintable() else " " for character in said[:_LONGEST])
    return f"{printable} ({answer.status})"
