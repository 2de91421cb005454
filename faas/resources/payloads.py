"""What a Secret or a ConfigMap holds, as text."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any


def texts_of(obj: Mapping[str, Any]) -> dict[str, str]:
    """Its values by key; bytes that are no text have surrogates, as the operating system's names have."""
    is_secret = obj.get("kind") == "Secret"
    encoded = (obj.get("data" if is_secret else "binaryData") or {}).items()
    binary = {name: base64.b64decode(value).decode("utf-8", "surrogateescape") for name, value in encoded}
    return binary if is_secret else {**(obj.get("data") or {}), **binary}


def can_be_variable(value: str) -> bool:
    """Whether it may be the value of an environment variable: text, without NUL."""
    return "\0" not in value and not any("\udc80" <= character <= "\udcff" for character in value)
