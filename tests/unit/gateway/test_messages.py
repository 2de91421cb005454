"""Heads of requests and answers, as values."""

from __future__ import annotations

import httptools
import pytest
from hypothesis import given
from hypothesis import strategies as st

from faas.engine.gateway.exchanges.retry import Failure, may_retry, was_handed_over
from faas.engine.gateway.http.problem import Refused
from faas.engine.gateway.http.request import Headers, Origin, encode_request, encode_request_h2, make_request
from faas.engine.gateway.http.response import MalformedResponse, Response, encode_head, make_response, safe_trailers
from faas.engine.gateway.http.traceparent import is_traceparent, new_traceparent

ORIGIN = Origin(b"127.0.0.1", b"127.0.0.1", b"http")


def test_what_connection_names_goes_no_further_but_our_own_fields_do() -> None:
    request = make_request(
        b"GET",
        b"/",
        [
            (b"Host", b"a"),
            (b"Connection", b"X-Secret, x-forwarded-for, close"),
            (b"X-Secret", b"1"),
            (b"X-Forwarded-For", b"6.6.6.6"),
            (b"Cookie", b"k=v"),
        ],
        ORIGIN,
    )
    assert (b"Cookie", b"k=v") in request.headers
    assert not [name for name, _ in request.headers if name == b"X-Secret"]
    assert (b"x-forwarded-for", b"6.6.6.6, 127.0.0.1") in request.headers


def test_forwarding_is_appended_to_what_came_before() -> None:
    request = make_request(
        b"GET",
        b"/",
        [(b"Host", b"a:1"), (b"Forwarded", b"for=1.2.3.4"), (b"X-Forwarded-Proto", b"https")],
        Origin.of_peer(("::1", 5, 0, 0), tls=False),
    )
    assert (b"forwarded", b'for=1.2.3.4, for="[::1]";host="a:1";proto=http') in request.headers
    assert (b"x-forwarded-proto", b"https") in request.headers


@pytest.mark.parametrize("authority", [b"a", None])
def test_a_host_that_contradicts_the_authority_is_refused(authority: bytes | None) -> None:
    headers = [(b"host", b"b")] if authority else [(b"host", b"a"), (b"host", b"b")]
    with pytest.raises(Refused):
        make_request(b"GET", b"/", headers, ORIGIN, authority=authority)


token = st.text("abcdefghijklmnopqrstuvwxyz-", min_size=1, max_size=12).map(str.encode)
value = st.text("".join(map(chr, range(33, 127))), max_size=20).map(str.encode)


@given(st.lists(st.tuples(token, value), max_size=8), st.sampled_from([b"/", b"/a?b=c", b"/_/x"]))
def test_what_is_encoded_parses_to_what_was_meant(fields: Headers, target: bytes) -> None:
    try:
        request = make_request(b"POST", target, [(b"host", b"a"), *fields, (b"content-length", b"0")], ORIGIN)
    except Refused:
        return
    seen: Headers = []

    class Parsed:
        def on_header(self, name: bytes, value: bytes) -> None:
            seen.append((name, value))

        def on_message_complete(self) -> None:
            seen.append((b"complete", b""))

    httptools.HttpRequestParser(Parsed()).feed_data(encode_request(request))
    assert seen[0] == (b"host", b"a")
    assert seen[-1] == (b"complete", b"")
    assert [field for field in seen if field in request.headers] == request.headers
    h2 = encode_request_h2(request)
    assert h2[:4] == [(b":method", b"POST"), (b":scheme", b"http"), (b":authority", b"a"), (b":path", target)]


@pytest.mark.parametrize(
    "headers",
    [
        [(b"content-length", b"1"), (b"content-length", b"1")],
        [(b"content-length", b"x")],
        [(b"content-length", b"1"), (b"transfer-encoding", b"chunked")],
        [(b"transfer-encoding", b"gzip")],
    ],
)
def test_an_answer_whose_end_is_uncertain_is_malformed(headers: Headers) -> None:
    with pytest.raises(MalformedResponse):
        make_response(200, b"OK", headers, b"id")


def test_an_answers_hop_by_hop_fields_stay_here() -> None:
    response = make_response(
        200,
        b"Fine",
        [(b"Connection", b"close, x-a"), (b"X-A", b"1"), (b"Set-Cookie", b"a"), (b"Set-Cookie", b"b")],
        b"id",
    )
    assert response.headers == [(b"Set-Cookie", b"a"), (b"Set-Cookie", b"b")]
    assert response.request_id == b"id"
    assert encode_head(response, b"").startswith(b"HTTP/1.1 200 Fine\r\nSet-Cookie: a\r\n")
    assert encode_head(Response(299), b"") == b"HTTP/1.1 299 \r\n\r\n"


def test_trailers_cannot_frame_or_authorize() -> None:
    assert safe_trailers([(b"Content-Length", b"1"), (b"Grpc-Status", b"0"), (b"Host", b"a")]) == [
        (b"Grpc-Status", b"0")
    ]


@pytest.mark.parametrize(
    ("failure", "handed_over"),
    [
        pytest.param(Failure(connected=False), False, id="no connection"),
        pytest.param(Failure(written_bytes=0), False, id="nothing written"),
        pytest.param(Failure(written_bytes=100), True, id="an orderly end after the request was read"),
        pytest.param(Failure(written_bytes=100, reset=True, unix=True), False, id="reset with the request unread"),
        pytest.param(Failure(written_bytes=9999, reset=True, unix=True), True, id="a large one may be half read"),
        pytest.param(Failure(written_bytes=100, reset=True), True, id="TCP resets for many reasons"),
        pytest.param(Failure(written_bytes=1, refused_stream=True), False, id="HTTP/2 refused it"),
        pytest.param(Failure(written_bytes=1, refused_stream=True, answered=True), True, id="answered"),
    ],
)
def test_what_counts_as_handed_over(failure: Failure, handed_over: bool) -> None:
    assert was_handed_over(failure) is handed_over
    assert may_retry(failure, idempotent=False, attempt=1, attempts=3) is not handed_over
    assert may_retry(failure, idempotent=True, attempt=3, attempts=3) is not handed_over


def test_only_idempotent_requests_are_repeated_after_the_hand_over() -> None:
    failure = Failure(written_bytes=100)
    assert may_retry(failure, idempotent=True, attempt=1, attempts=3)
    assert not may_retry(failure, idempotent=False, attempt=1, attempts=3)


@pytest.mark.parametrize(
    ("text", "good"),
    [
        (b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", True),
        (b"cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more", True),
        (b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more", False),
        (b"ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", False),
        (b"00-00000000000000000000000000000000-b7ad6b7169203331-01", False),
        (b"00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01", False),
        (b"", False),
    ],
)
def test_traceparents(text: bytes, good: bool) -> None:
    assert is_traceparent(text) is good


def test_a_started_trace_is_valid() -> None:
    assert is_traceparent(new_traceparent())
