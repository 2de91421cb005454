"""What the broker writes into an event before it stores it."""

from __future__ import annotations

import pytest

from faas.engine.broker.seams.publishing import EventRefused
from faas.engine.broker.stamping import next_ttl, stamp, traced

EVENT = {"specversion": "1.0", "id": "1", "source": "/shop", "type": "com.acme.order"}


def test_a_stored_event_has_its_arrival_and_a_first_ttl() -> None:
    assert stamp(EVENT, 1700000000.25) == {
        **EVENT,
        "knativebrokerttl": 255,
        "knativearrivaltime": "2023-11-14T22:13:20.250000Z",
    }


def test_an_earlier_arrival_is_replaced() -> None:
    stamped = stamp({**EVENT, "knativearrivaltime": "2001-01-01T00:00:00Z"}, 1700000000.0)
    assert stamped["knativearrivaltime"] == "2023-11-14T22:13:20Z"


@pytest.mark.parametrize(
    ("ttl", "left"),
    [(None, 255), (255, 254), ("255", 254), (2, 1), ("2", 1), (10**9, 255)],
)
def test_each_pass_takes_one_off_the_ttl(ttl: object, left: int) -> None:
    assert next_ttl(ttl) == left


@pytest.mark.parametrize("ttl", [1, "1", 0, -5, "-1"])
def test_an_event_whose_ttl_is_used_up_is_dropped(ttl: object) -> None:
    with pytest.raises(EventRefused, match="used up"):
        next_ttl(ttl)


@pytest.mark.parametrize("ttl", ["many", True, "1.5"])
def test_a_ttl_that_is_no_number_is_refused(ttl: object) -> None:
    with pytest.raises(EventRefused, match="no number"):
        next_ttl(ttl)


def test_the_requests_trace_becomes_the_events_unless_it_has_one() -> None:
    assert traced(EVENT, "00-1", "a=b") == {**EVENT, "traceparent": "00-1", "tracestate": "a=b"}
    assert traced({**EVENT, "traceparent": "00-2"}, "00-1", "a=b") == {**EVENT, "traceparent": "00-2"}
    assert traced(EVENT, "", "a=b") == EVENT
