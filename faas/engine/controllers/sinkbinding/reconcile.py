"""The shell of the SinkBinding controller; the Service controller does what a resolved binding says."""

from __future__ import annotations

from faas.client.protocol import Client
from faas.engine.contract.clock import Clock
from faas.engine.controllers.addressing import Resolver
from faas.engine.controllers.cache import Caches, Key
from faas.engine.controllers.events import Recorder, tell_ready
from faas.engine.controllers.sinkbinding.inject import concerns
from faas.engine.controllers.sinkbinding.status import observed_status
from faas.engine.controllers.writes import write_status


class SinkBindingReconciler:
    def __init__(self, client: Client, caches: Caches, resolver: Resolver, recorder: Recorder, clock: Clock) -> None:
        self._client, self._caches, self._resolver = client, caches, resolver
        self._recorder, self._clock = recorder, clock

    async def reconcile(self, key: Key) -> float | None:
        caches = self._caches
        binding = caches.sink_bindings.get(key)
        if binding is None or binding.metadata.deletion_timestamp:
            return None
        raw = caches.sink_bindings.raw(key)
        services = (caches.services.raw(name) for name in caches.services if name.namespace == key.namespace)
        subjects = sum(concerns(binding, service) for service in services)
        sink = self._resolver.resolve(binding.spec.sink, key.namespace)
        status = observed_status(binding, sink, subjects=subjects, now=self._clock.utc())
        if await write_status(self._client, caches.sink_bindings, raw, status):
            tell_ready(self._recorder, raw, binding.status.conditions, status.conditions)
        return None
