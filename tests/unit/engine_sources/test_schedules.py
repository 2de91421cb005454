"""When a schedule is due, which missed times are made up, and how long a failing source waits."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from faas_runtime.options import cron
from hypothesis import given
from hypothesis import strategies as st

from faas.engine.contract.sources import SourceStatus
from faas.engine.sources.ping import first_due, next_due
from faas.engine.sources.reporting import summed
from faas.engine.sources.restarts import Backoff
from faas.resources.schedules import Schedule, ScheduleError


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[misc, arg-type]


@pytest.mark.parametrize(
    ("expression", "zone", "after", "due"),
    [
        pytest.param("*/5 * * * *", "", utc(2026, 3, 1, 10, 2), utc(2026, 3, 1, 10, 5), id="five fields"),
        pytest.param("*/10 * * * * *", "", utc(2026, 3, 1, 10, 2, 3), utc(2026, 3, 1, 10, 2, 10), id="seconds first"),
        pytest.param("0 9 * * MON", "Asia/Kolkata", utc(2026, 3, 1), utc(2026, 3, 2, 3, 30), id="a zone and a name"),
        pytest.param("@daily", "", utc(2026, 3, 1, 1), utc(2026, 3, 2), id="a word"),
        pytest.param("0 0 ? * 1", "", utc(2026, 3, 1), utc(2026, 3, 2), id="a question mark is any"),
        pytest.param("30 2 * * *", "Europe/Berlin", utc(2026, 3, 28, 12), utc(2026, 3, 29, 1), id="an hour left out"),
        pytest.param("30 2 * * *", "Europe/Berlin", utc(2026, 10, 25, 0, 30), utc(2026, 10, 25, 1, 30), id="twice"),
    ],
)
def test_a_schedule_is_due(expression: str, zone: str, after: datetime, due: datetime) -> None:
    assert Schedule(expression, zone).next_after(after) == due


def test_a_day_that_never_comes_is_never_due() -> None:
    schedule = Schedule("0 0 30 2 *")
    assert schedule.next_after(utc(2026, 1, 1)) is None
    assert schedule.newest(utc(2026, 1, 1), utc(2030, 1, 1)) is None


@pytest.mark.parametrize(("expression", "zone"), [("61 * * * *", ""), ("", ""), ("* * * * *", "Mars/Olympus")])
def test_what_is_no_schedule_is_refused(expression: str, zone: str) -> None:
    with pytest.raises(ScheduleError):
        Schedule(expression, zone)


@given(
    after=st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1)),
    span=st.timedeltas(timedelta(), timedelta(days=2)),
    minutes=st.sampled_from([1, 5, 7, 30]),
)
def test_the_newest_due_time_is_the_last_that_next_gives(after: datetime, span: timedelta, minutes: int) -> None:
    schedule, start = Schedule(f"*/{minutes} * * * *"), after.replace(tzinfo=UTC)
    newest = schedule.newest(start, start + span)
    if newest is None:
        following = schedule.next_after(start)
        assert following is not None
        assert following > start + span
    else:
        assert start < newest <= start + span
        following = schedule.next_after(newest)
        assert following is not None
        assert following > start + span


FIELDS = (
    ["0", "*/20", "10-50/10", "5/15", "*"],
    ["0", "*/7", "3,9", "5/15", "*"],
    ["*", "3", "*/5", "8-17"],
    ["*", "1", "*/2", "15", "31", "1-7", "10/5"],
    ["*", "2", "*/3", "JAN-MAR"],
    ["*", "MON", "1-5", "*/2", "0"],
)


@given(
    words=st.tuples(*(st.sampled_from(words) for words in FIELDS)),
    after=st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1)),
)
def test_a_due_time_is_what_the_schedule_says_as_it_was_checked(words: tuple[str, ...], after: datetime) -> None:
    checked = cron.parse(" ".join(words))
    due = Schedule(" ".join(words)).next_after(after.replace(tzinfo=UTC))
    if due is None:
        assert (31 in checked.days, 2 in checked.months) == (True, True)
        return
    assert (due.second in checked.seconds, due.minute in checked.minutes, due.hour in checked.hours) == (True,) * 3
    assert due.month in checked.months
    days = [due.day in checked.days, (due.weekday() + 1) % 7 in checked.weekdays]
    assert all(days) if checked.any_day or checked.any_weekday else any(days)


def test_the_machines_own_zone_is_one() -> None:
    assert Schedule("0 * * * *", "Local").next_after(utc(2026, 1, 1)) is not None


MINUTELY = Schedule("* * * * *")


@pytest.mark.parametrize(
    ("last", "now", "due"),
    [
        pytest.param(None, utc(2026, 1, 1, 10, 0, 30), utc(2026, 1, 1, 10, 1), id="a new source makes nothing up"),
        pytest.param(
            utc(2026, 1, 1, 9, 59), utc(2026, 1, 1, 10, 0, 5), utc(2026, 1, 1, 10, 0), id="missed a moment ago"
        ),
        pytest.param(
            utc(2026, 1, 1, 10, 0), utc(2026, 1, 1, 10, 0, 5), utc(2026, 1, 1, 10, 1), id="nothing was missed"
        ),
        pytest.param(utc(2026, 1, 1, 3, 0), utc(2026, 1, 1, 10, 0, 5), utc(2026, 1, 1, 10, 0), id="of many the newest"),
    ],
)
def test_after_a_restart(last: datetime | None, now: datetime, due: datetime) -> None:
    assert first_due(MINUTELY, last, now) == due


def test_what_was_missed_long_ago_is_not_made_up() -> None:
    assert first_due(Schedule("0 3 * * *"), utc(2025, 12, 31, 3), utc(2026, 1, 1, 10)) == utc(2026, 1, 2, 3)


def test_of_the_times_that_passed_while_one_was_sent_the_newest_follows() -> None:
    assert next_due(MINUTELY, utc(2026, 1, 1, 10, 0), utc(2026, 1, 1, 11, 30, 7)) == utc(2026, 1, 1, 11, 30)
    assert next_due(MINUTELY, utc(2026, 1, 1, 10, 0), utc(2026, 1, 1, 10, 0, 1)) == utc(2026, 1, 1, 10, 1)


def test_waits_double_up_to_a_bound_and_a_long_run_is_forgiven() -> None:
    backoff, waits = Backoff(), []
    for _ in range(9):
        backoff, wait_s = backoff.after_failure(1.0)
        waits.append(wait_s)
    assert waits == [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0, 30.0]
    assert backoff.after_failure(60.0) == (Backoff(1), 0.5)


def test_of_replicas_the_worst_speaks_and_events_add_up() -> None:
    running, failing = SourceStatus("running", events=2), SourceStatus("failing", "Away", "gone", 1, 3)
    assert summed([running, failing]) == SourceStatus("failing", "Away", "gone", 3, 3)
