"""Which of a trigger's events may be delivered now. A pure state machine.

An event without a key is ready when it comes. Of a key's events one is ready, being delivered or waiting for a retry;
the others are parked behind it, in order, and hold up no other key.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Generic, Protocol, TypeVar


class Keyed(Protocol):
    @property
    def key(self) -> str | None: ...


T = TypeVar("T", bound=Keyed)


class Lanes(Generic[T]):
    """Puts what may be delivered at the end of `ready`, from where the caller takes it."""

    def __init__(self, ready: deque[T]) -> None:
        self._ready = ready
        self._lanes: dict[str, deque[T] | None] = {}  # None: nobody is parked behind the one in front

    def add(self, item: T) -> None:
        """Take an event; they come in the log's order."""
        key = item.key
        if key is None:
            self._ready.append(item)
        elif key not in self._lanes:
            self._lanes[key] = None
            self._ready.append(item)
        else:
            lane = self._lanes[key]
            if lane is None:
                lane = self._lanes[key] = deque()
            lane.append(item)

    def finish(self, item: T) -> None:
        """An event that was ready is done, after whatever attempts: the next one of its key is ready."""
        key = item.key
        if key is None:
            return
        lane = self._lanes[key]
        if lane:
            self._ready.append(lane.popleft())
        else:
            del self._lanes[key]

    def clear(self) -> Iterator[T]:
        """Forget who is parked, and give them back; those in front are still to be finished."""
        for key, lane in self._lanes.items():
            self._lanes[key] = None
            yield from lane or ()
