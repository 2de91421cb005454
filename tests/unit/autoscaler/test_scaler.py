"""The KPA decision: literal tables from Knative's algorithm, and what holds for every load."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faas.engine.autoscaler.scaler import LoadWindow, ScaleState, desired_scale, initial_state
from faas.engine.contract.revision import ScalingPolicy

POLICY = ScalingPolicy(target=10, total=10, target_burst_capacity=0, max_scale_up_rate=10, max_scale_down_rate=2)


def decide(stable: float, panic: float, ready: int, policy: ScalingPolicy = POLICY, **options: object) -> int:
    state = options.get("state", ScaleState())
    assert isinstance(state, ScaleState)
    reachable = bool(options.get("reachable", True))
    return desired_scale(
        LoadWindow(stable, panic), state, policy, ready=ready, reachable=reachable, now_s=100.0
    ).desired


@pytest.mark.parametrize(
    ("stable", "panic", "ready", "desired"),
    [
        pytest.param(0, 0, 1, 0, id="no load wants nothing"),
        pytest.param(0, 0, 0, 0, id="no load and no instance"),
        pytest.param(0.001, 0.001, 0, 1, id="the least load wants one"),
        pytest.param(10, 10, 1, 1, id="exactly the target"),
        pytest.param(10.1, 10.1, 1, 2, id="a little more than the target: 2, and over the panic threshold"),
        pytest.param(95, 95, 10, 10, id="rounded up"),
        pytest.param(1000, 1000, 1, 10, id="not more than the rate lets it grow"),
        pytest.param(1000, 1000, 0, 10, id="from zero the rate counts from one"),
        pytest.param(10, 10, 10, 5, id="not less than the rate lets it shrink"),
        pytest.param(10, 10, 3, 1, id="half of three is one"),
        pytest.param(20, 15, 1, 2, id="the panic window asks for twice: panic, and the larger of the two"),
        pytest.param(20, 100, 5, 10, id="panic follows the panic window"),
        pytest.param(40, 90, 5, 4, id="below the threshold the panic window does not count"),
    ],
)
def test_decision(stable: float, panic: float, ready: int, desired: int) -> None:
    assert decide(stable, panic, ready) == desired


def test_an_unreachable_revision_may_drop_at_once() -> None:
    assert decide(0, 0, 10, reachable=False) == 0


def test_activation_scale_is_the_least_that_any_load_starts() -> None:
    policy = ScalingPolicy(target=10, activation_scale=3)
    assert decide(1, 1, 0, policy) == 3
    assert decide(0, 0, 0, policy) == 0


def test_panic_holds_its_peak_until_a_stable_window_after_the_surge() -> None:
    surge = desired_scale(LoadWindow(20, 100), ScaleState(), POLICY, ready=2, reachable=True, now_s=0)
    assert (surge.desired, surge.state.panicking) == (10, True)
    calm = desired_scale(LoadWindow(20, 0), surge.state, POLICY, ready=10, reachable=True, now_s=60)
    assert (calm.desired, calm.state.panicking) == (10, True)
    over = desired_scale(LoadWindow(20, 0), calm.state, POLICY, ready=10, reachable=True, now_s=60.1)
    assert (over.desired, over.state) == (5, ScaleState())


def test_a_restarted_autoscaler_keeps_what_is_there_for_a_stable_window() -> None:
    state = initial_state(7, now_s=0)
    assert desired_scale(LoadWindow(0, 0), state, POLICY, ready=7, reachable=True, now_s=30).desired == 7
    assert initial_state(1, now_s=0) == ScaleState()


def test_scale_down_waits_for_the_delay() -> None:
    policy = ScalingPolicy(target=10, scale_down_delay_s=10)
    state, seen = ScaleState(), []
    for tick in range(9):
        load = 100.0 if tick == 0 else 10.0
        decision = desired_scale(LoadWindow(load, load), state, policy, ready=10, reachable=True, now_s=2.0 * tick)
        state = decision.state
        seen.append(decision.desired)
    assert seen == [10, 10, 10, 10, 10, 5, 5, 5, 5]


@pytest.mark.parametrize(
    ("burst", "ready", "panic", "capacity"),
    [(-1, 5, 0, -1), (0, 5, 1000, 0), (211, 1, 0, -111), (211, 4, 100.5, 88), (50, 0, 0, -50)],
)
def test_excess_burst_capacity(burst: float, ready: int, panic: float, capacity: float) -> None:
    policy = ScalingPolicy(target=70, total=100, target_burst_capacity=burst)
    decision = desired_scale(LoadWindow(0, panic), ScaleState(), policy, ready=ready, reachable=True, now_s=0)
    assert decision.excess_burst_capacity == capacity


policies = st.builds(
    ScalingPolicy,
    target=st.floats(0.01, 1000),
    panic_threshold=st.floats(1.1, 10),
    max_scale_up_rate=st.floats(1.01, 1000),
    max_scale_down_rate=st.floats(1.01, 100),
    scale_down_delay_s=st.sampled_from([0.0, 10.0]),
)
loads = st.floats(0, 1e5)


@given(policies, loads, loads, st.integers(0, 1000))
def test_a_decision_stays_within_the_rates(policy: ScalingPolicy, stable: float, panic: float, ready: int) -> None:
    desired = decide(stable, panic, ready, policy)
    base = max(1, ready)
    assert math.floor(base / policy.max_scale_down_rate) <= desired <= math.ceil(base * policy.max_scale_up_rate)


@given(policies, loads, loads, loads, loads, st.integers(0, 1000))
def test_more_load_never_wants_less(
    policy: ScalingPolicy, stable: float, panic: float, more_stable: float, more_panic: float, ready: int
) -> None:
    less = decide(stable, panic, ready, policy)
    assert decide(stable + more_stable, panic + more_panic, ready, policy) >= less


@given(policies, st.lists(st.tuples(loads, loads, st.integers(0, 100)), min_size=2, max_size=40))
def test_panic_never_scales_down(policy: ScalingPolicy, ticks: list[tuple[float, float, int]]) -> None:
    state, peak = ScaleState(), 0
    for index, (stable, panic, ready) in enumerate(ticks):
        decision = desired_scale(
            LoadWindow(stable, panic), state, policy, ready=ready, reachable=True, now_s=2.0 * index
        )
        peak = max(peak, decision.state.max_panic) if decision.state.panicking else 0
        assert decision.desired >= peak
        state = decision.state
