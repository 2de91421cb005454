"""Load as an exact integral, and which endpoint takes the next request."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from faas.engine.gateway.revisions.balance import pick
from faas.engine.gateway.revisions.load import InFlight


def test_the_integral_is_exact() -> None:
    load = InFlight(10.0)
    load.arrive(10.0)
    load.arrive(10.5)
    load.leave(10.75)
    assert load.sample(11.0) == (1.25, 2.0)
    assert load.sample(13.0) == (1.0, 0.0)
    load.leave(13.5)
    assert load.sample(14.0) == (0.5, 0.0)
    assert load.is_quiet


def test_a_request_within_one_sample_makes_it_not_quiet() -> None:
    load = InFlight(0.0)
    load.arrive(0.1)
    load.leave(0.1)
    assert not load.is_quiet


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(1, 50)), min_size=1, max_size=30), st.integers(1, 20))
def test_the_integral_is_the_sum_of_the_requests_durations(spans: list[tuple[int, int]], step: int) -> None:
    events = sorted([(start, 1) for start, _ in spans] + [(start + length, -1) for start, length in spans])
    load = InFlight(0.0)
    area = 0.0
    sampled = 0
    while events or sampled < 120:
        while events and events[0][0] <= sampled + step:
            at, change = events.pop(0)
            (load.arrive if change > 0 else load.leave)(float(at))
        sampled += step
        area += load.sample(float(sampled))[0] * step
    assert abs(area - sum(length for _, length in spans)) < 1e-6


@given(st.lists(st.integers(0, 9), max_size=40), st.integers(0, 8), st.floats(0, 1, exclude_max=True))
def test_a_pick_has_room_and_no_other_with_room_has_less(loads: list[int], limit: int, point: float) -> None:
    index = pick(loads, limit, lambda: point)
    room = [load for load in loads if not limit or load < limit]
    if not room:
        assert index == -1
    elif limit or len(loads) <= 16:
        assert loads[index] == min(room)
    else:
        assert 0 <= index < len(loads)


def test_ties_go_to_each_of_them() -> None:
    assert {pick([1, 0, 0], 0, lambda point=point: point) for point in (0.1, 0.9)} == {1, 2}
