"""What a message of a stream holds."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faas.engine.broker.jetstream.consumers import position_of
from faas.engine.broker.jetstream.records import (
    NotARecord,
    decode_dead_letter,
    decode_event,
    encode_dead_letter,
    encode_event,
)
from faas.engine.broker.seams.log import StoredEvent

ATTRIBUTES = st.dictionaries(
    st.from_regex(r"[a-z][a-z0-9]{0,19}", fullmatch=True), st.text() | st.integers(-(2**31), 2**31) | st.booleans()
)


@given(ATTRIBUTES, st.none() | st.binary(max_size=200))
def test_an_event_comes_back_as_it_was(attributes: dict[str, str | int | bool], data: bytes | None) -> None:
    event = decode_event(encode_event(attributes, data), 7, 1.5)
    assert event == StoredEvent(7, 1.5, attributes, data or b"", data is not None)


@given(ATTRIBUTES, st.binary(max_size=50), st.booleans())
def test_a_dead_letter_says_where_its_event_was(
    attributes: dict[str, str | int | bool], data: bytes, has_data: bool
) -> None:
    event = StoredEvent(12, 3.25, attributes, data if has_data else b"", has_data)
    assert decode_dead_letter(encode_dead_letter("default/notify", event)) == ("default/notify", event)


@given(st.binary(max_size=30))
def test_what_nobody_has_written_is_no_record(record: bytes) -> None:
    for decode in (lambda: decode_event(record, 1, 0.0), lambda: decode_dead_letter(record)):
        try:
            decode()
        except NotARecord:
            continue
        assert record[0] in (0, 1, 2)


def test_an_event_is_no_dead_letter_and_the_other_way_round() -> None:
    event = StoredEvent(1, 0.0, {"id": "1"}, b"x")
    with pytest.raises(NotARecord):
        decode_dead_letter(encode_event(event.attributes, event.data))
    with pytest.raises(NotARecord):
        decode_event(encode_dead_letter("default/notify", event), 1, 0.0)


@pytest.mark.parametrize(
    "reply",
    [
        pytest.param("$JS.ACK.S.C.1.42.7.1700000000000000001.3", id="of one server"),
        pytest.param("$JS.ACK.hub.Qx.S.C.1.42.7.1700000000000000001.3", id="with a domain"),
        pytest.param("$JS.ACK.hub.Qx.S.C.1.42.7.1700000000000000001.3.rnd", id="with a domain and a token"),
    ],
)
def test_a_delivered_message_tells_its_position(reply: str) -> None:
    assert position_of(reply) == (42, 7, 1700000000000000001)
