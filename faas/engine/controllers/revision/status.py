"""What a Revision says of itself, from what the autoscaler wants and what its instances do.

Source: Knative pkg/apis/serving/v1/revision_lifecycle.go (PropagateAutoscalerStatus).
"""

from __future__ import annotations

from datetime import datetime

from msgspec.structs import replace

from faas.engine.contract.revision import FleetStatus, ScaleDecision
from faas.engine.controllers.revision.plan import serving_container
from faas.resources.conditions import REVISION_CONDITIONS, find, has_status
from faas.resources.meta import Conditions, ConditionStatus
from faas.resources.serving import ContainerStatus, Revision, RevisionStatus

ACTIVE, CONTAINER_HEALTHY, RESOURCES_AVAILABLE = "Active", "ContainerHealthy", "ResourcesAvailable"
_KNOWN = {ACTIVE, CONTAINER_HEALTHY, RESOURCES_AVAILABLE, "Ready"}


def was_initialized(revision: Revision) -> bool:
    """Whether it has reached its initial scale once; this is what outlives a restart of the engine."""
    return has_status(revision.status.conditions, RESOURCES_AVAILABLE, "True")


def observed_status(
    revision: Revision, decision: ScaleDecision | None, fleet: FleetStatus | None, now: datetime
) -> RevisionStatus:
    """Say what is known. A restarted engine that knows nothing yet leaves what an earlier one found out."""
    conditions = REVISION_CONDITIONS.initialize(revision.status.conditions, now)
    conditions = _mark_active(conditions, decision, now)
    conditions = _mark_resources(conditions, decision, fleet, now)
    conditions = _mark_container(conditions, decision, fleet, now)
    conditions = _mark_notes(conditions, fleet, now)
    status = replace(revision.status, conditions=conditions, observed_generation=revision.metadata.generation)
    if decision is not None and decision.desired >= 0:
        status = replace(status, desired_replicas=decision.desired)
    if fleet is not None:
        status = replace(status, actual_replicas=fleet.ready)
        if fleet.image_digests:
            serving = serving_container(revision)
            others = [container for container in revision.spec.containers if container is not serving]
            digests = zip((serving, *others), fleet.image_digests, strict=False)
            statuses = tuple(ContainerStatus(name=container.name, image_digest=digest) for container, digest in digests)
            status = replace(status, container_statuses=statuses)
    return status


def _mark_active(conditions: Conditions, decision: ScaleDecision | None, now: datetime) -> Conditions:
    if decision is None or (decision.desired < 0 and decision.active == "Unknown" and not decision.reason):
        return conditions if find(conditions, ACTIVE) else _mark(conditions, ACTIVE, "Unknown", "Deploying", "", now)
    return _mark(conditions, ACTIVE, decision.active, decision.reason, decision.message, now)


def _mark_resources(
    conditions: Conditions, decision: ScaleDecision | None, fleet: FleetStatus | None, now: datetime
) -> Conditions:
    if decision is not None and decision.initialized:
        return _mark(conditions, RESOURCES_AVAILABLE, "True", "", "", now)
    if decision is not None and decision.gave_up:
        unready = fleet.unready if fleet is not None else ""
        if not unready and has_status(conditions, RESOURCES_AVAILABLE, "False"):
            return conditions  # why is known while instances are there only
        message = f"Initial scale was never achieved: {unready}" if unready else "Initial scale was never achieved"
        return _mark(conditions, RESOURCES_AVAILABLE, "False", "ProgressDeadlineExceeded", message, now)
    if has_status(conditions, RESOURCES_AVAILABLE, "False"):
        return conditions  # another attempt, after a request or a restart, is no success yet
    if decision is None and not _is_blank(conditions, RESOURCES_AVAILABLE):
        return conditions
    return _mark(conditions, RESOURCES_AVAILABLE, "Unknown", "Deploying", "", now)


def _mark_container(
    conditions: Conditions, decision: ScaleDecision | None, fleet: FleetStatus | None, now: datetime
) -> Conditions:
    failure = fleet.failure if fleet is not None else None
    if failure is not None and fleet is not None and not fleet.ready:
        return _mark(conditions, CONTAINER_HEALTHY, "False", failure.reason, failure.message, now)
    if decision is not None and decision.initialized:
        return _mark(conditions, CONTAINER_HEALTHY, "True", "", "", now)
    if has_status(conditions, CONTAINER_HEALTHY, "False") and (fleet is None or not fleet.ready):
        return conditions  # an attempt in between two failures is no recovery
    if decision is None and not _is_blank(conditions, CONTAINER_HEALTHY):
        return conditions
    return _mark(conditions, CONTAINER_HEALTHY, "Unknown", "Deploying", "", now)


def _mark_notes(conditions: Conditions, fleet: FleetStatus | None, now: datetime) -> Conditions:
    """Informative conditions, one for each note of the instances: PlainStart, CPUNotLimited."""
    if fleet is None:
        return conditions
    notes = dict(fleet.notes)
    for stale in [c.type for c in conditions if c.type not in _KNOWN and c.type not in notes]:
        conditions = REVISION_CONDITIONS.clear(conditions, stale, now=now)
    for reason, message in notes.items():
        conditions = _mark(conditions, reason, "True", reason, message, now)
    return conditions


def _is_blank(conditions: Conditions, type: str) -> bool:
    condition = find(conditions, type)
    return condition is None or (condition.status == "Unknown" and not condition.reason)


def _mark(
    conditions: Conditions, type: str, status: ConditionStatus, reason: str, message: str, now: datetime
) -> Conditions:
    return REVISION_CONDITIONS.mark(conditions, type, status, reason, message, now=now)
