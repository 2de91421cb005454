"""An event as a dead letter: itself, and why it could not be delivered."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

from faas.engine.broker.delivery.attempts import Failure
from faas.engine.broker.stamping import TTL

DESTINATION, CODE, DATA = "knativeerrordest", "knativeerrorcode", "knativeerrordata"
_MOST_DATA_BYTES = 768  # 1024 characters of base64, which is Knative's bound, and can still be decoded


def dead_attributes(attributes: Mapping[str, Any], destination: str, failure: Failure) -> dict[str, Any]:
    """The event's attributes with those that Knative adds."""
    dead = {name: value for name, value in attributes.items() if name != TTL}
    dead[DESTINATION] = destination
    dead[CODE] = failure.code
    said = failure.body or failure.reason.encode()
    dead[DATA] = base64.b64encode(said[:_MOST_DATA_BYTES]).decode()
    return dead


def living_attributes(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """The event's attributes before it became a dead letter, but for its TTL, which begins anew."""
    return {name: value for name, value in attributes.items() if name not in (DESTINATION, CODE, DATA)}
