"""Events as requests, answers as what they mean, and dead letters."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from faas_runtime.events import wire
from hypothesis import given
from hypothesis import strategies as st

from faas.engine.broker.delivery.answers import Answer, Reply, judge
from faas.engine.broker.delivery.attempts import Failure
from faas.engine.broker.delivery.dead import dead_attributes, living_attributes
from faas.engine.broker.delivery.message import encode_fields
from faas.engine.broker.delivery.subscriber import BadAddress, make_subscriber

EVENT = {"specversion": "1.0", "id": "1", "source": "/s", "type": "com.acme.made"}


def parsed(fields: bytes) -> dict[bytes, bytes]:
    lines = fields.removesuffix(b"\r\n\r\n").split(b"\r\n")
    return {name: value for name, _, value in (line.partition(b": ") for line in lines)}


# Requests


def test_attributes_travel_as_ce_fields_and_the_content_type_as_itself() -> None:
    fields = encode_fields({**EVENT, "datacontenttype": "application/json", "retries": 3, "urgent": True}, 2)
    assert fields == (
        b"ce-specversion: 1.0\r\nce-id: 1\r\nce-source: /s\r\nce-type: com.acme.made\r\n"
        b"content-type: application/json\r\nce-retries: 3\r\nce-urgent: true\r\ncontent-length: 2\r\n\r\n"
    )


def test_the_brokers_ttl_stays_with_the_broker() -> None:
    assert b"ttl" not in encode_fields({**EVENT, "knativebrokerttl": 255}, 0)


def test_the_trace_of_an_event_becomes_the_requests() -> None:
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    fields = parsed(encode_fields({**EVENT, "traceparent": trace, "tracestate": "a=b"}, 0))
    assert fields[b"traceparent"] == trace.encode()
    assert fields[b"tracestate"] == b"a=b"
    assert fields[b"ce-traceparent"] == trace.encode()


def test_a_name_that_is_no_field_is_for_the_receiver_to_refuse() -> None:
    assert b"ce-gr?n: 1\r\n" in encode_fields({"grün": 1}, 0)


def test_a_value_cannot_add_a_field() -> None:
    evil = {**EVENT, "subject": "a\r\nx: y", "datacontenttype": "text/plain\r\nx: y", "traceparent": "t\r\nx: y"}
    assert b"x" not in parsed(encode_fields(evil, 0))


TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)


@given(TEXT, TEXT, st.one_of(TEXT, st.booleans(), st.integers(-(2**31), 2**31 - 1)))
def test_any_text_arrives_as_it_was(id: str, subject: str, extension: Any) -> None:
    fields = encode_fields({**EVENT, "id": id, "subject": subject, "ext": extension}, 0)
    (event,) = wire.parse(parsed(fields), b"")
    expected = str(extension).lower() if isinstance(extension, bool) else str(extension)
    assert (event.id, event.subject, event.extensions["ext"]) == (id, subject, expected)


# Addresses


@pytest.mark.parametrize(
    ("uri", "address", "target", "host"),
    [
        ("http://f.default.svc.cluster.local/_faas/events/f", "", b"/_faas/events/f", b"f.default.svc.cluster.local"),
        ("http://f.default.localhost", "", b"/", b"f.default.localhost"),
        ("http://F.default.LOCALHOST:8080/a", "", b"/a", b"F.default.LOCALHOST:8080"),
        ("http://example.com/a b?q=1 2", "example.com:80", b"/a%20b?q=1%202", b"example.com"),
        ("https://example.com/", "example.com:443", b"/", b"example.com"),
        ("http://127.0.0.1:9000/%41", "127.0.0.1:9000", b"/%41", b"127.0.0.1:9000"),
        ("http://user:secret@example.com/", "example.com:80", b"/", b"example.com"),
    ],
)
def test_services_of_the_engine_go_through_the_gateway(uri: str, address: str, target: bytes, host: bytes) -> None:
    subscriber = make_subscriber(uri, domain="localhost")
    assert subscriber.address == address
    assert subscriber.prefix.startswith(b"POST %b HTTP/1.1\r\nhost: %b\r\nprefer: reply\r\n" % (target, host))


def test_a_function_hears_how_long_the_attempt_lasts_and_the_outside_does_not() -> None:
    inside = make_subscriber("http://f.default.svc.cluster.local/", domain="localhost", timeout_s=2.5)
    outside = make_subscriber("http://example.com/", domain="localhost", timeout_s=2.5)
    assert b"faas-timeout: 2.500\r\n" in inside.prefix
    assert b"faas-timeout" not in outside.prefix


@pytest.mark.parametrize(
    "uri", ["", "ftp://a/", "http:///x", "/relative", "http://[::1", "http://a:port/", "http://é/"]
)
def test_what_is_no_address_is_refused(uri: str) -> None:
    with pytest.raises(BadAddress):
        make_subscriber(uri, domain="localhost")


# Answers


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(Answer(200, {}, b""), id="200 without a body"),
        pytest.param(Answer(204, {}, b""), id="204"),
        pytest.param(Answer(202, {b"content-type": b"text/plain"}, b"ok"), id="202, whose body says nothing"),
        pytest.param(Answer(202, {b"ce-type": b"t", b"ce-specversion": b"1.0"}, b""), id="202 routes no event"),
    ],
)
def test_done(answer: Answer) -> None:
    assert judge(answer) == ()


def test_a_binary_reply_is_an_event_to_publish() -> None:
    headers = {
        b"ce-specversion": b"1.0", b"ce-id": b"r1", b"ce-source": b"/f", b"ce-type": b"reply", b"ce-ext": b"x",
        b"content-type": b"application/json",
    }  # fmt: skip
    assert judge(Answer(200, headers, b"{}")) == (
        Reply(
            {"specversion": "1.0", "id": "r1", "source": "/f", "type": "reply", "datacontenttype": "application/json",
             "ext": "x"},
            b"{}",
        ),
    )  # fmt: skip


def test_a_batch_is_several_replies() -> None:
    body = (
        b'[{"specversion":"1.0","id":"a","source":"/f","type":"t","data":1},'
        b'{"specversion":"1.0","id":"b","source":"/f","type":"t"}]'
    )
    replies = judge(Answer(200, {b"content-type": b"application/cloudevents-batch+json"}, body))
    assert not isinstance(replies, Failure)
    assert [(reply.attributes["id"], reply.data) for reply in replies] == [("a", b"1"), ("b", None)]


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        pytest.param({b"content-type": b"application/json"}, b'{"ok": true}', id="a body that is no event"),
        pytest.param({b"ce-specversion": b"1.0", b"ce-type": b"t"}, b"", id="an event without an id"),
        pytest.param({b"content-type": b"application/cloudevents+json"}, b"{", id="a broken event"),
        pytest.param({b"content-type": b"application/cloudevents+json"}, b'{"a":' * 50_000, id="nested without end"),
    ],
)
def test_a_body_that_is_no_event_fails_as_502(headers: dict[bytes, bytes], body: bytes) -> None:
    failure = judge(Answer(200, headers, body))
    assert isinstance(failure, Failure)
    assert failure.status == 502


@given(
    st.binary(max_size=200), st.sampled_from([b"application/cloudevents+json", b"application/cloudevents-batch+json"])
)
def test_no_answer_whatever_is_more_than_a_failure(body: bytes, content_type: bytes) -> None:
    members = b'{"specversion":"1.0","id":"1","source":"/f","type":"t","datacontenttype":"text/plain","data":"' + body
    for text in (body, members + b'"}', b"[" + members + b'"}]'):
        judge(Answer(200, {b"content-type": content_type}, text))


def test_a_failure_says_what_the_subscriber_said() -> None:
    failure = judge(Answer(503, {b"retry-after": b"7"}, b"  out of paper\n"))
    assert failure == Failure(503, "503: out of paper", b"  out of paper\n", "7")


def test_a_failure_without_an_answer_says_why() -> None:
    assert judge(Answer(0, {}, b"", "refused")) == Failure(0, "refused", b"refused", "")


# Dead letters


def test_a_dead_letter_says_where_it_could_not_go_and_why() -> None:
    dead = dead_attributes({**EVENT, "knativebrokerttl": 9}, "http://f/", Failure(500, "500: boom", b"boom"))
    assert dead == {**EVENT, "knativeerrordest": "http://f/", "knativeerrorcode": 500, "knativeerrordata": "Ym9vbQ=="}


def test_the_data_of_a_dead_letter_is_cut_where_it_can_still_be_decoded() -> None:
    dead = dead_attributes(EVENT, "http://f/", Failure(500, "", b"x" * 5000))
    assert len(dead["knativeerrordata"]) == 1024
    assert base64.b64decode(dead["knativeerrordata"]) == b"x" * 768


def test_a_dead_letter_that_is_tried_again_is_the_event_it_was() -> None:
    assert living_attributes(dead_attributes(EVENT, "http://f/", Failure(500, ""))) == EVENT
