"""How requests are split now: what the traffic block means, with each rollout as far as it has come."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from faas.engine.controllers.route.rollout import Goal, Progress, step
from faas.engine.controllers.route.traffic import Resolved
from faas.resources.serving import TrafficTarget


@dataclass(frozen=True, slots=True)
class Split:
    traffic: tuple[TrafficTarget, ...]  # as in the Route's status; URLs of tags are the caller's
    progress: tuple[Progress, ...]
    next_step_s: float | None  # Unix seconds; None: no rollout is under way


def split(resolved: Sequence[Resolved], before: Sequence[Progress], *, duration_s: float, now_s: float) -> Split:
    """Split a Route's requests.

    Args:
        before: the progress of the previous split.
        duration_s: how long a new Revision takes to get all of its share; 0: at once.
    """
    known = {(progress.configuration_name, progress.tag): progress for progress in before}
    traffic: list[TrafficTarget] = []
    progress: list[Progress] = []
    for target in merged(resolved):
        if not target.configuration:
            traffic.append(_entry(target, target.revision, target.percent))
            continue
        goal = Goal(target.configuration, target.tag, target.percent, target.revision)
        now = step(goal, known.get((goal.configuration_name, goal.tag)), duration_s=duration_s, now_s=now_s)
        progress.append(now)
        traffic += [_entry(target, share.revision_name, share.percent) for share in now.revisions]
    due = [entry.next_step_s for entry in progress if not entry.done]
    return Split(tuple(traffic), tuple(progress), min(due, default=None))


def merged(resolved: Sequence[Resolved]) -> list[Resolved]:
    """Targets that mean the same Revision under the same tag, as one."""
    result: dict[tuple[str, str, str], Resolved] = {}
    for target in resolved:
        key = (target.revision, target.tag, target.configuration)
        percent = target.percent + (result[key].percent if key in result else 0)
        result[key] = Resolved(target.revision, percent, target.tag, target.configuration, target.latest)
    return list(result.values())


def _entry(target: Resolved, revision: str, percent: int) -> TrafficTarget:
    return TrafficTarget(revision_name=revision, percent=percent, tag=target.tag, latest_revision=target.latest)
