"""ISO 8601 durations."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faas.resources.periods import PeriodError, parse_s


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("PT0.2S", 0.2),
        ("PT0,5S", 0.5),
        ("PT1M30S", 90.0),
        ("P1DT2H", 93_600.0),
        ("P2W", 1_209_600.0),
        ("P1M", 2_629_746.0),
        ("P1Y", 31_556_952.0),
        ("PT0S", 0.0),
        ("-PT1S", -1.0),
        ("+PT1S", 1.0),
    ],
)
def test_durations_are_seconds(text: str, seconds: float) -> None:
    assert parse_s(text) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["", "P", "PT", "1s", "10", "P1S", "PT1D", "P1D2H", "PT1S1M", "pt1s", "PT-1S"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(PeriodError, match="is no ISO 8601 duration such as"):
        parse_s(text)


@given(st.integers(0, 99), st.integers(0, 99), st.integers(0, 99), st.integers(0, 99))
def test_parts_add_up(days: int, hours: int, minutes: int, seconds: int) -> None:
    text = f"P{days}DT{hours}H{minutes}M{seconds}S"

    assert parse_s(text) == days * 86_400 + hours * 3600 + minutes * 60 + seconds
