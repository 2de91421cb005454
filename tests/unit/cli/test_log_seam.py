"""Reading a log again where it was cut: nothing twice, nothing lost."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from faas.cli.log_seam import Seam

START = datetime(2026, 11, 23, 12, 0, 0, tzinfo=UTC)
# Steps between lines: often none at all, often within a second.
STEPS_MS = st.lists(st.sampled_from((0, 0, 1, 300, 999, 1000, 5000)), min_size=1, max_size=40)


def lines_of(steps_ms: list[int]) -> list[tuple[str, str]]:
    """Texts repeat, as those of a function that logs the same for each request."""
    found, now = [], START
    for index, step in enumerate(steps_ms):
        now += timedelta(milliseconds=step)
        found.append((now.isoformat(timespec="microseconds").replace("+00:00", "Z"), f"text {index % 2}"))
    return found


def since(lines: list[tuple[str, str]], time: str, *, whole_seconds: bool) -> list[tuple[str, str]]:
    """What a server sends that is asked for lines from `time` on."""
    if not time:
        return lines
    size = len("2026-11-23T12:00:00") if whole_seconds else None
    return [line for line in lines if line[0][:size] >= time[:size]]


@given(STEPS_MS, st.lists(st.integers(0, 40), max_size=6), st.booleans())
def test_however_a_log_is_cut_each_line_is_taken_once_and_in_order(
    steps_ms: list[int], cuts: list[int], whole_seconds: bool
) -> None:
    lines, seam, taken = lines_of(steps_ms), Seam(), []
    for cut in [*sorted(cuts), len(lines)]:  # what is there by then, as the log grows
        seam.resume()
        sent = since(lines[:cut], seam.since, whole_seconds=whole_seconds)
        taken += [line for line in sent if seam.takes(*line)]
    assert taken == lines


@given(STEPS_MS, st.integers(0, 40))
def test_a_reading_that_breaks_off_in_the_middle_of_what_it_repeats_loses_nothing(
    steps_ms: list[int], cut: int
) -> None:
    lines, seam, taken = lines_of(steps_ms), Seam(), []
    for sent in (lines[:cut], lines[:cut], lines[: cut // 2], lines):
        seam.resume()
        taken += [line for line in since(sent, seam.since, whole_seconds=True) if seam.takes(*line)]
    assert taken == lines


def test_a_server_that_goes_back_further_than_asked_is_not_believed() -> None:
    seam = Seam()
    assert seam.takes("2026-11-23T12:00:05.5Z", "late")
    seam.resume()
    assert not seam.takes("2026-11-23T12:00:01Z", "early")
    assert seam.since == "2026-11-23T12:00:05.5Z"
