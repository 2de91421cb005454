from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faas.sources.delivery import Verdict, judge, retry_after_s, wait_s

NOW = datetime(2026, 12, 5, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("status", "verdict"),
    [
        (200, Verdict.TAKEN), (202, Verdict.TAKEN), (204, Verdict.TAKEN),
        (400, Verdict.REFUSED), (413, Verdict.REFUSED), (415, Verdict.REFUSED), (422, Verdict.REFUSED),
        (404, Verdict.AGAIN), (408, Verdict.AGAIN), (409, Verdict.AGAIN), (429, Verdict.AGAIN),
        (500, Verdict.AGAIN), (503, Verdict.AGAIN), (599, Verdict.AGAIN),
        (301, Verdict.AGAIN), (401, Verdict.AGAIN), (403, Verdict.AGAIN), (405, Verdict.AGAIN),
    ],
)  # fmt: skip
def test_only_what_is_wrong_with_the_event_itself_gives_it_up(status: int, verdict: Verdict) -> None:
    assert judge(status) is verdict


@pytest.mark.parametrize(("failures", "longest"), [(1, 0.1), (2, 0.2), (3, 0.4), (8, 10.0), (10_000, 10.0)])
def test_waits_double_up_to_a_bound(failures: int, longest: float) -> None:
    assert wait_s(failures, chance=0.0) == pytest.approx(longest / 2)
    assert wait_s(failures, chance=1.0) == pytest.approx(longest)


@given(st.integers(1, 10**6), st.floats(0, 1, exclude_max=True))
def test_a_wait_is_never_nothing_and_never_long(failures: int, chance: float) -> None:
    assert 0.05 <= wait_s(failures, chance=chance) <= 10.0


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("7", 7.0), (" 7 ", 7.0), ("Sat, 05 Dec 2026 12:00:30 GMT", 30.0), ("Sat, 05 Dec 2026 11:00:00 GMT", 0.0),
        ("86400", 300.0), ("", 0.0), ("soon", 0.0), ("Sat, 05 Dec 2026 12:00:30 +" + "9" * 100, 0.0),
        ("-1", 0.0), ("²", 0.0), ("9" * 400, 300.0),
    ],
)  # fmt: skip
def test_retry_after(value: str, seconds: float) -> None:
    assert retry_after_s(value, now=NOW) == seconds


@given(st.text())
def test_any_retry_after_is_some_seconds(value: str) -> None:
    assert 0 <= retry_after_s(value, now=NOW) <= 300
