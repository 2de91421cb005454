"""What the load asks for: Knative's KPA decision as one function of values.

Source: Knative pkg/autoscaler/scaling/autoscaler.go, whose `Scale` also reads pods, records metrics and logs.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from faas.engine.contract.revision import ScalingPolicy

TICK_S = 2.0  # Knative decides each 2 s; also the grain of the scale-down delay


@dataclass(frozen=True, slots=True)
class LoadWindow:
    """The metric of the policy (requests in flight, or a second), averaged; summed over all instances."""

    stable: float
    panic: float


@dataclass(frozen=True, slots=True)
class ScaleState:
    """What one decision leaves for the next."""

    panic_since_s: float | None = None
    max_panic: int = 0  # the most that was wanted in this panic
    delayed: tuple[tuple[int, int], ...] = ()  # (bucket of TICK_S, most wanted in it), oldest first

    @property
    def panicking(self) -> bool:
        return self.panic_since_s is not None


@dataclass(frozen=True, slots=True)
class Decision:
    desired: int  # what the load asks for, before bounds and lifecycle
    excess_burst_capacity: float
    state: ScaleState


def initial_state(ready: int, *, now_s: float) -> ScaleState:
    """Start in panic when instances are there already: a restarted autoscaler must not scale down on a guess."""
    return ScaleState(panic_since_s=now_s, max_panic=ready) if ready > 1 else ScaleState()


def desired_scale(
    load: LoadWindow, state: ScaleState, policy: ScalingPolicy, *, ready: int, reachable: bool, now_s: float
) -> Decision:
    """Decide how many instances the load asks for.

    Args:
        load: the metric over the stable and the panic window.
        state: what the previous decision left.
        ready: instances that can take requests now.
        reachable: whether a Route sends requests here; if not, the scale-down rate and delay do not apply.
        now_s: monotonic seconds; the caller owns the clock.
    Returns: the count (>= 0), the excess burst capacity, and the state to pass in next time.
    """
    base = max(1, ready)
    most = math.ceil(policy.max_scale_up_rate * base)
    least = math.floor(base / policy.max_scale_down_rate) if reachable else 0
    wanted_stable = math.ceil(load.stable / policy.target)
    wanted_panic = math.ceil(load.panic / policy.target)

    state = _panic(state, policy, over=wanted_panic / base >= policy.panic_threshold, now_s=now_s)
    desired = _bounded(wanted_stable, least, most, policy.activation_scale)
    if state.panicking:
        desired = max(desired, _bounded(wanted_panic, least, most, policy.activation_scale), state.max_panic)
        state = replace(state, max_panic=desired)
    if reachable and policy.scale_down_delay_s > 0:
        state = _delay(state, policy.scale_down_delay_s, desired, now_s=now_s)
        desired = max(wanted for _, wanted in state.delayed)
    return Decision(desired, excess_burst_capacity(policy, ready=ready, panic=load.panic), state)


def excess_burst_capacity(policy: ScalingPolicy, *, ready: int, panic: float) -> float:
    """How much more than now the ready instances could take at once; negative: requests should be buffered."""
    if policy.target_burst_capacity < 0:
        return -1
    if policy.target_burst_capacity == 0:
        return 0
    return math.floor(ready * policy.total - policy.target_burst_capacity - panic)


def _bounded(wanted: int, least: int, most: int, activation_scale: int) -> int:
    bounded = min(max(wanted, least), most)
    return max(bounded, activation_scale) if activation_scale > 1 and wanted > 0 else bounded


def _panic(state: ScaleState, policy: ScalingPolicy, *, over: bool, now_s: float) -> ScaleState:
    if over:  # also restarts the clock: panic ends a stable window after the last surge
        return replace(state, panic_since_s=now_s)
    if state.panic_since_s is not None and state.panic_since_s + policy.stable_window_s < now_s:
        return replace(state, panic_since_s=None, max_panic=0)
    return state


def _delay(state: ScaleState, delay_s: float, desired: int, *, now_s: float) -> ScaleState:
    bucket = int(now_s // TICK_S)
    oldest = bucket - math.ceil(delay_s / TICK_S)
    kept = tuple((at, wanted) for at, wanted in state.delayed if oldest < at < bucket)
    same = max((wanted for at, wanted in state.delayed if at == bucket), default=0)
    return replace(state, delayed=(*kept, (bucket, max(same, desired))))
