"""Which events a Broker has seen: what `faas events types` and EventTypes are made of."""

from __future__ import annotations

from typing import Any

from faas.engine.contract.eventing import SeenType

# A sender that makes up a type for each event must not become our memory; what does not fit any more is still stored.
_MOST = 500
_LONGEST = 1000  # characters of a type and a source: longer ones are told to nobody each second


class TypesSeen:
    """Counts by type and source, since the process has started."""

    def __init__(self, broker: str) -> None:
        self._broker = broker
        self._counts: dict[tuple[str, str], int] = {}
        self._schemas: dict[tuple[str, str], str] = {}

    def count(self, attributes: dict[str, Any]) -> None:
        key = attributes["type"], attributes["source"]
        known = self._counts.get(key)
        if known is None and (len(self._counts) >= _MOST or len(key[0]) + len(key[1]) > _LONGEST):
            return
        self._counts[key] = (known or 0) + 1
        if len(schema := attributes.get("dataschema", "")) in range(1, _LONGEST):
            self._schemas[key] = schema

    def seen(self) -> tuple[SeenType, ...]:
        return tuple(
            SeenType(self._broker, type, source, self._schemas.get((type, source), ""), count)
            for (type, source), count in self._counts.items()
        )
