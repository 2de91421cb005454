"""What a request to the ingress is."""

from __future__ import annotations

import pytest

from faas.engine.broker.ingress.answers import Refused, last, refusal
from faas.engine.broker.ingress.requests import body_limit, broker_of, events_of, mode_of

BINARY = {b"ce-specversion": b"1.0", b"ce-id": b"1", b"ce-source": b"/shop", b"ce-type": b"order"}


@pytest.mark.parametrize(
    "target", [b"/default/orders", b"/default/orders/", b"/default/orders?x=/y"], ids=["plain", "slash", "query"]
)
def test_the_path_names_the_broker(target: bytes) -> None:
    assert broker_of(target) == "default/orders"


@pytest.mark.parametrize(
    ("target", "status"),
    [(b"/", 404), (b"/orders", 400), (b"/default/orders/more", 400), (b"//orders", 400), (b"*", 400), (b"x/y/z", 400)],
)
def test_other_paths_are_refused(target: bytes, status: int) -> None:
    with pytest.raises(Refused) as refused:
        broker_of(target)
    assert refused.value.status == status


@pytest.mark.parametrize(
    ("fields", "mode"),
    [
        pytest.param(BINARY, "binary", id="binary"),
        pytest.param({b"content-type": b"application/cloudevents+json; charset=utf-8"}, "structured", id="structured"),
        pytest.param({b"content-type": b"application/cloudevents-batch+json"}, "batch", id="batch"),
    ],
)
def test_a_request_tells_how_its_events_travel(fields: dict[bytes, bytes], mode: str) -> None:
    assert mode_of(fields) == mode


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        pytest.param({b"content-type": b"application/json"}, 400, id="no event"),
        pytest.param({b"content-type": b"application/cloudevents+xml"}, 415, id="another format"),
        pytest.param({b"content-type": b"application/cloudevents-batch+avro"}, 415, id="another batch format"),
        pytest.param({**BINARY, b"content-encoding": b"gzip"}, 415, id="compressed"),
    ],
)
def test_what_cannot_be_read_is_refused_before_its_body_comes(fields: dict[bytes, bytes], status: int) -> None:
    with pytest.raises(Refused) as refused:
        mode_of(fields)
    assert refused.value.status == status


def test_a_binary_event_keeps_attributes_and_bytes() -> None:
    fields = {**BINARY, b"content-type": b"text/plain", b"ce-subject": b"caf%C3%A9", b"ce-region": b"eu", b"host": b"x"}
    assert events_of(fields, b"\x00\xff", 10) == [
        (
            {
                "specversion": "1.0", "id": "1", "source": "/shop", "type": "order", "subject": "café",
                "datacontenttype": "text/plain", "region": "eu",
            },
            b"\x00\xff",
        )
    ]  # fmt: skip


def test_a_batch_is_its_events_in_order_with_the_requests_trace() -> None:
    body = (
        b'[{"specversion":"1.0","id":"1","source":"/s","type":"t","data":{"a":1},"n":5},'
        b'{"specversion":"1.0","id":"2","source":"/s","type":"t","data_base64":"AAE=","traceparent":"own"}]'
    )
    fields = {b"content-type": b"application/cloudevents-batch+json", b"traceparent": b"00-1"}
    common = {"specversion": "1.0", "source": "/s", "type": "t"}
    assert events_of(fields, body, 100) == [
        ({**common, "id": "1", "n": 5, "traceparent": "00-1"}, b'{"a":1}'),
        ({**common, "id": "2", "datacontenttype": "application/octet-stream", "traceparent": "own"}, b"\x00\x01"),
    ]


@pytest.mark.parametrize(
    ("body", "status", "reason"),
    [
        pytest.param(b"{", 400, "not a JSON object", id="no JSON"),
        pytest.param(b'{"specversion":"0.3"}', 400, "specversion", id="another version"),
        pytest.param(b'{"specversion":"1.0","id":"1","source":"s"}', 400, "'type' is missing", id="no type"),
        pytest.param(b'{"specversion":"1.0","id":"1","source":"s","type":"t","BAD":"x"}', 400, "BAD", id="a bad name"),
        pytest.param(
            b'{"specversion":"1.0","id":"1","source":"s","type":"t","data":"%b"}' % (b"x" * 200), 413, "202", id="large"
        ),
    ],
)
def test_an_event_that_is_none_is_refused_with_the_reason(body: bytes, status: int, reason: str) -> None:
    with pytest.raises(Refused, match=reason) as refused:
        events_of({b"content-type": b"application/cloudevents+json"}, body, 100)
    assert refused.value.status == status


def test_base64_and_batches_may_be_longer_than_an_event() -> None:
    assert body_limit("binary", 1 << 20) == 1 << 20
    assert body_limit("structured", 3 << 20) == (4 << 20) + 65536
    assert body_limit("batch", 1 << 20) == 8 << 20
    assert body_limit("batch", 12 << 20) == (16 << 20) + 65536


def test_a_refusal_is_a_problem_document() -> None:
    assert refusal(Refused(503, "no room", retry_after_s=2)) == (
        b"HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/problem+json\r\ncontent-length: 84\r\n"
        b'retry-after: 2\r\n\r\n{"type":"about:blank","title":"Service Unavailable","status":503,"detail":"no room"}'
    )
    assert b"\r\nallow: POST, OPTIONS\r\n" in refusal(Refused(405, "events are POSTed"))


def test_the_last_answer_of_a_connection_says_so_once() -> None:
    assert last(b"HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n") == (
        b"HTTP/1.1 202 Accepted\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
    )
    closing = refusal(Refused(400, "malformed", close=True))
    assert last(closing) == closing
