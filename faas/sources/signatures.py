"""HMAC signatures of webhooks, compared in constant time. Pure."""

from __future__ import annotations

import base64
import hmac
import re
from contextlib import suppress
from typing import Literal

Algorithm = Literal["sha1", "sha256", "sha384", "sha512"]


def verify(secret: str, content: bytes, given: str, *, algorithm: Algorithm = "sha256", prefix: str = "") -> bool:
    """Whether one of the signatures in a header is that of `content`.

    Args:
        given: the header's value: one or more signatures in hex or base64, apart by spaces or commas.
        prefix: what each of them starts with, `sha256=`; others are of schemes that we do not know.
    """
    expected = hmac.digest(secret.encode(), content, algorithm)
    apart = r" +" if "," in prefix else r"[ ,]+"  # Standard Webhooks' prefix is `v1,`
    found = False
    for signature in re.split(apart, given.strip()):
        if signature.startswith(prefix):
            for meaning in _decoded(signature[len(prefix) :]):
                found |= hmac.compare_digest(meaning, expected)
    return found


def _decoded(text: str) -> list[bytes]:
    """What the text can mean: hex, base64."""
    meanings = []
    with suppress(ValueError):
        meanings.append(bytes.fromhex(text))
    with suppress(ValueError):  # binascii.Error is one
        meanings.append(base64.b64decode(text, validate=True))
    return meanings
