"""Which Revisions may go, as a function of values."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from faas.resources import keys
from faas.resources.config import GcConfig
from faas.resources.serving import Revision


def collectable(revisions: Iterable[Revision], latest_ready: str, config: GcConfig, now: datetime) -> list[str]:
    """Names of the Revisions of one Configuration to delete now: the stale ones, then the oldest above the maximum."""
    idle = sorted((r for r in revisions if _is_candidate(r, latest_ready)), key=_last_active)
    stale = [revision for revision in idle if _is_stale(revision, config, now)]
    excess = stale[: max(0, len(idle) - config.min_non_active_revisions)]
    left = [revision for revision in idle if revision not in excess]
    if config.max_non_active_revisions is not None:
        excess += left[: max(0, len(left) - config.max_non_active_revisions)]
    return [revision.metadata.name for revision in excess]


def next_look_s(revisions: Iterable[Revision], latest_ready: str, config: GcConfig, now: datetime) -> float | None:
    """Seconds until the next Revision turns stale; None when none will."""
    idle = [revision for revision in revisions if _is_candidate(revision, latest_ready)]
    if len(idle) <= config.min_non_active_revisions:
        return None
    due = [wait for revision in idle if (wait := _stale_in_s(revision, config, now)) is not None and wait > 0]
    return min(due, default=None)


def _is_candidate(revision: Revision, latest_ready: str) -> bool:
    metadata = revision.metadata
    return (
        metadata.name != latest_ready
        and metadata.annotations.get(keys.NO_GC, "").lower() != "true"
        and metadata.labels.get(keys.ROUTING_STATE_LABEL) == "reserve"
        and metadata.deletion_timestamp is None
    )


def _is_stale(revision: Revision, config: GcConfig, now: datetime) -> bool:
    left_s = _stale_in_s(revision, config, now)
    return left_s is not None and left_s <= 0


def _stale_in_s(revision: Revision, config: GcConfig, now: datetime) -> float | None:
    """Seconds until it is older than both times; None when a bound that is disabled never lets it be."""
    created_s, active_s = config.retain_since_create_time_s, config.retain_since_last_active_time_s
    if created_s is None and active_s is None:
        return None
    waits = []
    if created_s is not None and revision.metadata.creation_timestamp is not None:
        waits.append(created_s - (now - revision.metadata.creation_timestamp).total_seconds())
    if active_s is not None:
        waits.append(active_s - (now - _last_active(revision)).total_seconds())
    return max(waits, default=None)


def _last_active(revision: Revision) -> datetime:
    text = revision.metadata.annotations.get(keys.ROUTING_STATE_MODIFIED, "")
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    return moment or revision.metadata.creation_timestamp or datetime.max
