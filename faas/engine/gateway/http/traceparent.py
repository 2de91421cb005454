"""W3C traceparent and request ids: what a client may give, and new ones. Pure but for the chance in an id."""

from __future__ import annotations

import re
from random import getrandbits

_TRACEPARENT = re.compile(rb"(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(?:-.*)?")
_BOTH_HALVES = 1 << 64 | 1


def is_traceparent(value: bytes) -> bool:
    """Whether this is a usable traceparent; version 00 has exactly four parts."""
    return _TRACEPARENT.fullmatch(value) is not None and (len(value) == 55 or not value.startswith(b"00"))


def new_traceparent() -> bytes:
    """A new trace. Sampled: whoever has an exporter downstream decides with what it records."""
    return traceparent_of(new_request_id())


def new_request_id() -> bytes:
    """A random one that `traceparent_of` can use: neither half is zero."""
    return (getrandbits(128) | _BOTH_HALVES).to_bytes(16, "big").hex().encode()


def traceparent_of(request_id: bytes) -> bytes:
    """A new trace with one of our own request ids as its id, so that whoever has one of them finds the other."""
    return b"00-%b-%b-01" % (request_id, request_id[16:])
