"""Bounds, activation and the way to zero."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faas.engine.autoscaler.lifecycle import UNKNOWN, Lifecycle, Situation, apply, new_lifecycle
from faas.engine.contract.revision import Reachability, ScaleDecision, ScalingPolicy

POLICY = ScalingPolicy()
NOW = Situation(wanted=0, ready=0, idle_s=0, excess_burst_capacity=-1, reachability="Reachable", now_s=0)
ACTIVE = Lifecycle(phase="Active", initialized=True, applied=1)


def test_a_new_revision_gets_its_initial_scale_before_anything_is_known() -> None:
    decision, _ = apply(
        new_lifecycle(initialized=False, now_s=0),
        ScalingPolicy(initial_scale=3),
        replace(NOW, wanted=UNKNOWN, reachability="Unknown"),
    )
    assert decision == ScaleDecision(
        3, "Unknown", "Queued", "Requests to the target are being buffered as resources are provisioned."
    )


def test_it_is_active_and_initialized_once_its_initial_scale_is_ready() -> None:
    policy = ScalingPolicy(initial_scale=2)
    _, state = apply(new_lifecycle(initialized=False, now_s=0), policy, replace(NOW, wanted=UNKNOWN))
    one, state = apply(state, policy, replace(NOW, wanted=UNKNOWN, ready=1))
    assert (one.active, one.initialized) == ("Unknown", False)
    two, state = apply(state, policy, replace(NOW, wanted=UNKNOWN, ready=2))
    assert (two.active, two.initialized, two.desired) == ("True", True, 2)


def test_an_initial_scale_of_zero_is_reached_at_once() -> None:
    decision, _ = apply(
        new_lifecycle(initialized=False, now_s=0), ScalingPolicy(initial_scale=0), replace(NOW, wanted=UNKNOWN)
    )
    assert decision == ScaleDecision(0, "False", "NoTraffic", "The target is not receiving traffic.", initialized=True)


def test_a_revision_that_never_comes_up_is_given_up_after_its_progress_deadline() -> None:
    policy = ScalingPolicy(progress_deadline_s=100)
    _, state = apply(new_lifecycle(initialized=False, now_s=0), policy, NOW)
    unreachable = replace(NOW, reachability="Unreachable")
    kept, state = apply(state, policy, replace(unreachable, now_s=129.9))
    assert (kept.desired, kept.gave_up) == (1, False)
    given_up, state = apply(state, policy, replace(unreachable, now_s=130))
    assert given_up == ScaleDecision(
        0, "False", "TimedOut", "The target could not be activated.", initialized=False, gave_up=True
    )
    still, state = apply(state, policy, replace(NOW, now_s=200))
    assert still == given_up
    again, _ = apply(state, policy, replace(NOW, wanted=1, now_s=300))
    assert (again.desired, again.gave_up, again.reason) == (1, False, "Queued")


@pytest.mark.parametrize(
    "policy", [ScalingPolicy(progress_deadline_s=100), ScalingPolicy(progress_deadline_s=100, min_scale=2)]
)
def test_neither_a_route_nor_a_minimum_keeps_what_never_comes_up(policy: ScalingPolicy) -> None:
    _, state = apply(new_lifecycle(initialized=False, now_s=0), policy, NOW)
    waiting, state = apply(state, policy, replace(NOW, now_s=129.9))
    assert (waiting.desired, waiting.gave_up) == (max(1, policy.min_scale), False)
    given_up, state = apply(state, policy, replace(NOW, now_s=130))
    assert (given_up.desired, given_up.gave_up, given_up.reason) == (0, True, "TimedOut")
    asked_for, state = apply(state, policy, replace(NOW, wanted=1, now_s=140))
    assert (asked_for.desired, asked_for.gave_up) == (max(1, policy.min_scale), False)
    up, _ = apply(state, policy, replace(NOW, wanted=1, ready=2, now_s=290))
    assert (up.initialized, up.gave_up) == (True, False)


def test_a_failing_revision_that_was_superseded_is_abandoned_until_somebody_wants_it() -> None:
    failing = replace(NOW, wanted=-1, reachability="Unreachable", is_failing=True)
    decision, state = apply(new_lifecycle(initialized=False, now_s=0), POLICY, replace(failing, reachability="Unknown"))
    assert decision.desired == 1
    decision, state = apply(state, POLICY, replace(failing, is_superseded=True))
    assert (decision.desired, decision.active, decision.initialized) == (0, "False", False)
    at_rest = replace(failing, is_superseded=True, is_failing=False)
    decision, state = apply(state, POLICY, at_rest)
    assert decision.desired == 0
    assert apply(state, POLICY, replace(at_rest, wanted=1))[0].desired == 1
    assert apply(state, POLICY, replace(at_rest, reachability="Reachable"))[0].desired == 1
    assert apply(state, POLICY, replace(at_rest, is_superseded=False, reachability="Unknown"))[0].desired == 1


def test_a_superseded_revision_that_is_only_slow_may_still_come_up() -> None:
    slow = replace(NOW, wanted=-1, reachability="Unknown", is_superseded=True)
    _, state = apply(new_lifecycle(initialized=False, now_s=0), POLICY, slow)
    assert apply(state, POLICY, replace(slow, reachability="Unreachable"))[0].desired == 1


def test_a_superseded_revision_that_was_up_once_is_not_abandoned() -> None:
    crashing = replace(NOW, wanted=-1, is_superseded=True, is_failing=True)
    state = new_lifecycle(initialized=True, now_s=0)
    assert not apply(state, POLICY, crashing)[1].abandoned


def test_an_idle_revision_goes_down_to_zero_by_way_of_inactive() -> None:
    one, state = apply(ACTIVE, POLICY, replace(NOW, ready=1, now_s=59))
    assert (one.desired, one.active) == (1, "True")
    zero, _ = apply(state, POLICY, replace(NOW, ready=1, now_s=60))
    assert (zero.desired, zero.active, zero.reason) == (0, "False", "NoTraffic")


def test_it_keeps_its_instances_for_the_grace_period_when_nothing_was_buffered() -> None:
    state = replace(ACTIVE, buffered_since_s=None)
    kept, state = apply(state, POLICY, replace(NOW, ready=1, now_s=60))
    assert (kept.desired, kept.active) == (1, "False")
    kept, state = apply(state, POLICY, replace(NOW, ready=1, now_s=89))
    assert kept.desired == 1
    gone, _ = apply(state, POLICY, replace(NOW, ready=1, now_s=90))
    assert gone.desired == 0


def test_retention_keeps_the_last_instance_longer() -> None:
    policy = ScalingPolicy(retention_s=100)
    kept, state = apply(ACTIVE, policy, replace(NOW, ready=1, now_s=60))
    kept, state = apply(state, policy, replace(NOW, ready=1, now_s=159))
    assert kept.desired == 1
    gone, _ = apply(state, policy, replace(NOW, ready=1, now_s=160))
    assert gone.desired == 0


def test_without_scale_to_zero_one_instance_stays() -> None:
    decision, _ = apply(ACTIVE, ScalingPolicy(scale_to_zero=False), replace(NOW, ready=1, now_s=10_000))
    assert (decision.desired, decision.active) == (1, "True")


@pytest.mark.parametrize(
    ("reachability", "desired"),
    [pytest.param("Reachable", 1, id="routed"), pytest.param("Unreachable", 0, id="not-routed")],
)
def test_what_sleeps_is_woken_when_nothing_may_sleep_any_more(reachability: Reachability, desired: int) -> None:
    asleep = replace(ACTIVE, phase="Inactive", applied=0)

    decision, _ = apply(asleep, ScalingPolicy(scale_to_zero=False), replace(NOW, ready=0, reachability=reachability))

    assert decision.desired == desired


@pytest.mark.parametrize(
    ("idle_s", "wanted", "desired"),
    [
        pytest.param(9.9, 0, 1, id="the last instance stays until then"),
        pytest.param(10.0, 0, 0, id="and ends then"),
        pytest.param(10.0, 3, 0, id="whatever the window remembers"),
        pytest.param(2.0, 3, 3, id="and counts for nothing while there is load"),
    ],
)
def test_scale_to_zero_after_counts_from_the_last_request(idle_s: float, wanted: int, desired: int) -> None:
    policy = ScalingPolicy(scale_to_zero_after_s=10)
    decision, _ = apply(ACTIVE, policy, replace(NOW, ready=3, wanted=wanted, idle_s=idle_s, now_s=1000))
    assert decision.desired == desired


@pytest.mark.parametrize(
    ("wanted", "reachability", "desired"),
    [
        pytest.param(0, "Reachable", 2, id="min"),
        pytest.param(9, "Reachable", 5, id="max"),
        pytest.param(0, "Unreachable", 1, id="min does not count when nothing routes here"),
        pytest.param(9, "Unreachable", 5, id="max does"),
    ],
)
def test_bounds(wanted: int, reachability: Reachability, desired: int) -> None:
    policy = ScalingPolicy(min_scale=2, max_scale=5)
    decision, _ = apply(ACTIVE, policy, replace(NOW, wanted=wanted, ready=2, reachability=reachability, now_s=10))
    assert decision.desired == desired


def test_a_restarted_engine_leaves_everything_alone_until_it_knows() -> None:
    state = new_lifecycle(initialized=True, now_s=0)
    decision, state = apply(state, POLICY, replace(NOW, wanted=UNKNOWN))
    assert decision == ScaleDecision(UNKNOWN, initialized=True)
    decision, state = apply(state, POLICY, replace(NOW, wanted=UNKNOWN, ready=3))
    assert (decision.desired, decision.active) == (UNKNOWN, "True")
    decision, state = apply(state, POLICY, replace(NOW, wanted=0, ready=3, now_s=2))
    assert decision.desired == 1
    idle, _ = apply(new_lifecycle(initialized=True, now_s=0), POLICY, replace(NOW, wanted=0, now_s=2))
    assert (idle.desired, idle.reason) == (0, "NoTraffic")


situations = st.builds(
    Situation,
    wanted=st.integers(-1, 50),
    ready=st.integers(0, 50),
    idle_s=st.floats(0, 1000),
    excess_burst_capacity=st.sampled_from([-10.0, 0.0, 10.0]),
    reachability=st.sampled_from(["Reachable", "Unknown"]),
    now_s=st.just(0.0),
)


@given(
    st.lists(st.tuples(situations, st.floats(0, 50)), min_size=1, max_size=60),
    st.integers(0, 5),
    st.integers(0, 5),
    st.sampled_from([None, 5.0, 100.0]),
)
def test_never_below_min_or_above_max_and_zero_only_when_idle(
    steps: list[tuple[Situation, float]], low: int, span: int, after_s: float | None
) -> None:
    high = low + span
    policy = ScalingPolicy(min_scale=low, max_scale=high, scale_to_zero_after_s=after_s, progress_deadline_s=1e9)
    state, now_s, before = new_lifecycle(initialized=False, now_s=0), 0.0, 1
    for situation, step_s in steps:
        now_s += step_s
        decision, state = apply(state, policy, replace(situation, now_s=now_s))
        if decision.desired != UNKNOWN:
            assert decision.desired >= low
            assert high == 0 or decision.desired <= high
        if decision.desired == 0 and before > 0 and after_s is None and situation.ready > 0:
            assert situation.wanted == 0
        if after_s is not None and decision.desired == 0 and situation.wanted > 0:
            assert situation.idle_s >= after_s
        before = decision.desired
