"""An event in memory, and its way through one trigger."""

from __future__ import annotations

from typing import Any, Protocol

from faas.engine.broker.delivery.message import encode_fields
from faas.engine.broker.dispatch.lanes import Lanes
from faas.engine.broker.seams.log import StoredEvent

_OVERHEAD_BYTES = 2048  # of an event's objects: a dozen attributes of common size, an encoded head, the bookkeeping
_TIMES = 4  # an attribute is there as text, and percent-encoded in the head; one character may be four bytes of each


class Sending(Protocol):
    """An attempt on its way."""

    def cancel(self) -> None:
        """Cut it off; nobody is told how it ended."""
        ...


class Held:
    """One for all triggers that hold the event: it is decoded and encoded once."""

    __slots__ = ("_fields", "attributes", "data", "position", "size", "stored")

    def __init__(self, event: StoredEvent) -> None:
        self.stored = event
        self.position = event.sequence
        self.attributes: dict[str, Any] = event.attributes
        self.data = event.data
        texts = sum(len(value) for value in event.attributes.values() if value.__class__ is str)
        self.size = len(event.data) + max(_OVERHEAD_BYTES, _TIMES * texts)
        self._fields = b""

    @property
    def fields(self) -> bytes:
        if not self._fields:
            self._fields = encode_fields(self.attributes, len(self.data))
        return self._fields


class Item:
    """An event and what one trigger did about it so far."""

    __slots__ = ("attempt", "dead", "event", "fields", "key", "lanes", "outages", "position", "request", "size")

    def __init__(self, event: Held, key: str | None, lanes: Lanes[Item]) -> None:
        self.event = event
        self.position = event.position
        self.size = event.size
        self.key = key
        self.lanes = lanes
        self.attempt = 0  # attempts before the present one, at the present destination
        self.outages = 0  # times in a row that the gateway could not be reached
        self.request: Sending | None = None
        self.dead: dict[str, Any] = {}  # its attributes as a dead letter, once it was given up on
        self.fields = b""  # those, as they are sent
