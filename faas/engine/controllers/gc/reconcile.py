"""The shell of the collector; its keys are those of Configurations."""

from __future__ import annotations

from faas.client.errors import NotFound
from faas.engine.controllers.cache import Key
from faas.engine.controllers.gc.collect import collectable, next_look_s
from faas.engine.controllers.means import Means
from faas.resources.keys import CONFIGURATION_LABEL
from faas.resources.kinds import REVISION


class GarbageCollector:
    def __init__(self, means: Means) -> None:
        self._client, self._caches, self._config = means.client, means.caches, means.config
        self._recorder, self._clock = means.recorder, means.clock

    async def reconcile(self, key: Key) -> float | None:
        configuration = self._caches.configurations.staying(key)
        if configuration is None:
            return None
        cache, config, now = self._caches.revisions, self._config.current.gc, self._clock.utc()
        revisions = cache.views(cache.having(key.namespace, CONFIGURATION_LABEL, key.name))
        latest_ready = configuration.status.latest_ready_revision_name
        for name in collectable(revisions, latest_ready, config, now):
            try:
                await self._client.delete(REVISION, name, key.namespace)
            except NotFound:
                continue  # somebody was faster
            raw = self._caches.configurations.raw(key)
            self._recorder.event(raw, "Normal", "RevisionCollected", f'Deleted the unused Revision "{name}"')
        return next_look_s(revisions, latest_ready, config, now)
