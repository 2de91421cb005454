"""The shell of the SinkBinding controller; the Service controller does what a resolved binding says."""

from __future__ import annotations

from faas.engine.controllers.cache import Key
from faas.engine.controllers.means import Means
from faas.engine.controllers.sinkbinding.inject import concerns
from faas.engine.controllers.sinkbinding.status import observed_status
from faas.engine.controllers.writes import report


class SinkBindingReconciler:
    def __init__(self, means: Means) -> None:
        self._means = means

    async def reconcile(self, key: Key) -> float | None:
        caches = self._means.caches
        binding = caches.sink_bindings.staying(key)
        if binding is None:
            return None
        raw = caches.sink_bindings.raw(key)
        services = (caches.services.raw(name) for name in caches.services if name.namespace == key.namespace)
        subjects = sum(concerns(binding, service) for service in services)
        sink = self._means.resolver.resolve(binding.spec.sink, key.namespace)
        status = observed_status(binding, sink, subjects=subjects, now=self._means.clock.utc())
        await report(self._means, caches.sink_bindings, raw, binding.status, status)
        return None
