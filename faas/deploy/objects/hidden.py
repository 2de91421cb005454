"""A Secret before and after, as anybody may see it: which keys it has and which would change, never a value. Pure."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from faas.client.errors import ApiError
from faas.client.protocol import Object

_OURS = "faas.dev/"
_QUOTED = 4  # characters; what is shorter is in any sentence
_SAME, _BEFORE, _AFTER = "(hidden)", "(hidden, as it is)", "(hidden, another value)"


def shown(before: Object | None, after: Object | None) -> tuple[Object | None, Object | None]:
    """Both without the values of a Secret; any other object is as it was."""
    if "Secret" not in ((before or {}).get("kind"), (after or {}).get("kind")):
        return before, after
    old, new = _data(before), _data(after)
    return (
        _with(before, {key: _SAME if new.get(key, value) == value else _BEFORE for key, value in old.items()}),
        _with(after, {key: _SAME if old.get(key, value) == value else _AFTER for key, value in new.items()}),
    )


def _data(secret: Mapping[str, Any] | None) -> Mapping[str, str]:
    return (secret or {}).get("data") or {}


def _with(secret: Object | None, data: dict[str, str]) -> Object | None:
    if secret is None:
        return None
    rest = {key: value for key, value in secret.items() if key not in ("data", "stringData")}
    if annotations := secret["metadata"].get("annotations"):
        # kubectl and others keep a copy of what was applied in one, values and all.
        told = {key: value if key.startswith(_OURS) else _SAME for key, value in annotations.items()}
        rest["metadata"] = {**secret["metadata"], "annotations": told}
    return {**rest, "data": data} if data else rest


def hide_in(error: ApiError, secret: Mapping[str, Any]) -> None:
    """Take a Secret's values out of a refusal: a webhook of the cluster may quote what it refuses."""
    values = [form for value in _data(secret).values() for form in (value, _decoded(value)) if len(form) >= _QUOTED]

    def without(text: str) -> str:
        for value in sorted(values, key=len, reverse=True):
            text = text.replace(value, _SAME)
        return text

    error.message = without(error.message)
    error.args = (error.message,)
    error.causes = tuple(replace(cause, message=without(cause.message)) for cause in error.causes)


def _decoded(value: str) -> str:
    try:
        return base64.b64decode(value).decode()
    except (binascii.Error, UnicodeDecodeError):
        return ""
