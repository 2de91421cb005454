"""The request that calls another function."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode

import msgspec

from faas_runtime.events import wire
from faas_runtime.events.event import Event
from faas_runtime.jsonic import to_json

TIMEOUT_HEADER = b"faas-timeout"  # seconds that are left of the caller's deadline; it only ever shortens


class Outgoing(msgspec.Struct, frozen=True):
    """A request to another function: NAME or NAME.NAMESPACE."""

    function: str
    method: str
    target: str  # path and query
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes
    timeout_s: float


def make_outgoing(
    function: str,
    body: Any,
    *,
    method: str | None,
    path: str,
    query: Mapping[str, Any] | None,
    headers: Mapping[str, str] | None,
    traceparent: str,
    tracestate: str,
    request_id: str,
    timeout_s: float,
) -> Outgoing:
    """The request that `ctx.call` sends. Raises: ValueError, TypeError: an argument that makes no request."""
    if not path.startswith("/"):
        raise ValueError(f"path={path!r} has to start with '/'")
    target = quote(path, safe="/:@!$&'()*+,;=~-._%?")
    if query:
        plain = {name: value for name, value in query.items() if value is not None}
        target += ("&" if "?" in target else "?") + urlencode(plain, doseq=True)
    content, content_type = _content(body)
    fields: dict[bytes, bytes] = {
        b"accept": b"*/*",
        b"traceparent": traceparent.encode(),
        b"x-request-id": request_id.encode("latin-1", "replace"),
        TIMEOUT_HEADER: f"{timeout_s:.3f}".encode(),
    }
    if tracestate:
        fields[b"tracestate"] = tracestate.encode("latin-1")
    if content_type:
        fields[b"content-type"] = content_type
    fields.update((name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in (headers or {}).items())
    if isinstance(body, Event):
        event_headers, content = wire.binary(body)
        fields.update(event_headers)
    verb = (method or ("GET" if body is None else "POST")).upper()
    return Outgoing(function, verb, target, tuple(fields.items()), content, timeout_s)


def _content(body: Any) -> tuple[bytes, bytes]:
    if body is None or isinstance(body, Event):
        return b"", b""
    if isinstance(body, bytes | bytearray | memoryview):
        return bytes(body), b"application/octet-stream"
    if isinstance(body, str):
        return body.encode(), b"text/plain; charset=utf-8"
    return to_json(body), b"application/json"
