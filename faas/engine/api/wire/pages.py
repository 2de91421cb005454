"""Continue tokens: where a limited list goes on, and at which version."""

from __future__ import annotations

import base64
import binascii
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from faas.client.errors import BadRequest
from faas.engine.contract.storage import Record


class _Token(msgspec.Struct):
    v: int
    after: tuple[str, str]


@dataclass(frozen=True, slots=True)
class Page:
    records: Sequence[Record]
    token: str
    remaining: int


def parse_token(text: str) -> tuple[int, tuple[str, str]]:
    """Version of the list, and the namespace and name after which it goes on. Raises BadRequest."""
    try:
        token = msgspec.json.decode(base64.urlsafe_b64decode(text), type=_Token)
    except (binascii.Error, ValueError) as error:
        raise BadRequest("continue key is not valid: use the one that the list before gave") from error
    return token.v, token.after


def cut(records: Sequence[Record], version: int, limit: int, after: tuple[str, str] | None) -> Page:
    """The next `limit` records (0: all) behind `after`."""
    start = bisect_right(records, after, key=lambda record: (record.key.namespace, record.key.name)) if after else 0
    rest = records[start:]
    if not limit or len(rest) <= limit:
        return Page(rest, "", 0)
    last = rest[limit - 1].key
    token = msgspec.json.encode(_Token(version, (last.namespace, last.name)))
    return Page(rest[:limit], base64.urlsafe_b64encode(token).decode(), len(rest) - limit)
