"""The shell of the EventType controller."""

from __future__ import annotations

from faas.engine.controllers.addressing import group_of
from faas.engine.controllers.cache import Key
from faas.engine.controllers.eventtype.status import observed_status
from faas.engine.controllers.means import Means
from faas.engine.controllers.writes import write_status
from faas.resources.duck import KReference


class EventTypeReconciler:
    def __init__(self, means: Means) -> None:
        self._client, self._caches, self._clock = means.client, means.caches, means.clock

    async def reconcile(self, key: Key) -> float | None:
        event_type = self._caches.event_types.staying(key)
        if event_type is None:
            return None
        reference = event_type.spec.reference
        exists = reference is not None and self._exists(reference, key.namespace)
        status = observed_status(event_type, exists=exists, now=self._clock.utc())
        await write_status(self._client, self._caches.event_types, self._caches.event_types.raw(key), status)
        return None

    def _exists(self, reference: KReference, namespace: str) -> bool:
        cache = self._caches.of_kind(group_of(reference.api_version), reference.kind)
        return cache is not None and cache.get(Key(reference.namespace or namespace, reference.name)) is not None
