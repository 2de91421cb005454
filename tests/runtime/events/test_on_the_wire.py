"""CloudEvents over HTTP: what is written is what is read, in each mode; what is no CloudEvent says why."""

from datetime import UTC, datetime
from typing import Any

import pytest
from faas_runtime.events import wire
from hypothesis import given
from hypothesis import strategies as st

from faas import Event, EventError

_text = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), min_size=1, max_size=40)
_json = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
_core = {"id", "source", "type", "specversion", "datacontenttype", "dataschema", "subject", "time", "data"}
_names = st.from_regex(r"[a-z0-9]{1,20}", fullmatch=True).filter(lambda name: name not in _core)
_times = st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30), timezones=st.just(UTC))


@st.composite
def events(draw: Any, extensions: Any = _text) -> Event[Any]:
    data, content_type = draw(
        st.tuples(_json, st.sampled_from([None, "application/json", "application/vnd.acme+json"]))
        | st.tuples(st.binary(min_size=1), st.just("application/octet-stream"))
        | st.tuples(st.text(min_size=1), st.just("text/plain"))
    )
    return Event(
        draw(_text), data, source=draw(_text), id=draw(_text), subject=draw(st.none() | _text), time=draw(_times),
        datacontenttype=content_type, extensions=draw(st.dictionaries(_names, extensions, max_size=3)),
    )  # fmt: skip


@given(events())
def test_binary_mode_gives_back_what_it_was_given(event: Event[Any]) -> None:
    headers, body = wire.binary(event)
    assert wire.parse(wire.header_map(headers), body) == [event]


@given(events(extensions=_text | st.booleans() | st.integers(-(2**31), 2**31 - 1)))
def test_structured_mode_keeps_the_types_of_extensions_too(event: Event[Any]) -> None:
    headers, body = wire.structured(event)
    assert wire.parse(wire.header_map(headers), body) == [event]


@given(st.lists(events(), max_size=4))
def test_a_batch_gives_back_its_events_in_order(batch: list[Event[Any]]) -> None:
    headers, body = wire.batch(batch)
    assert wire.parse(wire.header_map(headers), body) == batch


def test_binary_mode_as_the_specification_writes_it() -> None:
    event = Event(
        "com.acme.created", {"n": 1}, source="/s", id="A-1", subject="Euro €", time=datetime(2026, 12, 5, tzinfo=UTC)
    )
    headers, body = wire.binary(event)
    assert dict(headers) == {
        b"ce-specversion": b"1.0", b"ce-id": b"A-1", b"ce-source": b"/s", b"ce-type": b"com.acme.created",
        b"ce-subject": b"Euro%20%E2%82%AC", b"ce-time": b"2026-12-05T00:00:00Z", b"content-type": b"application/json",
    }  # fmt: skip
    assert body == b'{"n":1}'


def test_data_keeps_its_bytes_until_somebody_asks() -> None:
    body = b'{"specversion":"1.0","id":"1","source":"s","type":"t","data":{"big": 1e3 , "x":null}}'
    (event,) = wire.parse({b"content-type": b"application/cloudevents+json; charset=utf-8"}, body)
    assert event.payload == b'{"big": 1e3 , "x":null}'
    assert event.data == {"big": 1000.0, "x": None}


def test_base64_data_is_bytes() -> None:
    body = b'{"specversion":"1.0","id":"1","source":"s","type":"t","data_base64":"AAEC"}'
    (event,) = wire.parse({b"content-type": b"application/cloudevents+json"}, body)
    assert event.data == b"\x00\x01\x02"


@pytest.mark.parametrize(
    ("body", "said"),
    [
        pytest.param(b"{", "not a JSON object", id="no json"),
        pytest.param(
            b'{"specversion":"0.3","id":"1","source":"s","type":"t"}', "specversion is '0.3'", id="old version"
        ),
        pytest.param(b'{"specversion":"1.0","source":"s","type":"t"}', "'id' is missing", id="no id"),
        pytest.param(b'{"specversion":"1.0","id":"","source":"s","type":"t"}', "id='' is not text", id="empty id"),
        pytest.param(
            b'{"specversion":"1.0","id":"1","source":"s","type":"t","time":"noon"}', "RFC 3339", id="bad time"
        ),
        pytest.param(b'{"specversion":"1.0","id":"1","source":"s","type":"t","My-Ext":1}', "lower-case", id="bad name"),
        pytest.param(b'{"specversion":"1.0","id":"1","source":"s","type":"t","ext":{}}', "neither string", id="object"),
        pytest.param(
            b'{"specversion":"1.0","id":"1","source":"s","type":"t","data":1,"data_base64":"AA=="}',
            "data and",
            id="twice",
        ),
        pytest.param(
            b'{"specversion":"1.0","id":"1","source":"s","type":"t","data_base64":"?"}', "not base64", id="no base64"
        ),
    ],
)
def test_what_is_no_event_says_why(body: bytes, said: str) -> None:
    with pytest.raises(EventError, match=said):
        wire.parse({b"content-type": b"application/cloudevents+json"}, body)


@given(
    st.dictionaries(st.sampled_from([b"ce-id", b"ce-type", b"ce-x", b"content-type"]), st.binary(max_size=20)),
    st.binary(),
)
def test_no_bytes_make_anything_but_an_event_error(headers: dict[bytes, bytes], body: bytes) -> None:
    try:
        for event in wire.parse({b"ce-specversion": b"1.0", **headers}, body):
            _ = event.data
    except EventError:
        pass


def test_an_event_without_a_time_zone_is_refused() -> None:
    with pytest.raises(EventError, match="time zone"):
        Event("t", time=datetime(2026, 1, 1))


def test_an_events_attributes_are_those_that_it_has_as_they_travel() -> None:
    event = wire.parse_structured(
        b'{"specversion": "1.0", "type": "com.acme.a", "source": "/shop", "id": "1", "subject": null,'
        b' "time": "2026-11-23T14:00:05.120Z", "datacontenttype": "text/plain", "faassource": "s", "n": 5, "data": "x"}'
    )

    assert event.attributes == {
        "specversion": "1.0", "id": "1", "source": "/shop", "type": "com.acme.a", "datacontenttype": "text/plain",
        "time": "2026-11-23T14:00:05.120Z", "faassource": "s", "n": 5,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        pytest.param("application/cloudevents+json", b'{"specversion":"1.0","data":' + b"[" * 100_000, id="data"),
        pytest.param("application/cloudevents+json", b'{"x":' + b"[" * 100_000 + b"]" * 100_000 + b"}", id="attribute"),
        pytest.param("application/cloudevents-batch+json", b"[" * 100_000, id="batch"),
    ],
)
def test_what_is_nested_too_deeply_is_no_event(content_type: str, body: bytes) -> None:
    """A Broker that is told of an error of ours would deliver it again and again."""
    with pytest.raises(EventError):
        wire.parse({"content-type": content_type}, body)
