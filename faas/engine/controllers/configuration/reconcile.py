"""The shell of the Configuration controller."""

from __future__ import annotations

from faas.client.errors import Invalid
from faas.client.protocol import Object
from faas.engine.controllers.cache import Key
from faas.engine.controllers.configuration.make import (
    generation_of,
    is_revision_of,
    make_revision,
    name_of_revision,
)
from faas.engine.controllers.configuration.status import Numbered, creation_failed, observed_status
from faas.engine.controllers.means import Means
from faas.engine.controllers.writes import create, is_controlled_by, write_status
from faas.resources.conditions import has_status
from faas.resources.keys import CONFIGURATION_LABEL
from faas.resources.serving import Configuration, ConfigurationStatus, Revision


class ConfigurationReconciler:
    def __init__(self, means: Means) -> None:
        self._client, self._caches = means.client, means.caches
        self._recorder, self._clock = means.recorder, means.clock

    async def reconcile(self, key: Key) -> float | None:
        configuration = self._caches.configurations.staying(key)
        if configuration is None:
            return None
        raw = self._caches.configurations.raw(key)
        latest = await self._latest(raw)
        if isinstance(latest, str):
            status = creation_failed(configuration, latest, self._clock.utc())
        else:
            status = observed_status(configuration, latest, self._revisions(raw), self._clock.utc())
        if await write_status(self._client, self._caches.configurations, raw, status):
            self._tell(raw, configuration, status)
        return None

    async def _latest(self, raw: Object) -> Revision | str:
        """The Revision of the template, made if need be; or why there is none."""
        name = name_of_revision(raw)
        key = Key(raw["metadata"]["namespace"], name)
        cache = self._caches.revisions
        if cache.get(key) is None:
            try:
                created = await create(self._client, cache, make_revision(raw, self._clock.utc()))
            except Invalid as error:
                self._recorder.event(raw, "Warning", "CreationFailed", f'Failed to create Revision "{name}": {error}')
                return error.message
            if created is not None and is_controlled_by(cache.raw(key), raw):
                self._recorder.event(raw, "Normal", "Created", f'Created Revision "{name}"')
        revision = cache.get(key)
        if revision is None or not is_revision_of(cache.raw(key), raw):
            return f'revisions.serving.knative.dev "{name}" already exists'
        return revision

    def _revisions(self, raw: Object) -> dict[str, Numbered]:
        metadata, cache = raw["metadata"], self._caches.revisions
        keys = cache.having(metadata["namespace"], CONFIGURATION_LABEL, metadata["name"])
        return {
            view.metadata.name: Numbered(generation_of(cache.raw(key)), view)
            for key in keys
            if (view := cache.get(key)) is not None and is_controlled_by(cache.raw(key), raw)
        }

    def _tell(self, raw: Object, before: Configuration, after: ConfigurationStatus) -> None:
        ready, old = after.latest_ready_revision_name, before.status.latest_ready_revision_name
        if ready != old:
            if not old:
                self._recorder.event(raw, "Normal", "ConfigurationReady", "Configuration becomes ready")
            message = f'LatestReadyRevisionName updated to "{ready}"'
            self._recorder.event(raw, "Normal", "LatestReadyUpdate", message)
        failed = has_status(after.conditions, "Ready", "False")
        if failed and not has_status(before.status.conditions, "Ready", "False"):
            message = f'Latest created revision "{after.latest_created_revision_name}" has failed'
            self._recorder.event(raw, "Warning", "LatestCreatedFailed", message)
