"""The shell of the labeler; its keys are those of Routes."""

from __future__ import annotations

from typing import Any

from faas.engine.controllers.cache import Cache, Key, V
from faas.engine.controllers.labeler.routing import (
    configuration_changes,
    revision_changes,
    routed_configurations,
    routed_revisions,
)
from faas.engine.controllers.means import Means
from faas.engine.controllers.writes import patch_metadata
from faas.resources.keys import ROUTES


class LabelReconciler:
    def __init__(self, means: Means) -> None:
        self._client, self._caches, self._clock = means.client, means.caches, means.clock

    async def reconcile(self, key: Key) -> float | None:
        revisions, configurations = self._routed(key)
        now = self._clock.utc()
        for name in self._concerned(self._caches.revisions, key, revisions):
            if (revision := self._caches.revisions.get(name)) is not None:
                routed = name.name in revisions
                patch = revision_changes(revision.metadata, key.name, routed=routed, now=now)
                await self._patch(self._caches.revisions, name, patch)
        for name in self._concerned(self._caches.configurations, key, configurations):
            if (configuration := self._caches.configurations.get(name)) is not None:
                patch = configuration_changes(configuration.metadata, key.name, routed=name.name in configurations)
                await self._patch(self._caches.configurations, name, patch)
        return None

    def _concerned(self, cache: Cache[V], route: Key, names: set[str]) -> list[Key]:
        """What the Route means now, and what says that it did."""
        noted = cache.having(route.namespace, ROUTES, route.name)
        return sorted({*noted, *(Key(route.namespace, name) for name in names)})

    async def _patch(self, cache: Cache[V], key: Key, patch: dict[str, Any]) -> None:
        if patch:
            await patch_metadata(self._client, cache, key, patch)

    def _routed(self, key: Key) -> tuple[set[str], set[str]]:
        """Names of the Revisions and the Configurations that this Route means; none when it is gone."""
        route = self._caches.routes.staying(key)
        if route is None:
            return set(), set()
        targets = (Key(key.namespace, target.revision_name) for target in route.spec.traffic if target.revision_name)
        names = routed_configurations(route, self._caches.revisions.views(targets))
        known = self._caches.configurations.views(Key(key.namespace, name) for name in names)
        return routed_revisions(route, {view.metadata.name: view for view in known}), names
