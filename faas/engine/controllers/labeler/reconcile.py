"""The shell of the labeler; its keys are those of Routes."""

from __future__ import annotations

from faas.client.protocol import Client
from faas.engine.contract.clock import Clock
from faas.engine.controllers.cache import Caches, Key
from faas.engine.controllers.labeler.routing import (
    configuration_changes,
    revision_changes,
    routed_configurations,
    routed_revisions,
    routes_of,
)
from faas.engine.controllers.writes import patch_metadata


class LabelReconciler:
    def __init__(self, client: Client, caches: Caches, clock: Clock) -> None:
        self._client, self._caches, self._clock = client, caches, clock

    async def reconcile(self, key: Key) -> float | None:
        revisions, configurations = self._routed(key)
        for candidate in self._caches.revisions:
            revision = self._caches.revisions.get(candidate)
            if revision is None or candidate.namespace != key.namespace:
                continue
            routed = candidate.name in revisions
            if routed or key.name in routes_of(revision.metadata):
                patch = revision_changes(revision.metadata, key.name, routed=routed, now=self._clock.utc())
                if patch:
                    await patch_metadata(self._client, self._caches.revisions, candidate, patch)
        for candidate in self._caches.configurations:
            configuration = self._caches.configurations.get(candidate)
            if configuration is None or candidate.namespace != key.namespace:
                continue
            patch = configuration_changes(configuration.metadata, key.name, routed=candidate.name in configurations)
            if patch:
                await patch_metadata(self._client, self._caches.configurations, candidate, patch)
        return None

    def _routed(self, key: Key) -> tuple[set[str], set[str]]:
        """Names of the Revisions and the Configurations that this Route means; none when it is gone."""
        route = self._caches.routes.get(key)
        if route is None or route.metadata.deletion_timestamp:
            return set(), set()
        names = routed_configurations(route)
        known = self._caches.configurations.views(Key(key.namespace, name) for name in names)
        return routed_revisions(route, {view.metadata.name: view for view in known}), names
