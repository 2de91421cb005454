"""How many instances the work that waits asks for: the backlog of triggers as a scaling metric. Functions of values.

Knative leaves this to KEDA, whose rule it is: the queue's length over what one instance should have of it.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from faas.engine.contract.dataplane import Target
from faas.engine.contract.revision import RevisionKey, ScalingPolicy

_DIGITS = 6  # a sum of float residues does not start an instance


@dataclass(frozen=True, slots=True)
class Queue:
    """What one trigger has to hand out now."""

    target: str  # key of the target that its events go to
    events: int  # in flight, and those that wait for nothing but room
    per_instance: int = 0  # of the Trigger; 0: as the revision says


def wanted_instances(
    queues: Iterable[Queue], targets: Mapping[str, Target], policies: Mapping[RevisionKey, ScalingPolicy], *, most: int
) -> dict[RevisionKey, int]:
    """Instances for each revision that has work waiting; one without is left out.

    Args:
        most: instances that all revisions without a `max_scale` of their own may have together for their backlogs.
    """
    asked: dict[RevisionKey, float] = {}
    for queue in queues:
        target = targets.get(queue.target)
        for split in target.splits if target is not None and queue.events > 0 else ():
            key = RevisionKey.parse(split.revision)
            if split.percent and (policy := policies.get(key)) is not None:
                share = queue.events * split.percent / 100 / (queue.per_instance or policy.backlog_target)
                asked[key] = asked.get(key, 0.0) + share
    wanted = {key: math.ceil(round(amount, _DIGITS)) or 1 for key, amount in asked.items()}
    bounded = {key for key in wanted if policies[key].max_scale}
    return dealt(wanted, exempt=bounded, most=most)


def dealt(wanted: Mapping[RevisionKey, int], *, exempt: Collection[RevisionKey], most: int) -> dict[RevisionKey, int]:
    """Nobody gets more than asked for, everybody at least one, and what is left is dealt evenly: a long queue does not
    starve short ones. Those that are `exempt` have a bound of their own and get what they ask for."""
    given = {key: count if key in exempt else 0 for key, count in wanted.items()}
    left = most
    hungry = sorted((key for key in wanted if key not in exempt), key=lambda key: (wanted[key], key))
    for place, key in enumerate(hungry):  # from the least on: what one does not need, the others share
        given[key] = max(1, min(wanted[key], left // (len(hungry) - place)))
        left -= given[key]
    return given
