"""The shell that makes EventTypes of what Brokers see, where a Broker asks for it. Knative has this off as well."""

from __future__ import annotations

from collections.abc import Callable

from faas.engine.contract.eventing import SeenType
from faas.engine.controllers.cache import Key
from faas.engine.controllers.eventtype.make import event_type_name, make_event_type
from faas.engine.controllers.means import Means
from faas.engine.controllers.writes import create
from faas.resources.eventing import Broker
from faas.resources.keys import EVENT_TYPES

_MOST = 1000  # a source that puts something unique into its type must not fill the store


class SeenTypes:
    """Its keys are those of the EventTypes to make."""

    def __init__(self, means: Means) -> None:
        self._client, self._caches = means.client, means.caches
        self._seen: dict[Key, SeenType] = {}

    def seen(self, types: tuple[SeenType, ...], add: Callable[[Key], None]) -> None:
        """Take in what the broker's process has told, and queue what there is no object of."""
        for one in types:
            broker_key = _parsed(one.broker)
            broker = self._caches.brokers.get(broker_key)
            if broker is None or not wants_event_types(broker):
                continue
            key = Key(broker_key.namespace, event_type_name(self._caches.brokers.raw(broker_key), one))
            if self._caches.event_types.get(key) is None and self._count() < _MOST:
                self._seen[key] = one
                add(key)

    async def reconcile(self, key: Key) -> float | None:
        seen = self._seen.get(key)
        broker_key = _parsed(seen.broker) if seen is not None else key
        if seen is None or self._caches.brokers.get(broker_key) is None:
            self._seen.pop(key, None)
            return None
        await create(
            self._client, self._caches.event_types, make_event_type(self._caches.brokers.raw(broker_key), seen)
        )
        self._seen.pop(key, None)
        return None

    def _count(self) -> int:
        return len(self._seen) + len(list(self._caches.event_types))


def wants_event_types(broker: Broker) -> bool:
    return broker.metadata.annotations.get(EVENT_TYPES, "") == "enabled"


def _parsed(text: str) -> Key:
    namespace, _, name = text.partition("/")
    return Key(namespace, name)
