"""The shell of the Route controller."""

from __future__ import annotations

from faas.engine.controllers.cache import Key
from faas.engine.controllers.means import Means
from faas.engine.controllers.route.publish import Publisher
from faas.engine.controllers.route.split import Split, split
from faas.engine.controllers.route.status import observed_status, progress_of
from faas.engine.controllers.route.traffic import BadTarget, resolve
from faas.engine.controllers.writes import write_status
from faas.resources import durations
from faas.resources.keys import ROLLOUT_DURATION, SERVICE_LABEL
from faas.resources.serving import Route


class RouteReconciler:
    def __init__(self, means: Means) -> None:
        self._means, self._caches = means, means.caches
        self._publisher = Publisher(means.board)

    async def reconcile(self, key: Key) -> float | None:
        route = self._caches.routes.staying(key)
        if route is None:
            self._publisher.withdraw(key)
            return None
        now, naming = self._means.clock.utc(), self._means.naming
        outcome = self._resolve(route, now.timestamp())
        traffic = outcome.traffic if isinstance(outcome, Split) else route.status.traffic
        taken = self._publisher.publish(key, route, traffic, naming)
        status = observed_status(route, outcome, naming, taken=taken, now=now)
        await write_status(self._means.client, self._caches.routes, self._caches.routes.raw(key), status)
        if isinstance(outcome, Split) and outcome.next_step_s is not None:
            return max(0.0, outcome.next_step_s - now.timestamp())
        return None

    def _resolve(self, route: Route, now_s: float) -> Split | BadTarget:
        targets, namespace = route.spec.traffic, route.metadata.namespace
        configurations = self._caches.configurations.views(
            Key(namespace, target.configuration_name) for target in targets if target.configuration_name
        )
        revisions = self._caches.revisions.views(
            Key(namespace, target.revision_name) for target in targets if target.revision_name
        )
        resolved = resolve(
            targets,
            {view.metadata.name: view for view in configurations},
            {view.metadata.name: view for view in revisions},
            owned_by=route.metadata.labels.get(SERVICE_LABEL, ""),
        )
        if isinstance(resolved, BadTarget):
            return resolved
        return split(resolved, progress_of(route), duration_s=self._duration_s(route), now_s=now_s)

    def _duration_s(self, route: Route) -> float:
        text = route.metadata.annotations.get(ROLLOUT_DURATION, "")
        return durations.parse(text) if text else float(self._means.config.current.network.rollout_duration_s)
