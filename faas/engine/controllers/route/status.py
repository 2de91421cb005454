"""What a Route says of its traffic. Source: Knative pkg/apis/serving/v1/route_lifecycle.go."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from msgspec.structs import replace

from faas.engine.controllers.naming import Naming
from faas.engine.controllers.route.rollout import Progress, dump, load
from faas.engine.controllers.route.split import Split
from faas.engine.controllers.route.traffic import BadTarget
from faas.resources.conditions import ROUTE_CONDITIONS
from faas.resources.meta import Conditions, ConditionStatus
from faas.resources.serving import Addressable, Route, RouteStatus, TrafficTarget

# Knative keeps this on its Ingress, which we do not have; in the status it is written in the same commit as the split.
ROLLOUT_ANNOTATION = "serving.knative.dev/rollout"


def progress_of(route: Route) -> tuple[Progress, ...]:
    """How far the rollouts are; a Route from before any rollout starts one from what it serves."""
    return load(route.status.annotations.get(ROLLOUT_ANNOTATION, "[]"))


def observed_status(
    route: Route, outcome: Split | BadTarget, naming: Naming, *, taken: Sequence[str] = (), now: datetime
) -> RouteStatus:
    """Say how requests are split.

    Args:
        outcome: the split, or why the traffic block cannot be served; then what was served before stays.
        taken: labels (NAME or TAG-NAME) that another Route of the namespace has already.
    """
    conditions = ROUTE_CONDITIONS.initialize(route.status.conditions, now)
    conditions = _mark(conditions, "CertificateProvisioned", "True", "TLSNotEnabled", "autoTLS is not enabled", now)
    status = replace(
        route.status,
        observed_generation=route.metadata.generation,
        url=naming.url(route),
        address=Addressable(url=naming.local_url(route)),
        traffic=_with_urls(route, route.status.traffic, naming),
    )
    if isinstance(outcome, BadTarget):
        conditions = _mark(conditions, "AllTrafficAssigned", outcome.status, outcome.reason, outcome.message, now)
        if not status.traffic:
            message = "Ingress has not yet been reconciled."
            conditions = _mark(conditions, "IngressReady", "Unknown", "IngressNotConfigured", message, now)
        return replace(status, conditions=conditions)
    conditions = _mark(conditions, "AllTrafficAssigned", "True", "", "", now)
    conditions = _mark_ingress(conditions, outcome, taken, now)
    annotations = {**route.status.annotations, ROLLOUT_ANNOTATION: dump(outcome.progress)}
    if not outcome.progress:
        del annotations[ROLLOUT_ANNOTATION]
    return replace(
        status,
        conditions=conditions,
        traffic=_with_urls(route, outcome.traffic, naming),
        annotations=annotations,
    )


def _mark_ingress(conditions: Conditions, split: Split, taken: Sequence[str], now: datetime) -> Conditions:
    if taken:
        message = f'There is an existing Route that already answers for "{taken[0]}"; choose another name or tag.'
        return _mark(conditions, "IngressReady", "False", "NotOwned", message, now)
    if split.next_step_s is not None:
        message = "A gradual rollout of the latest revision(s) is in progress."
        return _mark(conditions, "IngressReady", "Unknown", "RolloutInProgress", message, now)
    return _mark(conditions, "IngressReady", "True", "", "", now)


def _with_urls(route: Route, traffic: tuple[TrafficTarget, ...], naming: Naming) -> tuple[TrafficTarget, ...]:
    return tuple(replace(target, url=naming.url(route, target.tag)) if target.tag else target for target in traffic)


def _mark(
    conditions: Conditions, type: str, status: ConditionStatus, reason: str, message: str, now: datetime
) -> Conditions:
    return ROUTE_CONDITIONS.mark(conditions, type, status, reason, message, now=now)
