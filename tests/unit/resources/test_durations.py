"""Go durations."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faas.resources import durations


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0.0), ("0s", 0.0), ("90s", 90.0), ("1m30s", 90.0), ("1.5h", 5400.0), ("250ms", 0.25), ("-2s", -2.0),
        ("+1m", 60.0), (".5s", 0.5), ("1us", 1e-6), ("1µs", 1e-6), ("3ns", 3e-9), ("1h0m0s", 3600.0),
    ],
)  # fmt: skip
def test_reads_what_go_reads(text: str, seconds: float) -> None:
    assert durations.parse(text) == seconds


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", 'time: invalid duration ""'),
        ("5", 'time: missing unit in duration "5"'),
        ("5x", 'time: invalid duration "5x"'),
        ("s", 'time: invalid duration "s"'),
        ("1m 2s", 'time: invalid duration "1m 2s"'),
        ("9999999h", 'time: invalid duration "9999999h"'),
        ("٣s", 'time: invalid duration "٣s"'),
    ],
)
def test_refuses_the_rest_in_gos_words(text: str, words: str) -> None:
    with pytest.raises(durations.DurationError) as refused:
        durations.parse(text)
    assert str(refused.value) == words


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0s"),
        (6, "6s"),
        (90, "1m30s"),
        (3600, "1h0m0s"),
        (0.25, "250ms"),
        (1.5, "1.5s"),
        (-60, "-1m0s"),
        (1e-6, "1µs"),
    ],
)
def test_writes_as_go_writes(seconds: float, text: str) -> None:
    assert durations.format(seconds) == text


@given(st.integers(-(2**63) + 1, 2**63 - 1))
def test_what_was_written_reads_the_same(nanoseconds: int) -> None:
    assert durations.parse_ns(durations.format_ns(nanoseconds)) == nanoseconds


def test_knows_whole_seconds() -> None:
    assert durations.is_whole_seconds("1.0s")
    assert not durations.is_whole_seconds("1500ms")
