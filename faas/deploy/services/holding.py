"""Whose traffic a deploy holds until all new revisions are ready, and who is held by coming last. Pure.

Traffic is held by naming the revision that @latest means. Knative and the engine have steps only from one @latest to
the next, though: what was held by a name moves at once. So who rolls out gradually keeps its @latest, and its new
revision is not made before those of all others are ready.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from faas.client.protocol import Object
from faas.deploy.objects.plan import Change
from faas.deploy.services import traffic
from faas.resources import durations, keys


@dataclass(frozen=True, slots=True)
class Holding:
    first: tuple[Change, ...]
    last: tuple[Change, ...]  # not begun before all of `first` are ready
    pinned: tuple[Change, ...]  # of `first`: traffic stays at the revision that @latest means now
    released: tuple[Change, ...]  # an earlier deploy holds them, and would make them move at once


def hold(changes: Sequence[Change], *, stays: bool, together: bool) -> Holding:
    """Args: stays: no new revision gets traffic by itself. together: none does before all are ready."""
    new = [change for change in changes if change.new_revision]
    together = together and len(new) > 1
    gradual = [change for change in new if not stays and _is_gradual(change)]
    last = gradual if together else []
    held = [change for change in new if (stays or together) and serving(change) and change not in last]
    return Holding(
        tuple(change for change in changes if change not in last),
        tuple(last),
        tuple(held),
        tuple(change for change in gradual if _is_held_in_place(change)),
    )


def serving(change: Change) -> str | None:
    """The revision that @latest means now, None when there is none that could keep serving."""
    status = (change.live or {}).get("status") or {}
    name = status.get("latestReadyRevisionName")
    return str(name) if name else None


def split_of(service: Object) -> list[traffic.Target]:
    return service["spec"].get("traffic") or traffic.EVERYTHING_TO_LATEST


def rollout_s(change: Change) -> float:
    """How long traffic takes to move to a new revision; 0: it moves at once."""
    text = (change.manifest["metadata"].get("annotations") or {}).get(keys.ROLLOUT_DURATION)
    return durations.parse(text) if text else 0.0


def _is_gradual(change: Change) -> bool:
    """Whether traffic would move to its new revision step by step, from where it is."""
    if change.live is None or not rollout_s(change):
        return False
    return traffic.has_latest(split_of(change.live)) or _is_held_in_place(change)


def _is_held_in_place(change: Change) -> bool:
    """Whether an earlier deploy left it at the revision that @latest means still: letting it go moves nothing."""
    back = traffic.held(change.live) if change.live else None
    latest = serving(change)
    return bool(change.live and back and latest and traffic.same(traffic.pin(back, latest), split_of(change.live)))
