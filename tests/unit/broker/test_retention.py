"""Which events of a log may be forgotten now."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from faas.engine.broker.keeping.retention import before_which
from faas.engine.broker.seams.dispatching import Hold
from faas.engine.broker.seams.log import LogState

LOG = LogState(first=101, last=200, events=100, bytes=1000)


def test_a_young_log_with_room_is_kept() -> None:
    assert before_which(LOG, None, 0, 10_000, urgent=False) == 101


def test_what_is_older_than_the_retention_goes() -> None:
    assert before_which(LOG, None, 150, 10_000, urgent=False) == 150


def test_what_a_trigger_has_not_finished_stays_whatever_its_age() -> None:
    assert before_which(LOG, Hold(120, "default/slow"), 150, 10_000, urgent=False) == 120
    assert before_which(LOG, Hold(120, "default/slow"), 150, 1000, urgent=True) == 120


def test_a_log_that_gets_full_loses_its_oldest_until_half_is_free() -> None:
    assert before_which(LOG, None, 0, 1200, urgent=False) == 101 + 40 + 1
    assert before_which(LOG, None, 0, 1400, urgent=False) == 101


def test_a_refused_event_makes_room_at_once() -> None:
    assert before_which(LOG, None, 0, 10_000, urgent=True) == 101 + 10 + 1


def test_an_empty_log_has_nothing_to_forget() -> None:
    assert before_which(LogState(1, 0, 0, 0), None, 0, 1000, urgent=True) == 1


@given(
    st.integers(1, 1000), st.integers(0, 1000), st.integers(0, 5000), st.integers(0, 3000), st.integers(0, 3000),
    st.integers(1, 5000), st.booleans(),
)  # fmt: skip
def test_neither_the_end_nor_a_hold_is_ever_passed(
    first: int, events: int, size: int, hold: int, expired: int, max_bytes: int, urgent: bool
) -> None:
    state = LogState(first, first + events - 1, events, size if events else 0)
    before = before_which(state, Hold(hold, "t"), expired, max_bytes, urgent=urgent)
    assert state.first <= before <= state.last + 1
    assert before <= max(hold, state.first)
