"""Averages over one-second buckets, with the literal values that Knative's aggregation gives."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faas.engine.autoscaler.window import Window, smoothing_coefficient


def recorded(length_s: float, *samples: tuple[float, float]) -> Window:
    window = Window(length_s)
    for at_s, value in samples:
        window.record(at_s, value)
    return window


@pytest.mark.parametrize(
    ("samples", "now_s", "average"),
    [
        pytest.param([], 100, None, id="nothing recorded is no data"),
        pytest.param([(100, 6)], 100, 6.0, id="a young window divides by the seconds it covers"),
        pytest.param([(100, 6), (101, 2)], 101, 4.0, id="two seconds"),
        pytest.param([(100, 6), (103, 2)], 103, 2.0, id="a gap inside counts as zero"),
        pytest.param([(100, 6), (101, 2)], 103, 4.0, id="silence at the end is not counted"),
        pytest.param([(100, 6), (101, 2)], 106, 2.0, id="what is older than the window is dropped"),
        pytest.param([(100, 6), (101, 2)], 107, None, id="a silent window is no data again"),
        pytest.param([(100, 6), (120, 2)], 120, 2.0, id="after a silent window it starts afresh"),
        pytest.param([(100.1, 6), (100.9, 2)], 101, 8.0, id="samples of one second add up"),
        pytest.param([(100, 1), (101, 1), (102, 2)], 102, 1.333333, id="rounded to six digits"),
    ],
)
def test_average(samples: list[tuple[float, float]], now_s: float, average: float | None) -> None:
    assert recorded(6, *samples).average(now_s) == average


def test_the_weighted_average_counts_the_newest_second_most() -> None:
    assert smoothing_coefficient(6) == pytest.approx(0.784557, abs=1e-6)
    assert smoothing_coefficient(60) == 0.2
    window = recorded(60, (100, 10.0), (101, 0.0), (102, 20.0))
    assert window.weighted_average(102) == pytest.approx(0.2 * 20 + 0.2 * 0.64 * 10)
    assert window.weighted_average(104) == pytest.approx((0.2 * 20 + 0.2 * 0.64 * 10) * 0.64)
    assert window.weighted_average(162) is None


def test_a_resized_window_keeps_what_fits() -> None:
    window = recorded(60, *[(at, 1.0) for at in range(100, 110)], (110, 12.0))
    assert window.resized(6).average(110) == pytest.approx(17 / 6, abs=1e-6)


@given(st.lists(st.tuples(st.integers(0, 3), st.floats(0, 1e6)), min_size=1), st.integers(1, 20))
def test_an_average_is_between_nothing_and_the_largest_second(steps: list[tuple[int, float]], length: int) -> None:
    window, now, seconds = Window(length), 1000, dict[int, float]()
    for step, value in steps:
        now += step
        window.record(now, value)
        seconds[now] = seconds.get(now, 0.0) + value
    average = window.average(now)
    assert average is not None
    assert 0 <= average <= max(seconds.values()) + 1e-5
