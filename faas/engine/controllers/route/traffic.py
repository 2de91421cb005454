"""Which Revisions a Route's traffic block means. Source: Knative pkg/reconciler/route/traffic/traffic.go."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from faas.resources.conditions import READY, find, is_ready
from faas.resources.meta import ConditionStatus
from faas.resources.serving import Configuration, Revision, TrafficTarget


@dataclass(frozen=True, slots=True)
class Resolved:
    """One target of the traffic block with the Revision it means."""

    revision: str
    percent: int
    tag: str
    configuration: str  # "" when the Revision is named: it does not follow the newest one
    latest: bool


@dataclass(frozen=True, slots=True)
class BadTarget:
    """Why a traffic block cannot be served; what was served before stays."""

    status: ConditionStatus  # Unknown while waiting, False when it failed
    reason: Literal["RevisionMissing", "ConfigurationMissing", "RevisionNotOwned"]
    message: str


def resolve(
    targets: Sequence[TrafficTarget],
    configurations: Mapping[str, Configuration],
    revisions: Mapping[str, Revision],
    *,
    owned_by: str = "",
) -> tuple[Resolved, ...] | BadTarget:
    """Find the Revision of each target, or the first reason why one has none.

    Args:
        configurations, revisions: all that the targets name, and each Configuration's newest ready Revision, by name.
        owned_by: the Service whose Revisions alone may be named; "" for a Route without one.
    """
    resolved = []
    for target in targets:
        found = (
            _of_configuration(target, configurations)
            if not target.revision_name
            else _of_revision(target, revisions, owned_by)
        )
        if isinstance(found, BadTarget):
            return found
        resolved.append(found)
    return tuple(resolved)


def _of_configuration(target: TrafficTarget, configurations: Mapping[str, Configuration]) -> Resolved | BadTarget:
    name = target.configuration_name
    configuration = configurations.get(name)
    if configuration is None:
        return BadTarget("False", "ConfigurationMissing", f'Configuration "{name}" referenced in traffic not found.')
    revision = configuration.status.latest_ready_revision_name
    if revision:
        return Resolved(revision, target.percent or 0, target.tag, name, latest=True)
    condition = find(configuration.status.conditions, READY)
    if condition is not None and condition.status == "False":
        return BadTarget("False", "RevisionMissing", f'Configuration "{name}" does not have any ready Revision.')
    return BadTarget("Unknown", "RevisionMissing", f'Configuration "{name}" is waiting for a Revision to become ready.')


def _of_revision(target: TrafficTarget, revisions: Mapping[str, Revision], owned_by: str) -> Resolved | BadTarget:
    name = target.revision_name
    revision = revisions.get(name)
    if revision is None:
        return BadTarget("False", "RevisionMissing", f'Revision "{name}" referenced in traffic not found.')
    owner = revision.metadata.labels.get("serving.knative.dev/service", "")
    if owned_by and owner != owned_by:
        message = f'Revision "{name}" referenced in traffic is not owned by Service "{owned_by}".'
        return BadTarget("False", "RevisionNotOwned", message)
    if is_ready(revision.status.conditions):
        return Resolved(name, target.percent or 0, target.tag, "", latest=False)
    condition = find(revision.status.conditions, READY)
    if condition is not None and condition.status == "False":
        return BadTarget("False", "RevisionMissing", f'Revision "{name}" failed to become ready.')
    return BadTarget("Unknown", "RevisionMissing", f'Revision "{name}" is not yet ready.')
