"""From a request that was let in to the sink, within the time that its sender waits."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from faas_runtime.events.event import Event

from faas.sources.errors import ConfigurationError, Stopping
from faas.sources.listening import Answer
from faas.sources.replays import Replays
from faas.sources.source import Source

PATIENCE_S = 9.0  # GitHub gives up after ten seconds, and who has given up does not hear the 503
_LATER = (("retry-after", "10"),)


def address_of(source: Source[Any]) -> str:
    """Where to listen. Raises: ConfigurationError."""
    if not source.environment.listen:
        raise ConfigurationError("FAAS_SOURCE_LISTEN is not set: this adapter is called at unix:/path or tcp:host:port")
    return source.environment.listen


async def hand_over(source: Source[Any], event: Event[Any], replays: Replays | None = None, *, key: str = "") -> Answer:
    """202 once the sink has the event, 409 when it has had it before, 503 when the sender has to come again.

    Args:
        replays: remembers the delivery.
        key: what tells it from others; the event's id, if it is not said.
    """
    key = key or event.id
    if replays is None:
        return await hand_over_all(source, [event])
    if replays.is_taken(key):
        return Answer(409, f"{event.id} was taken before")
    if not replays.reserve(key):
        return Answer(503, f"{event.id} is on its way", _LATER)
    answer = Answer(503)
    try:
        answer = await hand_over_all(source, [event])
    finally:
        replays.release(key, taken=answer.status == 202)
    return answer


async def hand_over_all(source: Source[Any], events: Sequence[Event[Any]]) -> Answer:
    """202 once the sink has those that it will ever have, 400 when it wants none, 503 to come again with all."""
    try:
        async with asyncio.timeout(PATIENCE_S):
            refused = await source.sink.deliver(events)
    except (TimeoutError, Stopping):
        return Answer(503, "the event could not be delivered now; send it again", _LATER)
    is_in_vain = bool(events) and len(refused) == len(events)
    return Answer(400, "the event is refused where it has to go") if is_in_vain else Answer(202, "accepted")
