"""What the broker writes into an event before it stores it. Functions of values.

Source: knative/eventing 1.22, pkg/broker (ttl.go, ingress); CloudEvents distributed tracing extension.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from faas.engine.broker.seams.publishing import EventRefused

TTL = "knativebrokerttl"
ARRIVAL = "knativearrivaltime"
# Of one event, names and values. Whoever gets it has them as header fields, and few servers take more than this.
MOST_ATTRIBUTES_BYTES = 64 * 1024
FIRST_TTL = 255  # how often an event, and the replies that it leads to, may pass a broker: the guard against loops


def stamp(attributes: dict[str, Any], now_s: float) -> dict[str, Any]:
    """The attributes that are stored. Raises: EventRefused: it went round too often."""
    return {
        **attributes,
        TTL: next_ttl(attributes.get(TTL)),
        ARRIVAL: datetime.fromtimestamp(now_s, UTC).isoformat().replace("+00:00", "Z"),
    }


def next_ttl(ttl: object) -> int:
    """One pass less than before; binary mode has it as text. Raises: EventRefused."""
    try:
        left = FIRST_TTL if ttl is None else min(int(str(ttl)) - 1, FIRST_TTL)
    except ValueError:
        raise EventRefused(f"{TTL} is {ttl!r}, which is no number") from None
    if left <= 0:
        raise EventRefused(f"{TTL} is used up: the event has passed brokers too often, it may go in a circle")
    return left


def attributes_size(attributes: dict[str, Any]) -> int:
    """Bytes, of text that is ASCII; other text is a few times larger in memory and on the wire."""
    return sum(len(name) + len(value if value.__class__ is str else str(value)) for name, value in attributes.items())


def traced(attributes: dict[str, Any], traceparent: str, tracestate: str) -> dict[str, Any]:
    """With the request's trace context, unless the event has its own."""
    if not traceparent or "traceparent" in attributes:
        return attributes
    added = {"traceparent": traceparent}
    if tracestate:
        added["tracestate"] = tracestate
    return {**attributes, **added}
