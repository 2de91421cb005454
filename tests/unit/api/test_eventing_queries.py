from __future__ import annotations

import re

import pytest

from faas.client.errors import BadRequest
from faas.engine.api.eventing_queries import parse_event_query, parse_letter_query, parse_span, parse_wanted
from faas.engine.contract.inspecting import LetterQuery

EVENT = {"type": "com.acme.order", "source": "/shop", "subject": "eu/7", "amount": "12"}


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ({}, True),
        ({"type": "com.acme.*"}, True),
        ({"type": "com.acme"}, False),
        ({"type": "com.acme.*", "source": "/bank"}, False),
        ({"subject": "eu/?"}, True),
        ({"sql": "amount > 10"}, True),
        ({"sql": "amount > 12"}, False),
        ({"sql": "nothere = 1"}, False),
        ({"type": "*", "sql": "subject LIKE 'eu/%'"}, True),
    ],
)
def test_events_are_chosen_by_patterns_and_sql(query: dict[str, str], wanted: bool) -> None:
    assert parse_wanted(query)(EVENT) is wanted


@pytest.mark.parametrize("sql", ["amount >", "unknown(amount)", "amount + 1"])
def test_an_expression_that_cannot_be_right_is_refused_with_its_place(sql: str) -> None:
    with pytest.raises(BadRequest, match=re.compile(r"sql: .*\^", re.DOTALL)):
        parse_wanted({"sql": sql})


def test_a_range_is_read() -> None:
    query = parse_event_query(
        {"sinceTime": "2026-11-23T12:00:00Z", "after": "7", "limit": "2", "follow": "true", "untilTime": ""}
    )
    assert (query.since_s, query.until_s, query.after, query.limit, query.follow) == (1795435200.0, None, 7, 2, True)


@pytest.mark.parametrize(
    "query", [{"after": "-1"}, {"limit": "x"}, {"sinceTime": "yesterday"}, {"untilTime": "2026-11-23T12:00:00"}]
)
def test_what_cannot_be_read_is_refused(query: dict[str, str]) -> None:
    with pytest.raises(BadRequest):
        parse_event_query(query)


def test_letters_are_chosen() -> None:
    asked = {"sequences": "3,4", "trigger": "t", "stream": "", "id": "x", "type": "y"}
    assert parse_letter_query(asked, "default") == LetterQuery("", (3, 4), "default/t", "y", "x")
    assert parse_letter_query({}, "default") == LetterQuery()
    with pytest.raises(BadRequest, match="sequences are numbers"):
        parse_letter_query({"sequences": "3;4"}, "default")


@pytest.mark.parametrize("sequences", ["0", "1,0", "9" * 19, "9" * 5000, "-1", "١"])
def test_what_can_be_no_position_is_refused(sequences: str) -> None:
    with pytest.raises(BadRequest):
        parse_letter_query({"sequences": sequences}, "default")


def test_times_beyond_all_events_are_the_first_and_the_last() -> None:
    query = parse_event_query({"sinceTime": "0001-01-01T00:00:00Z", "untilTime": "9999-12-31T23:59:59-23:59"})
    assert (query.since_s, query.until_s) == (0.0, 4_102_444_800.0)


def test_a_span_has_a_begin_and_ends_behind_it() -> None:
    assert parse_span({"sinceTime": "1970-01-01T00:00:01Z", "untilTime": "1970-01-01T00:00:02Z"}) == (1.0, 2.0)
    with pytest.raises(BadRequest, match="which events"):
        parse_span({})
    with pytest.raises(BadRequest, match="not later"):
        parse_span({"sinceTime": "1970-01-01T00:00:02Z", "untilTime": "1970-01-01T00:00:02Z"})
