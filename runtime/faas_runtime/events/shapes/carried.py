"""Messages of other protocols that carry a CloudEvent: it is passed on as it is, not wrapped into another.

Source: CloudEvents protocol bindings 1.0.2 for Kafka (headers `ce_NAME`), AMQP (`cloudEvents:NAME`, `cloudEvents_NAME`)
and MQTT 5 (user properties NAME); structured mode is the content type `application/cloudevents+json` in each.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from faas_runtime.errors import EventError
from faas_runtime.events import wire
from faas_runtime.events.event import Event

_PREFIXES = ("ce_", "cloudEvents:", "cloudEvents_", "")


def carried_event(content_type: str | None, properties: Mapping[str, str], payload: bytes) -> Event[Any] | None:
    """The CloudEvent in a message, or None when it carries none, or one that is not valid.

    Args:
        properties: the message's headers or user properties, as text.
    """
    media = (content_type or "").partition(";")[0].strip().lower()
    try:
        if media == wire.STRUCTURED:
            return wire.parse_structured(payload)
        for prefix in _PREFIXES:
            if properties.get(f"{prefix}specversion") == "1.0":
                return wire.parse_binary(_as_http(prefix, content_type, properties), payload)
    except EventError:
        return None  # then it is a message as any other, and its handler may see what is wrong
    return None


def _as_http(prefix: str, content_type: str | None, properties: Mapping[str, str]) -> dict[bytes, bytes]:
    headers = {
        b"ce-" + name[len(prefix):].lower().encode("latin-1", "replace"): value.encode()
        for name, value in properties.items()
        if name.startswith(prefix) and name[len(prefix):].isalnum()
    }  # fmt: skip
    kind = content_type or headers.pop(b"ce-datacontenttype", b"").decode("latin-1")
    headers.pop(b"ce-datacontenttype", None)
    return {**headers, b"content-type": kind.encode("latin-1", "replace")} if kind else headers
