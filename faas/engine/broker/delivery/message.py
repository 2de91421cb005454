"""An event as the fields and body of an HTTP request, in binary mode (CloudEvents HTTP binding 1.0.2, 3.1)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from faas_runtime.events.wire import header_text

from faas.engine.broker.stamping import TTL

_NO_FIELD = re.compile(r"[^\x20-\x7e]")
_NAMES: dict[str, str] = {}  # attribute -> "ce-NAME: "; attributes are few
_MOST_NAMES = 1000
# The distributed tracing extension, and what carries it to a subscriber that knows HTTP and no extensions.
_TRACING = ("traceparent", "tracestate")


def encode_fields(attributes: Mapping[str, Any], length: int) -> bytes:
    """The end of a request's head: the event's attributes, its length, and the empty line."""
    lines = []
    for name, value in attributes.items():
        if name == "datacontenttype":
            lines.append(f"content-type: {_NO_FIELD.sub('', str(value))}")
        elif name != TTL:  # the Broker's own, no function's concern
            prefix = _NAMES.get(name) or _prefix(name)
            lines.append(prefix + header_text(value))
            if name in _TRACING:
                lines.append(f"{name}: {_NO_FIELD.sub('', str(value))}")
    lines.append(f"content-length: {length}\r\n\r\n")
    # An attribute's name that is no HTTP token came into the log by another door: the receiver refuses it.
    return "\r\n".join(lines).encode("ascii", "replace")


def ttl_field(attributes: Mapping[str, Any]) -> bytes:
    """What another Broker has to know, or events that Brokers pass to each other would go round for ever."""
    return b"ce-%b: %d\r\n" % (TTL.encode(), ttl) if isinstance(ttl := attributes.get(TTL), int) else b""


def _prefix(name: str) -> str:
    if len(_NAMES) >= _MOST_NAMES:
        _NAMES.clear()
    prefix = _NAMES[name] = f"ce-{name}: "
    return prefix
