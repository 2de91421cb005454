from __future__ import annotations

import pytest
from faas_builders.registry.retries import RetryPolicy, is_worth_retrying, retry_after_s
from hypothesis import given
from hypothesis import strategies as st

POLICY = RetryPolicy(attempts=4, attempts_after_silence=2, base_s=1.0, longest_s=3.0, patience_s=60.0)


def test_waits_double_up_to_the_longest_and_then_it_gives_up() -> None:
    waits = [POLICY.wait_s(failures, silent=False, retry_after_s=None, chance=1.0) for failures in range(1, 5)]
    assert waits == [1.0, 2.0, 3.0, None]


def test_silence_is_waited_for_less_often() -> None:
    assert POLICY.wait_s(1, silent=True, retry_after_s=None, chance=0.0) == 0.5
    assert POLICY.wait_s(2, silent=True, retry_after_s=None, chance=0.0) is None


def test_what_the_registry_asks_for_is_waited_unless_it_is_too_long() -> None:
    assert POLICY.wait_s(1, silent=False, retry_after_s=30.0, chance=0.5) == 30.5
    assert POLICY.wait_s(1, silent=False, retry_after_s=61.0, chance=0.5) is None


@given(st.integers(1, 3), st.floats(0, 1, exclude_max=True))
def test_a_wait_is_at_least_half_of_the_whole_one(failures: int, chance: float) -> None:
    whole = POLICY.wait_s(failures, silent=False, retry_after_s=None, chance=1.0)
    wait = POLICY.wait_s(failures, silent=False, retry_after_s=None, chance=chance)
    assert whole is not None
    assert wait is not None
    assert whole / 2 <= wait <= whole


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("12", 12.0),
        ("Thu, 01 Jan 1970 00:01:40 GMT", 90.0),
        ("Thu, 01 Jan 1970 00:00:01 GMT", 0.0),
        ("", None),
        ("soon", None),
        ("-3", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(header: str, seconds: float | None) -> None:
    assert retry_after_s(header, now_s=10.0) == seconds


def test_only_what_may_get_better_is_asked_again() -> None:
    statuses = (200, 400, 401, 404, 408, 429, 500, 501, 502, 503, 504, 505)
    assert [status for status in statuses if is_worth_retrying(status)] == [408, 429, 500, 502, 503, 504]
