"""What an inspection says of events, dead letters, types, triggers and sources, from values alone."""

from __future__ import annotations

import json
from typing import Any

import pytest
from faas_runtime.events.wire import parse_structured
from hypothesis import given
from hypothesis import strategies as st

from faas.engine.broker.delivery.attempts import Failure
from faas.engine.broker.delivery.dead import dead_attributes
from faas.engine.broker.inspect.lines import encode, event_line, letter_line, structured
from faas.engine.broker.inspect.report import make_report
from faas.engine.broker.inspect.types import StoredType, make_types
from faas.engine.broker.seams.log import DeadLetter, StoredEvent
from faas.engine.contract.board import Board
from faas.engine.contract.eventing import (
    BrokerConfig,
    BrokerStatus,
    Delivery,
    SeenType,
    TriggerConfig,
    TriggerStatus,
)
from faas.engine.contract.revision import EnvVar
from faas.engine.contract.sources import SourceKey, SourcePlan, SourceStatus

ATTRIBUTES = {"specversion": "1.0", "id": "1", "source": "/shop", "type": "com.acme.order"}


def stored(data: bytes = b"", has_data: bool = True, **attributes: Any) -> StoredEvent:
    return StoredEvent(7, 1763900000.5, {**ATTRIBUTES, **attributes}, data, has_data)


@pytest.mark.parametrize(
    ("event", "member"),
    [
        pytest.param(stored(b'{"a": 1}', datacontenttype="application/json"), {"data": {"a": 1}}, id="json"),
        pytest.param(stored(b'{"a": 1}'), {"data": {"a": 1}}, id="no type is json"),
        pytest.param(stored(b"\xff"), {"data_base64": "/w=="}, id="no type and not json"),
        pytest.param(stored(b"1", datacontenttype="application/vnd.x+json"), {"data": 1}, id="+json"),
        pytest.param(stored(b'{\n "a": "\\n"\r\n}\n'), {"data": {"a": "\n"}}, id="json on several lines"),
        pytest.param(stored(b"null"), {"data_base64": "bnVsbA=="}, id="null is data"),
        pytest.param(stored(b"{", datacontenttype="application/json"), {"data_base64": "ew=="}, id="broken json"),
        pytest.param(stored("ü".encode(), datacontenttype="text/plain; charset=utf-8"), {"data": "ü"}, id="text"),
        pytest.param(stored(b"\xff", datacontenttype="text/plain"), {"data_base64": "/w=="}, id="text in latin-1"),
        pytest.param(stored(b"x", datacontenttype="image/png"), {"data_base64": "eA=="}, id="bytes"),
        pytest.param(stored(b"", datacontenttype="text/plain"), {"data": ""}, id="empty"),
        pytest.param(stored(has_data=False), {}, id="none"),
    ],
)
def test_data_is_in_one_member(event: StoredEvent, member: dict[str, Any]) -> None:
    (line,) = encode(structured(event)).splitlines()
    document = json.loads(line)
    assert {name: document[name] for name in ("data", "data_base64") if name in document} == member


@given(st.binary(max_size=50), st.sampled_from(["text/plain", "image/png", "application/xml"]))
def test_what_is_shown_can_be_sent_again_as_it_was(data: bytes, media: str) -> None:
    event = parse_structured(encode(structured(stored(data, datacontenttype=media))))
    assert (event.payload, event.type, event.datacontenttype) == (data, "com.acme.order", media)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**12), 10**12) | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
)


@given(JSON, st.sampled_from([None, 2]))
def test_json_is_shown_as_the_same_value(value: Any, indent: int | None) -> None:
    data = json.dumps(value, indent=indent, ensure_ascii=False).encode("utf-8", "replace")
    line = encode(structured(stored(data, datacontenttype="application/json")))
    assert line.count(b"\n") == 1
    payload = parse_structured(line).payload
    assert payload is not None
    assert json.loads(payload) == json.loads(data)


def test_an_event_has_its_position_and_time() -> None:
    line = event_line(stored(b"1", datacontenttype="application/json"))
    assert (line["sequence"], line["storedTime"]) == (7, "2025-11-23T12:13:20.500Z")


def test_a_dead_letter_says_why_in_clear() -> None:
    failure = Failure(500, "500", b'{"detail":"no"}')
    dead = stored(b"1")._replace(attributes=dead_attributes(ATTRIBUTES, "http://x/", failure))
    line = letter_line(DeadLetter(3, 1763900001.0, "default/t", dead), "default/default", "named")
    assert line["error"] == {"code": 500, "destination": "http://x/", "data": '{"detail":"no"}'}
    assert (line["sequence"], line["origin"]["sequence"], line["stream"]) == (3, 7, "named")


def test_error_data_that_is_no_base64_is_shown_as_it_is() -> None:
    dead = stored(knativeerrordata="not base64!")
    assert letter_line(DeadLetter(1, 0.0, "a/b", dead), "a/b", "")["error"]["data"] == "not base64!"


def trigger(name: str, *filters: dict[str, Any]) -> TriggerConfig:
    return TriggerConfig(f"default/{name}", name, "default/default", "http://x/", filters=filters)


def test_types_say_who_wants_them() -> None:
    types = make_types(
        [
            StoredType(5, "2026-11-23T12:00:00Z", {"type": "order", "source": "/shop", "subject": "eu/1"}),
            StoredType(1, "2026-11-23T11:00:00Z", {"type": "typo", "source": "/shop"}),
        ],
        [SeenType("default/default", "order", "/other", "schema", 9), SeenType("default/default", "gone", "/x", "", 2)],
        [
            trigger("orders", {"exact": {"type": "order"}}),
            trigger("us", {"exact": {"type": "order"}}, {"prefix": {"subject": "us/"}}),
            trigger("eu", {"prefix": {"subject": "eu/"}}),
        ],
    )
    assert types == [
        {"type": "gone", "stored": 0, "received": 2, "lastTime": "", "schema": "", "sources": ["/x"],
         "wantedBy": [], "mayWant": []},
        {"type": "order", "stored": 5, "received": 9, "lastTime": "2026-11-23T12:00:00Z", "schema": "schema",
         "sources": ["/other", "/shop"], "wantedBy": ["eu", "orders"], "mayWant": ["us"]},
        {"type": "typo", "stored": 1, "received": 0, "lastTime": "2026-11-23T11:00:00Z", "schema": "",
         "sources": ["/shop"], "wantedBy": [], "mayWant": []},
    ]  # fmt: skip


def test_the_report_has_what_the_board_has_and_no_secret() -> None:
    board = Board()
    board.brokers.put("default/default", BrokerConfig("default/default", "u", max_bytes=10))
    board.broker_status.put("default/default", BrokerStatus("default/default", True, events=3, bytes=4, dead=1))
    board.brokers.put("other/b", BrokerConfig("other/b", "u2"))
    config = trigger("t")
    config = TriggerConfig(config.key, "u3", config.broker, config.subscriber_uri, delivery=Delivery(retry=2))
    board.triggers.put("default/t", config)
    board.triggers.put("default/held", None)
    board.trigger_status.put("default/t", TriggerStatus("default/t", 5, 4, 1, 2, 7, 3, 1, 6, "no"))
    key = SourceKey("pingsources.sources.knative.dev", "default", "tick")
    board.sources.put(key, SourcePlan(key, "u4", "ping", env=(EnvVar("FAAS_SOURCE_PASSWORD", "hush"),)))
    board.source_status.put(key, SourceStatus("running", events=2))

    report = make_report(board, "default")
    assert "hush" not in json.dumps(report)
    (broker,), (held, told), (source,) = report["brokers"], report["triggers"], report["sources"]
    assert (broker["name"], broker["events"], broker["maxBytes"], broker["dead"]) == ("default", 3, 10, 1)
    assert held == {"namespace": "default", "name": "held", "held": True}
    assert (told["delivery"]["attempts"], told["backlog"], told["behind"], told["lastError"]) == (3, 5, 6, "no")
    assert (source["name"], source["state"], source["events"]) == ("tick", "running", 2)
    assert [entry["name"] for entry in make_report(board)["brokers"]] == ["default", "b"]
