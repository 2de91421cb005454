"""The head of an HTTP/1.1 answer as bytes: checked, framed, and remembered where it repeats."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from gunicorn.asgi.protocol import (
    _CACHED_SERVER_HEADER,
    _get_cached_date_header,
    _get_cached_status_line,
    _validate_response_headers,
)

_LONGEST_REMEMBERED = 256  # bytes of a header's value; with the cache's size, half a MiB at worst


class ResponseHead:
    """What a status and headers come to: the bytes to send and how the body is framed."""

    __slots__ = ("data", "is_chunked", "is_framed_by_close", "length", "omits_body")

    def __init__(
        self, version: tuple[int, int], method: str, status: int, headers: Iterable[tuple[Any, Any]], *, closes: bool
    ) -> None:
        """Raises: gunicorn's InvalidResponseHeader: a header that would break the framing."""
        self.omits_body = omits_body = method == "HEAD" or status < 200 or status == 204 or status == 304
        self.length: int | None = None  # bytes of the body, where they are announced
        self.is_chunked = False
        lines = [_get_cached_status_line(version, status)]
        own = {"server": _CACHED_SERVER_HEADER, "date": _get_cached_date_header()}
        is_announced = False
        for name, value in headers:
            if name == b"content-length" and value.isdigit():
                line, kind = b"content-length: %b\r\n" % value, "content-length"
            elif len(value) <= _LONGEST_REMEMBERED:
                line, kind = _remembered_line(name, value)
            else:
                line, kind = _line(name, value)
            if kind:
                if kind == "content-length":
                    if status == 204 or status < 200:
                        continue  # RFC 9110, 8.6: these must not have it
                    is_announced = True
                    self.length = _integer(value)
                elif kind == "transfer-encoding":
                    if omits_body:
                        continue
                    self.is_chunked = True
                else:
                    own.pop(kind, None)
                    closes = closes and kind != "connection"
            lines.append(line)
        self.is_framed_by_close = False
        if omits_body or self.is_chunked:
            self.length = None
        elif not is_announced:
            if version >= (1, 1):
                self.is_chunked = True
                lines.append(b"transfer-encoding: chunked\r\n")
            else:
                self.is_framed_by_close = True
        lines += own.values()
        lines.append(b"Connection: close\r\n\r\n" if closes else b"\r\n")
        self.data = b"".join(lines)


def _line(name: Any, value: Any) -> tuple[bytes, str]:
    """The header's line, and its name if that matters for the framing."""
    _validate_response_headers(((name, value),))
    name = name.encode("latin-1") if isinstance(name, str) else name
    value = value.encode("latin-1") if isinstance(value, str) else value
    lower = name.lower().decode("latin-1")
    return b"%b: %b\r\n" % (name, value), lower if lower in _NOTED else ""


_NOTED = frozenset({"connection", "content-length", "date", "server", "transfer-encoding"})
_remembered_line = lru_cache(maxsize=512)(_line)


def _integer(value: Any) -> int | None:
    try:
        return int(value)
    except ValueError:
        return None
