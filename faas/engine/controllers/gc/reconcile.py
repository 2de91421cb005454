"""The shell of the collector; its keys are those of Configurations."""

from __future__ import annotations

from faas.client.errors import NotFound
from faas.client.protocol import Client
from faas.engine.contract.clock import Clock
from faas.engine.controllers.cache import Caches, Key
from faas.engine.controllers.events import Recorder
from faas.engine.controllers.gc.collect import collectable, next_look_s
from faas.engine.controllers.live_config import LiveConfig
from faas.resources.keys import CONFIGURATION_LABEL
from faas.resources.kinds import REVISION


class GarbageCollector:
    def __init__(self, client: Client, caches: Caches, config: LiveConfig, recorder: Recorder, clock: Clock) -> None:
        self._client, self._caches, self._config = client, caches, config
        self._recorder, self._clock = recorder, clock

    async def reconcile(self, key: Key) -> float | None:
        configuration = self._caches.configurations.get(key)
        if configuration is None or configuration.metadata.deletion_timestamp:
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
