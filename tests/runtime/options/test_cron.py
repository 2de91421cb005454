"""Cron schedules, as robfig's parser takes and refuses them."""

from __future__ import annotations

import pytest
from faas_runtime.options.cron import ScheduleError, parse
from hypothesis import given
from hypothesis import strategies as st


def test_five_fields_are_due_at_second_zero() -> None:
    schedule = parse("*/15 9-17 1,15 jan-mar MON-FRI")

    assert schedule.seconds == {0}
    assert schedule.minutes == {0, 15, 30, 45}
    assert schedule.hours == set(range(9, 18))
    assert schedule.days == {1, 15}
    assert schedule.months == {1, 2, 3}
    assert schedule.weekdays == {1, 2, 3, 4, 5}
    assert not schedule.any_day
    assert not schedule.any_weekday


def test_six_fields_begin_with_seconds() -> None:
    schedule = parse("5/20 * * * * ?")

    assert schedule.seconds == {5, 25, 45}
    assert schedule.any_day
    assert schedule.any_weekday


@pytest.mark.parametrize("text", ["@hourly", "@daily", "@midnight", "@weekly", "@monthly", "@yearly", "@annually"])
def test_descriptors_stand_for_schedules(text: str) -> None:
    assert parse(text).minutes == {0}


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        pytest.param("", "empty spec string", id="empty"),
        pytest.param("* * * *", "expected 5 to 6 fields, found 4: [* * * *]", id="four"),
        pytest.param("* * * * * * *", "expected 5 to 6 fields, found 7: [* * * * * * *]", id="seven"),
        pytest.param("60 * * * *", "end of range (60) above maximum (59): 60", id="above"),
        pytest.param("* * 0 * *", "beginning of range (0) below minimum (1): 0", id="below"),
        pytest.param("* * * * 7", "end of range (7) above maximum (6): 7", id="Sunday is 0"),
        pytest.param("5-3 * * * *", "beginning of range (5) beyond end of range (3): 5-3", id="backwards"),
        pytest.param("*/0 * * * *", "step of range should be a positive number: */0", id="no step"),
        pytest.param("1-2-3 * * * *", "too many hyphens: 1-2-3", id="hyphens"),
        pytest.param("1/2/3 * * * *", "too many slashes: 1/2/3", id="slashes"),
        pytest.param(
            "* * * jam *", 'failed to parse int from jam: strconv.Atoi: parsing "jam": invalid syntax', id="month"
        ),
        pytest.param("@noon", "unrecognized descriptor: @noon", id="descriptor"),
        pytest.param("@every 1h", "unrecognized descriptor: @every 1h", id="every"),
    ],
)
def test_what_is_no_schedule_is_refused_in_the_parsers_words(text: str, complaint: str) -> None:
    with pytest.raises(ScheduleError) as found:
        parse(text)

    assert str(found.value) == complaint


_LISTS = [
    st.lists(st.integers(low, high), min_size=1, max_size=4)
    for low, high in ((0, 59), (0, 59), (0, 23), (1, 31), (1, 12), (0, 6))
]


@given(st.tuples(*_LISTS))
def test_lists_mean_their_members(fields: tuple[list[int], ...]) -> None:
    schedule = parse(" ".join(",".join(map(str, values)) for values in fields))

    found = (schedule.seconds, schedule.minutes, schedule.hours, schedule.days, schedule.months, schedule.weekdays)
    assert found == tuple(frozenset(values) for values in fields)


@given(st.text())
def test_any_text_is_a_schedule_or_is_refused(text: str) -> None:
    try:
        parse(text)
    except ScheduleError:
        return
