"""Heads that are recognised instead of parsed mean what parsing would have made of them."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from faas.engine.gateway.clients.http1_reading import RequestReading
from faas.engine.gateway.exchanges.exchange import Exchange
from faas.engine.gateway.gateway import Gateway
from faas.engine.gateway.http.problem import Refused
from faas.engine.gateway.http.repeated import RepeatedRequest, RepeatedResponse
from faas.engine.gateway.http.request import Headers, Origin, Request, encode_request, make_request
from faas.engine.gateway.http.response import encode_head, make_response
from faas.engine.gateway.limits import Limits

ORIGIN = Origin(b"127.0.0.1", b"127.0.0.1", b"http")
TRACE = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


class Parsing(RequestReading):
    """The reading half alone: every request is answered at once."""

    def __init__(self, *, recognises: bool) -> None:
        super().__init__(Gateway(Limits(target_bytes=40), spawn=lambda work: None))
        self._origin = ORIGIN
        self.seen: list[object] = []
        if not recognises:
            self._repeated.forget()

    def read(self, data: bytes) -> None:
        exchange = self.recognise(data)
        if exchange is not None:
            self.seen.append(exchange)
            return
        self.feed(data)
        while self._pipeline:
            self.seen.append(self._pipeline.popleft())

    def refuse_parsing(self, broken: Exchange, refused: Refused) -> None:
        self.seen.append(refused)

    def discard(self, body: list[bytes]) -> bool:
        return False

    def hold(self, data: bytes) -> None:
        self.seen.append(data)

    def head_is_partial(self) -> None:
        return

    def meaning(self) -> list[Any]:
        return [_meaning(item) for item in self.seen]


def _meaning(item: object) -> Any:
    if isinstance(item, Refused):
        return item.status, item.detail
    if isinstance(item, Exchange):
        request = item.request
        ids = request.own_request_id, request.own_traceparent
        wire = encode_request(request).replace(request.traceparent, b"T").replace(request.request_id, b"I")
        return wire, ids, request.keep_alive, request.is_head, b"".join(item._body), item._body_ended
    return item


HEADS = [
    b"GET / HTTP/1.1\r\nhost: a\r\n\r\n",
    b"GET /b?c=d HTTP/1.1\r\nhost: a\r\n\r\n",
    b"GET /" + b"x" * 40 + b" HTTP/1.1\r\nhost: a\r\n\r\n",
    b"GET http://b/ HTTP/1.1\r\nhost: a\r\n\r\n",
    b"GET /#f HTTP/1.1\r\nhost: a\r\n\r\n",
    b"GET /\xff HTTP/1.1\r\nhost: a\r\n\r\n",
    b"GET  / HTTP/1.1\r\nhost: a\r\n\r\n",
    b"HEAD / HTTP/1.1\r\nhost: a\r\n\r\n",
    b"CONNECT / HTTP/1.1\r\nhost: a\r\n\r\n",
    b"OPTIONS * HTTP/1.1\r\nhost: a\r\n\r\n",
    b"GET / HTTP/1.0\r\nhost: a\r\n\r\n",
    b"GET / HTTP/1.0\r\nhost: a\r\nconnection: keep-alive\r\n\r\n",
    b"GET / HTTP/1.1\nhost: a\n\n",
    b"GET / HTTP/1.1\r\nhost: a\n\n\r\n\r\n",
    b"\r\nGET / HTTP/1.1\r\nhost: a\r\n\r\n",
    b"GET / HTTP/1.1\r\nhost: a\r\n\r\n\r\n\r\n",
    b"GET / HTTP/1.1\r\nhost: a\r\n\r\nGET / HTTP/1.1\r\nhost: a\r\n\r\n",
    b"GET / HTTP/1.1\r\nhost: a\r\nx-request-id: r1\r\ntraceparent: " + TRACE + b"\r\n\r\n",
    b"GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n",
    b"GET / HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: h2c\r\n\r\n",
    b"GET / HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\n\r\n",
    b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 4\r\n\r\nbody",
    b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 4\r\n\r\n\r\n\r\n",
    b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 4\r\nexpect: 100-continue\r\n\r\nbody",
    b"POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 4\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 99\r\n\r\nbody",
    b"PUT /b HTTP/1.1\r\nhost: a\r\ncontent-length: 4\r\n\r\nydob",
    b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\n\r\n",
    b"POST / HTTP/1.1\r\nhost: a\r\n",
    b"content-length: 4\r\n\r\nbody",
]  # fmt: skip


@settings(max_examples=400)
@given(st.lists(st.sampled_from(HEADS), min_size=2, max_size=6))
def test_a_connection_reads_the_same_whether_it_recognises_heads_or_not(reads: list[bytes]) -> None:
    async def scenario() -> None:
        recognising, parsing = Parsing(recognises=True), Parsing(recognises=False)
        for data in reads:
            recognising.read(data)
            parsing.read(data)
            assert recognising.meaning() == parsing.meaning()

    asyncio.run(scenario())


@pytest.mark.parametrize("again", [pytest.param(data, id=str(data[:60])) for data in HEADS])
@pytest.mark.parametrize("first", [HEADS[0], HEADS[17], HEADS[21], HEADS[22], HEADS[13], HEADS[15]])
def test_whatever_follows_a_remembered_head_is_read_as_it_stands(first: bytes, again: bytes) -> None:
    recognising, parsing = Parsing(recognises=True), Parsing(recognises=False)
    for data in (first, first, again, first):
        recognising.read(data)
        parsing.read(data)
    assert recognising.meaning() == parsing.meaning()


def test_the_same_fields_with_another_request_line_are_recognised_with_new_ids() -> None:
    fields: Headers = [(b"host", b"a"), (b"x-a", b"1")]
    first = make_request(b"GET", b"/", fields, ORIGIN)
    repeated = RepeatedRequest(100)
    repeated.learn(b"GET / HTTP/1.1\r\nhost: a\r\nx-a: 1\r\n\r\n", first)
    second = repeated.recognise(b"DELETE /other?q HTTP/1.1\r\nhost: a\r\nx-a: 1\r\n\r\n")
    assert second is not None
    assert (second.method, second.target, second.headers) == (b"DELETE", b"/other?q", first.headers)
    assert second.request_id != first.request_id
    assert second.traceparent != first.traceparent


def test_a_clients_own_ids_are_part_of_what_is_recognised() -> None:
    fields: Headers = [(b"host", b"a"), (b"x-request-id", b"r1"), (b"traceparent", TRACE)]
    data = b"GET / HTTP/1.1\r\nhost: a\r\nx-request-id: r1\r\ntraceparent: %b\r\n\r\n" % TRACE
    repeated = RepeatedRequest(100)
    repeated.learn(data, make_request(b"GET", b"/", fields, ORIGIN))
    second = repeated.recognise(data)
    assert second is not None
    assert (second.request_id, second.traceparent) == (b"r1", TRACE)


def test_a_connection_that_never_repeats_itself_is_not_looked_at_for_long() -> None:
    repeated = RepeatedRequest(100)
    for number in range(20):
        data = b"GET / HTTP/1.1\r\nhost: a%d\r\n\r\n" % number
        assert repeated.recognise(data) is None
        repeated.learn(data, make_request(b"GET", b"/", [(b"host", b"a%d" % number)], ORIGIN))
    assert repeated.recognise(data) is None


def _answered(request_id: bytes, *, head: bool = False) -> Request:
    request = Request(b"HEAD" if head else b"GET", b"/", b"a")
    request.request_id = request_id
    return request


@pytest.mark.parametrize(
    ("own", "expected"), [pytest.param(b"", b"r2", id="the request's"), pytest.param(b"mine", b"mine", id="its own")]
)
def test_an_answer_is_recognised_with_its_own_id(own: bytes, expected: bytes) -> None:
    fields: Headers = [(b"content-length", b"2"), (b"x-a", b"1")]
    head = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nx-a: 1\r\n"
    if own:
        fields.append((b"x-request-id", own))
        head += b"x-request-id: %b\r\n" % own
    repeated = RepeatedResponse()
    repeated.learn(head + b"\r\nok", make_response(200, b"OK", fields, b"r1"), 2)
    again = repeated.recognise(head + b"\r\nno", _answered(b"r2"))
    assert again is not None
    assert encode_head(again, b"") == (
        b"HTTP/1.1 200 OK\r\nx-a: 1\r\ncontent-length: 2\r\nx-request-id: %b\r\n\r\n" % expected
    )
    assert repeated.body_of(head + b"\r\nno") == b"no"


def test_an_answer_is_parsed_when_its_body_is_not_all_there_or_the_request_was_a_head() -> None:
    head = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n"
    repeated = RepeatedResponse()
    repeated.learn(head + b"ok", make_response(200, b"OK", [(b"content-length", b"2")], b"r1"), 2)
    assert repeated.recognise(head + b"o", _answered(b"r2")) is None
    assert repeated.recognise(head + b"okay", _answered(b"r2")) is None
    assert repeated.recognise(head + b"ok", _answered(b"r2", head=True)) is None


def test_an_interim_answer_and_the_final_one_in_one_read_are_not_taken_for_one_head() -> None:
    data = b"HTTP/1.1 103 Early\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
    repeated = RepeatedResponse()
    repeated.learn(data, make_response(200, b"OK", [(b"content-length", b"2")], b"r1"), 2)
    assert repeated.recognise(data, _answered(b"r2")) is None
