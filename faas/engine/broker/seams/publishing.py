"""What takes an event in: the seam between storing events and everybody who has one, senders and replies alike."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any, Protocol


class EventRefused(Exception):
    """An event that can never be stored (its TTL is used up, it is no CloudEvent); trying again does not help."""


class Publish(Protocol):
    """Store an event as if it had come in through the Broker's ingress: TTL, arrival time, types seen, wake.

    Raises: EventRefused, LogError (KeyError: there is no such Broker).
    """

    def __call__(self, broker: str, attributes: dict[str, Any], data: bytes | None) -> Awaitable[int]: ...
