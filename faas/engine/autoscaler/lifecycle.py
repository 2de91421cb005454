"""From what the load asks for to what a revision gets: bounds, activation, and the slow way down to zero.

Source: Knative pkg/reconciler/autoscaling/kpa/{scaler,kpa}.go. The phases are those of its PodAutoscaler's Active
condition: True (Active), Unknown (Activating), False (Inactive). A restarted engine starts in `Unknown`, which is ours.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from faas.engine.contract.revision import Reachability, ScaleDecision, ScalingPolicy

Phase = Literal["Unknown", "Activating", "Active", "Inactive"]
UNKNOWN = -1  # a scale that is not known: instances keep what they have
_ACTIVATION_SLACK_S = 30.0  # past the progress deadline, so that the instances' own failure is told first


@dataclass(frozen=True, slots=True)
class Lifecycle:
    """Where a revision is between its first instance and its last."""

    phase: Phase = "Activating"
    since_s: float = 0.0  # of the phase
    buffered_since_s: float | None = 0.0  # Knative's Proxy mode; None: instances have room to spare (Serve)
    applied: int = UNKNOWN  # the scale given last
    initialized: bool = False  # the initial scale was reached once
    gave_up: bool = False  # it was never reached within the progress deadline
    abandoned: bool = False  # nobody waits for it to be reached any more


@dataclass(frozen=True, slots=True)
class Situation:
    """What is so now. `wanted` is what the load asks for, -1 when nobody knows yet."""

    wanted: int
    ready: int
    idle_s: float  # since the last request was seen, or since the first instance was ready
    excess_burst_capacity: float
    reachability: Reachability
    now_s: float
    is_superseded: bool = False  # another Revision of its Configuration was made since
    is_failing: bool = False  # its instances do


def new_lifecycle(*, initialized: bool, now_s: float) -> Lifecycle:
    """A revision that is new, or one that an earlier engine has brought up already."""
    phase: Phase = "Unknown" if initialized else "Activating"
    return Lifecycle(phase=phase, since_s=now_s, buffered_since_s=now_s, initialized=initialized)


def apply(state: Lifecycle, policy: ScalingPolicy, now: Situation) -> tuple[ScaleDecision, Lifecycle]:
    """Bound what the load asks for, and walk through activation and scale to zero."""
    if state.gave_up and now.wanted > 0:  # somebody asks for it: one more attempt, with a new deadline
        state = replace(state, gave_up=False, phase="Activating", since_s=now.now_s)
    state = _giving_up(_abandoning(state, now), policy, now)
    if state.phase == "Unknown" and now.ready > 0:
        state = replace(state, phase="Active", since_s=now.now_s)
    state = _buffering(state, now)
    floor = _floor(state, policy, now.reachability)
    wanted = _bounded(now.wanted, state, policy, now, floor)
    scale = state.applied if wanted == UNKNOWN else wanted
    if wanted == 0:
        wanted, scale, state = _scale_to_zero(state, policy, now)
    state = replace(_next_phase(state, policy, now, wanted), applied=scale)
    return _decision(state, scale), state


def _abandoning(state: Lifecycle, now: Situation) -> Lifecycle:
    """A mistake that was mended by the next Revision need not crash until its deadline, unless somebody asks for it.

    Not in Knative, where it goes on for ten minutes: with a Revision at each save that would be many of them.
    """
    is_asked_for = now.wanted > 0 or now.reachability == "Reachable" or not now.is_superseded
    if state.abandoned and is_asked_for:
        return replace(state, abandoned=False, phase="Activating", since_s=now.now_s)
    is_hopeless = now.is_failing and not state.initialized and not is_asked_for
    return replace(state, abandoned=True) if is_hopeless else state


def _giving_up(state: Lifecycle, policy: ScalingPolicy, now: Situation) -> Lifecycle:
    """What never comes up has had its time, whatever Route or minimum wants it: as Knative's Deployment fails then."""
    is_up = state.initialized or now.ready >= _threshold(state, policy, now.reachability)
    overdue = state.phase == "Activating" and now.now_s - state.since_s >= _deadline_s(policy)
    return replace(state, gave_up=True) if overdue and not is_up else state


def _deadline_s(policy: ScalingPolicy) -> float:
    return policy.progress_deadline_s + _ACTIVATION_SLACK_S


def _floor(state: Lifecycle, policy: ScalingPolicy, reachability: Reachability) -> int:
    if reachability == "Unreachable" or state.gave_up or state.abandoned:
        return 0
    return policy.min_scale if state.initialized else max(policy.min_scale, policy.initial_scale)


def _bounded(wanted: int, state: Lifecycle, policy: ScalingPolicy, now: Situation, floor: int) -> int:
    if wanted < 0 and state.initialized and now.ready >= floor:
        return UNKNOWN
    bounded = max(wanted, floor, 0)
    after_s = policy.scale_to_zero_after_s
    if after_s is not None and floor == 0 and state.initialized and state.phase != "Activating":
        if now.idle_s >= after_s:  # exact, where the window still remembers
            bounded = 0
        elif now.ready > 0:
            bounded = max(bounded, 1)
    return min(bounded, policy.max_scale) if policy.max_scale else bounded


def _scale_to_zero(state: Lifecycle, policy: ScalingPolicy, now: Situation) -> tuple[int, int, Lifecycle]:
    """Nothing is wanted: returns what to call wanted, the scale to give now, and the state."""
    may_sleep = policy.scale_to_zero or now.reachability != "Reachable"  # what nobody can ask for is not woken
    if state.phase == "Inactive" and state.applied <= 0 and now.ready == 0 and may_sleep:
        return 0, 0, state
    if state.abandoned:
        return 0, 0, state
    if not policy.scale_to_zero and not state.gave_up:
        return 1, 1, state
    keep = state.applied if state.applied != UNKNOWN else max(now.ready, 0)
    if state.phase == "Activating":
        if _threshold(state, policy, now.reachability) == 0:  # an initial scale of zero
            return 0, 0, state
        return (UNKNOWN, keep, state) if now.now_s - state.since_s < _deadline_s(policy) else (0, 0, state)
    if policy.scale_to_zero_after_s is not None:
        return 0, 0, state
    if state.phase == "Active":
        if now.now_s - state.since_s < policy.stable_window_s:
            return 1, 1, state
        state = replace(state, phase="Inactive", since_s=now.now_s)
    inactive_s = now.now_s - state.since_s
    buffered_s = now.now_s - state.buffered_since_s if state.buffered_since_s is not None else 0.0
    grace_over = max(inactive_s, buffered_s) >= policy.scale_to_zero_grace_s
    if now.ready == 0 or (inactive_s >= policy.retention_s and grace_over):
        return 0, 0, state
    return 0, keep, state


def _next_phase(state: Lifecycle, policy: ScalingPolicy, now: Situation, wanted: int) -> Lifecycle:
    threshold = _threshold(state, policy, now.reachability)
    phase: Phase
    if wanted == 0 or threshold == 0:
        phase = "Inactive"
    elif state.phase == "Unknown" and wanted == UNKNOWN:
        phase = "Unknown"
    elif wanted == UNKNOWN and state.phase == "Inactive":
        phase = "Inactive"
    else:
        phase = "Active" if now.ready >= threshold else "Activating"
    initialized = state.initialized or (now.ready >= threshold and not state.gave_up)
    since_s = state.since_s if phase == state.phase else now.now_s
    return replace(state, phase=phase, since_s=since_s, initialized=initialized)


def _threshold(state: Lifecycle, policy: ScalingPolicy, reachability: Reachability) -> int:
    """How many ready instances make the revision active."""
    least = 0 if reachability == "Unreachable" else policy.min_scale
    return max(1, least) if state.initialized else max(least, policy.initial_scale)


def _buffering(state: Lifecycle, now: Situation) -> Lifecycle:
    """Knative serves past the activator only while instances are wanted and have room to spare for a burst."""
    if now.wanted > 0 and now.excess_burst_capacity >= 0:
        return replace(state, buffered_since_s=None)
    return state if state.buffered_since_s is not None else replace(state, buffered_since_s=now.now_s)


def _decision(state: Lifecycle, scale: int) -> ScaleDecision:
    decision = ScaleDecision(desired=scale, initialized=state.initialized, gave_up=state.gave_up)
    if state.phase == "Active":
        return replace(decision, active="True")
    if state.phase == "Activating":
        message = "Requests to the target are being buffered as resources are provisioned."
        return replace(decision, active="Unknown", reason="Queued", message=message)
    if state.phase == "Unknown":
        return decision
    if state.gave_up:
        return replace(decision, active="False", reason="TimedOut", message="The target could not be activated.")
    return replace(decision, active="False", reason="NoTraffic", message="The target is not receiving traffic.")
