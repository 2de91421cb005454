"""What streams and subjects are called."""

from __future__ import annotations

import hashlib
import re
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import unquote_to_bytes

# A subject travels in each message and acknowledgement; NATS takes 4096 bytes of control line.
_MAX_TOKEN = 160
_UNSAFE = re.compile(rb"[^A-Za-z0-9_-]")


class Names(NamedTuple):
    """Of one Broker. A Broker made anew has another uid, so it gets other streams."""

    events: str  # stream names
    dead_letters: str
    cursors: str
    events_prefix: str  # of subjects, with the dot at the end
    dead_letters_prefix: str
    cursors_prefix: str


def names_of(key: str, uid: str) -> Names:
    digest = hashlib.sha256(f"{key}\0{uid}".encode()).hexdigest()[:16]
    # The first part is for people who look with the `nats` command; the digest is what tells Brokers apart.
    readable = re.sub(r"[^A-Za-z0-9-]", "_", key)[:100]
    return Names(
        f"FAAS_EVENTS_{readable}_{digest}",
        f"FAAS_DEAD_{readable}_{digest}",
        f"FAAS_CURSORS_{readable}_{digest}",
        f"faas.events.{digest}.",
        f"faas.dead.{digest}.",
        f"faas.cursors.{digest}.",
    )


def token(text: str) -> str:
    """Any text as one part of a subject; different texts stay different.

    Event types may hold what means something to NATS (dots, `*`, `>`, spaces) or be of any length.
    """
    return _known(text) if len(text) <= _MAX_TOKEN else _make_token(text)


@lru_cache(maxsize=4096)
def _known(text: str) -> str:
    return _make_token(text)


def _make_token(text: str) -> str:
    if not text:
        return "="
    raw = text.encode("utf-8", "surrogatepass")
    encoded = _UNSAFE.sub(lambda match: b"=%02X" % match[0][0], raw).decode()
    if len(encoded) <= _MAX_TOKEN:
        return encoded
    return f"{encoded[: _MAX_TOKEN // 2]}=~{hashlib.sha256(raw).hexdigest()}"


def text_of(encoded: str) -> str:
    """What `token` was given; of a long text the encoded form, which still names it."""
    if encoded == "=" or "=~" in encoded:
        return "" if encoded == "=" else encoded
    return unquote_to_bytes(encoded.replace("=", "%")).decode("utf-8", "surrogatepass")
