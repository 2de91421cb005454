"""What a Configuration says of its newest Revisions. Source: configuration_lifecycle.go, configuration.go."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from msgspec.structs import replace

from faas.resources.conditions import CONFIGURATION_CONDITIONS, READY, find, is_ready
from faas.resources.meta import Conditions, ConditionStatus
from faas.resources.serving import Configuration, ConfigurationStatus, Revision


@dataclass(frozen=True, slots=True)
class Numbered:
    """A Revision and the generation of the Configuration that made it."""

    generation: int
    revision: Revision


def creation_failed(configuration: Configuration, message: str, now: datetime) -> ConfigurationStatus:
    """The Revision could not be made."""
    text = f"Revision creation failed with message: {message}."
    status = _begin(configuration, now)
    return replace(status, conditions=_mark(status, "False", "RevisionFailed", text, now))


def observed_status(
    configuration: Configuration, latest: Revision, revisions: Mapping[str, Numbered], now: datetime
) -> ConfigurationStatus:
    """Say which Revision is the newest, which is the newest ready one, and Ready when they are the same.

    Args:
        latest: the Revision of the template.
        revisions: all Revisions of this Configuration, by name.
    """
    status = replace(_begin(configuration, now), latest_created_revision_name=latest.metadata.name)
    ready_name = latest_ready(configuration.status.latest_ready_revision_name, revisions)
    if is_ready(latest.status.conditions):  # also when the template went back to a name that it had before
        ready_name = latest.metadata.name
    status = replace(status, latest_ready_revision_name=ready_name)
    condition = find(latest.status.conditions, READY)
    if ready_name == latest.metadata.name:
        return replace(status, conditions=_mark(status, "True", "", "", now))
    if condition is not None and condition.status == "False":
        text = f'Revision "{latest.metadata.name}" failed with message: {condition.message}.'
        return replace(status, conditions=_mark(status, "False", "RevisionFailed", text, now))
    return replace(status, conditions=_mark(status, "Unknown", "", "", now))


def latest_ready(known: str, revisions: Mapping[str, Numbered]) -> str:
    """The newest ready Revision; one that is older than the known one never takes its place."""
    floor = revisions[known].generation if known in revisions else 0
    ready = [
        (numbered.generation, name)
        for name, numbered in revisions.items()
        if numbered.generation >= floor and (name == known or is_ready(numbered.revision.status.conditions))
    ]
    return max(ready)[1] if ready else known


def _begin(configuration: Configuration, now: datetime) -> ConfigurationStatus:
    conditions = CONFIGURATION_CONDITIONS.initialize(configuration.status.conditions, now)
    return replace(configuration.status, observed_generation=configuration.metadata.generation, conditions=conditions)


def _mark(status: ConfigurationStatus, value: ConditionStatus, reason: str, message: str, now: datetime) -> Conditions:
    return CONFIGURATION_CONDITIONS.mark(status.conditions, READY, value, reason, message, now=now)
