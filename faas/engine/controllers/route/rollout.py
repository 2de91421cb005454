"""Gradual rollout: how a Configuration's share moves to its newest Revision step by step, as functions of values.

Source: Knative pkg/reconciler/route/traffic/rollout.go. A new Revision gets 1 % at once; the rest follows in equal
steps, taken from the newest of the older Revisions first. Times are Unix seconds: a rollout outlives the engine.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import msgspec

_MIN_STEP_S = 1.0  # our gateway has a new split within milliseconds; Knative measures how long its ingress takes


class Share(msgspec.Struct, frozen=True, rename="camel"):
    revision_name: str
    percent: int


class Progress(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """One Configuration's share of a Route, or of a tag of it, oldest Revision first; one entry when it is done."""

    configuration_name: str
    tag: str
    percent: int
    revisions: tuple[Share, ...]
    step_size: int = 0
    step_duration_s: float = 0.0
    next_step_s: float = 0.0

    @property
    def done(self) -> bool:
        return len(self.revisions) < 2


@dataclass(frozen=True, slots=True)
class Goal:
    """Where a target should end: all of its share at one Revision."""

    configuration_name: str
    tag: str
    percent: int
    revision_name: str


def step(goal: Goal, before: Progress | None, *, duration_s: float, now_s: float) -> Progress:
    """Come closer to the goal by what is due now.

    Args:
        before: what the previous call returned; None when this target is new.
        duration_s: how long a rollout takes; 0 moves everything at once.
    """
    finished = Progress(goal.configuration_name, goal.tag, goal.percent, (Share(goal.revision_name, goal.percent),))
    if before is None or not before.revisions or duration_s <= 0 or goal.percent <= 1:
        return finished
    before = _resized(before, goal.percent)
    if not before.revisions:
        return finished
    if before.revisions[-1].revision_name != goal.revision_name:
        return _start(before, goal, duration_s=duration_s, now_s=now_s)
    if before.done or now_s < before.next_step_s:
        return before
    return _advance(before, now_s=now_s)


def dump(progress: tuple[Progress, ...]) -> str:
    return msgspec.json.encode(progress).decode()


def load(text: str) -> tuple[Progress, ...]:
    """Read what `dump` wrote; what cannot be read counts as no rollout, and traffic then moves at once."""
    try:
        return msgspec.json.decode(text, type=tuple[Progress, ...])
    except msgspec.MsgspecError:
        return ()


def _start(before: Progress, goal: Goal, *, duration_s: float, now_s: float) -> Progress:
    older = tuple(share for share in before.revisions if share.revision_name != goal.revision_name)
    others = sum(share.percent for share in older)
    given = max(1, before.percent - others)  # a rollback in the middle of a rollout goes on from what it still has
    left = _take(older, others - (goal.percent - given))
    if not left:
        return Progress(goal.configuration_name, goal.tag, goal.percent, (Share(goal.revision_name, goal.percent),))
    left_s = max(1.0, duration_s - _MIN_STEP_S)
    steps = min(max(1, math.floor(left_s / _MIN_STEP_S)), goal.percent - 1)
    duration_of_step_s = left_s / steps
    return Progress(
        goal.configuration_name,
        goal.tag,
        goal.percent,
        (*left, Share(goal.revision_name, given)),
        step_size=max(1, round((goal.percent - 1) / steps)),
        step_duration_s=duration_of_step_s,
        next_step_s=now_s + duration_of_step_s,
    )


def _advance(before: Progress, *, now_s: float) -> Progress:
    *older, newest = before.revisions
    available = sum(share.percent for share in older)
    size = min(max(1, before.step_size), available)
    left = tuple(_take(tuple(older), size))
    grown = Share(newest.revision_name, newest.percent + size)
    if not left:
        return Progress(before.configuration_name, before.tag, before.percent, (grown,))
    return msgspec.structs.replace(before, revisions=(*left, grown), next_step_s=now_s + before.step_duration_s)


def _take(older: tuple[Share, ...], percent: int) -> list[Share]:
    """Take percents away, from the newest first; Revisions that have none left drop out."""
    kept: list[Share] = []
    for share in reversed(older):
        taken = min(max(0, percent), share.percent)
        percent -= taken
        if share.percent > taken:
            kept.insert(0, Share(share.revision_name, share.percent - taken))
    return kept


def _resized(before: Progress, percent: int) -> Progress:
    """The target's own percentage changed: more goes to the newest Revision, less is taken from the oldest."""
    change = percent - before.percent
    shares = list(before.revisions)
    if change > 0:
        shares[-1] = Share(shares[-1].revision_name, shares[-1].percent + change)
    while change < 0 and shares:
        oldest = shares.pop(0)
        if oldest.percent + change > 0:
            shares.insert(0, Share(oldest.revision_name, oldest.percent + change))
        change = min(0, change + oldest.percent)
    return msgspec.structs.replace(before, percent=percent, revisions=tuple(shares))
