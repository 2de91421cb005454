"""When a crashed instance starts again."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from faas.engine.instances.backoff import Backoff


def test_the_first_restart_is_immediate_then_ten_seconds_doubling_to_five_minutes() -> None:
    state, delays = Backoff(), []
    for _ in range(9):
        state, delay = state.after_crash(ran_s=1.0)
        delays.append(delay)
    assert delays == [0, 10, 20, 40, 80, 160, 300, 300, 300]


def test_a_run_of_ten_minutes_is_forgiven() -> None:
    assert Backoff(crashes=7).after_crash(ran_s=600.0) == (Backoff(1), 0.0)


@given(st.lists(st.floats(0, 599), max_size=2000))
def test_the_delay_never_shrinks_while_it_keeps_crashing(runs: list[float]) -> None:
    state, last = Backoff(), 0.0
    for ran_s in runs:
        state, delay = state.after_crash(ran_s)
        assert last <= delay <= 300
        last = delay
