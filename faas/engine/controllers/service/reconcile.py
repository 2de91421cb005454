"""The shell of the Service controller."""

from __future__ import annotations

from faas.client.errors import BadRequest, Invalid
from faas.client.protocol import Object
from faas.engine.controllers.cache import Cache, Key, V
from faas.engine.controllers.configuration.make import is_revision_of
from faas.engine.controllers.means import Means
from faas.engine.controllers.service.make import make_configuration, make_route, merged
from faas.engine.controllers.service.status import observed_status
from faas.engine.controllers.sinkbinding.inject import Variables, concerns, variables_of
from faas.engine.controllers.writes import create, is_controlled_by, update, write_status


class ServiceReconciler:
    def __init__(self, means: Means) -> None:
        self._client, self._caches = means.client, means.caches
        self._recorder, self._clock = means.recorder, means.clock

    async def reconcile(self, key: Key) -> float | None:
        service = self._caches.services.staying(key)
        if service is None:
            return None
        raw = self._caches.services.raw(key)
        wanted = make_configuration(raw, self._bound(raw))
        configuration = await self._ensure(self._caches.configurations, raw, wanted)
        taken = self._taken_name(key)
        route = self._caches.routes.get(key) if taken else await self._ensure(self._caches.routes, raw, make_route(raw))
        status = observed_status(service, configuration, route, name_taken=taken, now=self._clock.utc())
        await write_status(self._client, self._caches.services, raw, status)
        return None

    async def _ensure(self, cache: Cache[V], service: Object, wanted: Object) -> V | None:
        """Returns: the child as it should be; None when one of that name belongs to somebody else."""
        key = Key(wanted["metadata"]["namespace"], wanted["metadata"]["name"])
        if cache.get(key) is None:
            created = await create(self._client, cache, wanted)
            if created is not None and is_controlled_by(cache.raw(key), service):
                message = f'Created {cache.kind.kind} "{key.name}"'
                self._recorder.event(service, "Normal", "Created", message)
        existing = cache.raw(key)
        if not is_controlled_by(existing, service):
            return None
        changed = merged(existing, wanted)
        if changed != existing:
            try:
                await update(self._client, cache, changed)
            except (BadRequest, Invalid) as error:
                message = f'Failed to update {cache.kind.kind} "{key.name}": {error.message}'
                self._recorder.event(service, "Warning", "UpdateFailed", message)
                raise
        return cache.get(key)

    def _bound(self, service: Object) -> Variables:
        """What SinkBindings put into its containers."""
        cache, namespace = self._caches.sink_bindings, service["metadata"]["namespace"]
        bindings = cache.views(key for key in cache if key.namespace == namespace)
        return variables_of(binding for binding in bindings if concerns(binding, service))

    def _taken_name(self, key: Key) -> str:
        """The name that the template asks for its Revision, when a Revision with another spec has it already."""
        configuration = self._caches.configurations.get(key)
        if configuration is None or not (name := configuration.spec.template.metadata.name):
            return ""
        revision_key = Key(key.namespace, name)
        if self._caches.revisions.get(revision_key) is None:
            return ""
        same = is_revision_of(self._caches.revisions.raw(revision_key), self._caches.configurations.raw(key))
        return "" if same else name
