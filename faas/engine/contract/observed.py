"""A small observable mapping: the latest value for each key, and who wants to know of changes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Observed(Generic[K, V]):
    """The latest value for each key, level-triggered: a reader may miss values in between, never the last one.

    Lives on one event loop and is not thread-safe. Putting an equal value is not a change.
    """

    def __init__(self) -> None:
        self._values: dict[K, V] = {}
        self._dirty: list[tuple[set[K], asyncio.Event]] = []
        self._listeners: list[Callable[[K, V | None], None]] = []

    def get(self, key: K) -> V | None:
        return self._values.get(key)

    def __getitem__(self, key: K) -> V:
        return self._values[key]

    def __contains__(self, key: K) -> bool:
        return key in self._values

    def __iter__(self) -> Iterator[K]:
        return iter(list(self._values))

    def __len__(self) -> int:
        return len(self._values)

    def items(self) -> list[tuple[K, V]]:
        return list(self._values.items())

    def put(self, key: K, value: V) -> None:
        if key in self._values and self._values[key] == value:
            return
        self._values[key] = value
        self._changed(key)

    def delete(self, key: K) -> None:
        if key in self._values:
            del self._values[key]
            self._changed(key)

    def listen(self, listener: Callable[[K, V | None], None]) -> Callable[[], None]:
        """Call `listener(key, value or None)` at once, in line, on each change; returns the function that ends it."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    async def changes(self) -> AsyncIterator[set[K]]:
        """Yield sets of changed keys, first all that exist; changes between two reads come together."""
        dirty: set[K] = set(self._values)
        event = asyncio.Event()
        event.set()
        entry = (dirty, event)
        self._dirty.append(entry)
        try:
            while True:
                await event.wait()
                event.clear()
                batch = set(dirty)
                dirty.clear()
                yield batch
        finally:
            self._dirty.remove(entry)

    def _changed(self, key: K) -> None:
        value = self._values.get(key)
        for dirty, event in self._dirty:
            dirty.add(key)
            event.set()
        for listener in list(self._listeners):
            listener(key, value)
