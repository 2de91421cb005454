"""Letters as they are read: what the broker noted of the failure, decoded, and the event as it is."""

from __future__ import annotations

import json

import pytest
from faas_runtime.events import wire
from faas_runtime.events.event import Event

from faas.inbox.documents import encode, letter_line, without_error
from faas.inbox.letters import Letter

FAILED = {"knativeerrordest": "http://on-order.team.svc.cluster.local/", "knativeerrorcode": "500",
          "knativeerrordata": "b29wcw=="}  # fmt: skip


def test_a_letter_says_what_its_broker_noted_of_the_failure() -> None:
    event = Event("order", {"id": 7}, source="shop", id="1", extensions=FAILED)

    line = letter_line(Letter(1_700_000_000_123, "default", "on-order", "", "1", "order", encode(event), 12), "team")

    assert line["sequence"] == 12
    assert line["storedTime"] == "2023-11-14T22:13:20.123Z"
    assert line["trigger"] == "team/on-order"
    assert line["error"] == {"code": 500, "destination": "http://on-order.team.svc.cluster.local/", "data": "oops"}
    assert line["event"]["data"] == {"id": 7}


@pytest.mark.parametrize(
    ("data", "expected"), [("b29wcw==", "oops"), ("no base64", "no base64"), ("", ""), ("//8=", "//8=")]
)
def test_what_the_subscriber_said_is_read_however_the_broker_wrote_it(data: str, expected: str) -> None:
    event = Event("order", None, source="shop", id="1", extensions={"knativeerrordata": data})
    body = json.loads(encode(event))

    line = letter_line(Letter(0, "", "", "", "1", "order", json.dumps(body).encode()), "team")

    assert line["error"]["data"] == expected


def test_data_that_is_not_what_its_type_promises_is_kept_as_it_is() -> None:
    headers = {b"ce-specversion": b"1.0", b"ce-id": b"1", b"ce-source": b"s", b"ce-type": b"t",
               b"content-type": b"application/json"}  # fmt: skip
    (event,) = wire.parse(headers, b"{broken")

    assert json.loads(encode(event))["data_base64"] == "e2Jyb2tlbg=="


def test_an_event_that_is_sent_again_is_what_it_was_before_it_failed() -> None:
    event = Event("order", {"id": 7}, source="shop", id="1", extensions={"tenant": "a", **FAILED})

    assert without_error(event).extensions == {"tenant": "a"}
