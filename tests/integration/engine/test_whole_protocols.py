"""What a client may speak to a real function: every kind of request, answer and event, through the whole engine."""

from __future__ import annotations

import asyncio
import hashlib
import json
import socket
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import websockets.sync.client

from tests.integration.engine.conftest import PATIENCE_S
from tests.integration.engine.whole import Whole, host, running

CODE = """
import asyncio
import hashlib
import threading
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass

import flask
from starlette.applications import Starlette
from starlette.responses import JSONResponse, StreamingResponse
from starlette.routing import Route, WebSocketRoute

from faas import Context, Event, Request, ServerSentEvent, WebSocket, function

MEGABYTE = bytes(range(256)) * 4096

@dataclass
class Order:
    id: int
    amount: float

@dataclass
class Shipped:
    order: int

go_on = asyncio.Event()

@function.event(type="com.acme.order.created", reply_type="com.acme.order.shipped")
async def on_order(order: Order, event: Event) -> Shipped:
    return Shipped(order.id)

@function.event(type="com.acme.note")
async def on_note(event: Event, ctx: Context) -> None:
    await ctx.publish(Event("com.acme.heard", {"of": event.id}))

@function.http("/sse", service="streams")
async def ticks(n: int = 3) -> AsyncIterator[ServerSentEvent]:
    yield ServerSentEvent({"n": 0}, event="tick", id="0")
    await go_on.wait()
    for number in range(1, n):
        yield ServerSentEvent({"n": number}, event="tick", id=str(number))

@function.http("/go-on", service="streams")
async def proceed() -> None:
    go_on.set()

@function.http("/lines", service="streams")
def lines() -> Iterator[str]:
    yield "one\\n"
    yield "two\\n"

@function.http("/broken", service="streams")
def broken() -> Iterator[str]:
    yield "one\\n"
    raise RuntimeError("in the middle")

@function.http("/upload", methods=["POST"], service="streams", max_body="64Mi")
async def upload(body: bytes) -> dict:
    return {"size": len(body), "sha256": hashlib.sha256(body).hexdigest()}

@function.http("/digest", methods=["POST"], service="streams")
async def digest(request: Request) -> dict:
    size, read = 0, hashlib.sha256()
    async for chunk in request:
        size += len(chunk)
        read.update(chunk)
    return {"size": size, "sha256": read.hexdigest()}

@function.http("/download", service="streams")
async def download(megabytes: int = 50) -> AsyncIterator[bytes]:
    for _ in range(megabytes):
        yield MEGABYTE

@function.http("/echo", service="streams")
async def echo(ws: WebSocket) -> None:
    async for message in ws:
        await ws.send(message if isinstance(message, bytes) else message.upper())

@function(name="classic")
def classic(request: flask.Request) -> tuple:
    return flask.jsonify(query=request.args["q"], agent=request.headers["X-Agent"], path=request.path), 201

web = flask.Flask("web")

@web.post("/hello/<name>")
def greet(name):
    return {"hello": name, "form": flask.request.form["a"], "url": flask.request.url}

function.app(web, name="web")

async def show(request):
    body = await request.body()
    return JSONResponse({"path": request.url.path, "scheme": request.url.scheme, "body": body.decode()})

async def count(request):
    async def numbers():
        for number in range(3):
            yield str(number)
    return StreamingResponse(numbers(), media_type="text/plain")

async def talk(ws):
    await ws.accept()
    await ws.send_text(await ws.receive_text() + "!")
    await ws.close(4001)

star = Starlette(routes=[Route("/show", show, methods=["PUT"]), Route("/count", count), WebSocketRoute("/talk", talk)])
function.app(star, name="star")
"""
EVENT = {"specversion": "1.0", "type": "com.acme.order.created", "source": "/shop", "subject": "eu/1"}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Whole]:
    folder = tmp_path_factory.mktemp("whole")
    with running(folder) as whole:
        whole.serve(folder / "shop", CODE)
        yield whole


def order(id: str, data: Any = None) -> dict[str, Any]:
    return {**EVENT, "id": id, "datacontenttype": "application/json", "data": data or {"id": 7, "amount": 1.5}}


# Events


@pytest.mark.parametrize("form", [pytest.param((), id="binary"), pytest.param(("--structured",), id="structured")])
def test_an_event_is_invoked_and_its_reply_is_shown(whole: Whole, form: tuple[str, ...]) -> None:
    sent = ("--event", EVENT["type"], "--id", "e1", "--subject", "eu/1", "--json", '{"id": 7, "amount": 1.5}', *form)

    document = json.loads(whole.faas("invoke", "on-order", *sent, "-o", "json"))

    assert document["status"] == 200
    assert json.loads(document["body"]) == {"order": 7}
    headers = document["headers"]
    assert headers["ce-type"] == "com.acme.order.shipped"
    assert headers["ce-subject"] == "eu/1"
    assert headers["ce-source"] == "/apis/serving.knative.dev/v1/namespaces/default/services/on-order"
    again = json.loads(whole.faas("invoke", "on-order", *sent, "-o", "json"))
    assert again["headers"]["ce-id"] == headers["ce-id"]  # a redelivery repeats it


def test_a_reply_event_is_shown_without_asking_for_json(whole: Whole) -> None:
    sent = ("--event", EVENT["type"], "--json", '{"id": 8, "amount": 1}')

    assert json.loads(whole.faas("invoke", "on-order", *sent)) == {"order": 8}
    assert whole.said.startswith("200")
    assert "com.acme.order.shipped" in whole.said


def test_a_batch_is_answered_with_a_batch_of_replies(whole: Whole) -> None:
    batch = [order("b1"), order("b2", {"id": 9, "amount": 2})]
    headers = {"Content-Type": "application/cloudevents-batch+json"}
    with whole.local("on-order") as client:
        answer = client.post("/", content=json.dumps(batch), headers=headers)

    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("application/cloudevents-batch+json")
    assert [reply["data"] for reply in answer.json()] == [{"order": 7}, {"order": 9}]
    assert len({reply["id"] for reply in answer.json()}) == 2


def test_data_that_does_not_fit_is_refused_by_field_and_not_to_be_sent_again(whole: Whole) -> None:
    data = '{"id": "seven", "amount": 1}'

    problem = json.loads(whole.faas("invoke", "on-order", "--event", EVENT["type"], "--json", data, code=1))

    assert whole.said.startswith("422")
    assert problem["errors"][0]["pointer"] == "/id"
    headers = {"Content-Type": "application/cloudevents-batch+json"}
    with whole.local("on-order") as client:
        answer = client.post("/", content=json.dumps([order("b1"), order("b2", {"id": 1})]), headers=headers)
    assert answer.status_code == 422
    assert [item["status"] for item in answer.json()["items"]] == [422]


def test_an_event_function_is_not_there_for_the_public(whole: Whole) -> None:
    for url, headers in ((whole.file.public_url, {"Host": host("on-order")}),
                         (f"{whole.file.public_url}/_/default/on-order/", {})):  # fmt: skip
        types = {"Content-Type": "application/cloudevents+json"}
        answer = httpx.post(url, json=order("e1"), headers={**headers, **types}, verify=False)
        assert answer.status_code == 404


def test_what_a_function_publishes_is_taken_by_the_broker_of_its_project(whole: Whole) -> None:
    whole.faas("invoke", "on-note", "--event", "com.acme.note")

    assert whole.said.startswith("204")  # not before the event was stored


# Streams


def test_events_arrive_one_by_one_while_the_function_goes_on(whole: Whole) -> None:
    with whole.http("streams") as client, whole.http("streams") as other, client.stream("GET", "/sse") as answer:
        assert answer.headers["content-type"] == "text/event-stream"
        parts = answer.iter_text()
        assert next(parts) == 'event: tick\nid: 0\ndata: {"n":0}\n\n'
        assert other.get("/go-on").status_code == 204
        assert "".join(parts) == 'event: tick\nid: 1\ndata: {"n":1}\n\nevent: tick\nid: 2\ndata: {"n":2}\n\n'


def test_a_generator_streams_and_one_that_fails_is_visibly_incomplete(whole: Whole) -> None:
    with whole.http("streams") as client:
        assert client.get("/lines").text == "one\ntwo\n"
        with pytest.raises(httpx.RemoteProtocolError):
            client.get("/broken")
        assert client.get("/lines").status_code == 200


def test_fifty_megabytes_pass_whole_in_both_directions(whole: Whole) -> None:
    megabyte = bytes(range(256)) * 4096
    expected = hashlib.sha256(megabyte * 50).hexdigest()
    with whole.http("streams") as client:
        sized = client.post("/upload", content=megabyte * 50)
        chunked = client.post("/upload", content=(megabyte for _ in range(50)))
        received = hashlib.sha256()
        with client.stream("GET", "/download") as answer:
            for part in answer.iter_bytes():
                received.update(part)
        streamed = client.post("/digest", content=(megabyte for _ in range(50)))

    assert sized.json() == chunked.json() == streamed.json() == {"size": 50 * 2**20, "sha256": expected}
    assert received.hexdigest() == expected


def test_a_body_above_the_limit_is_refused_before_it_is_sent(whole: Whole) -> None:
    with socket.create_connection(("127.0.0.1", whole.file.public_port), timeout=PATIENCE_S) as sock:
        sock.sendall(f"POST /upload HTTP/1.1\r\nHost: {host('streams')}\r\nContent-Length: 67108865\r\n\r\n".encode())
        assert sock.makefile("rb").readline().startswith(b"HTTP/1.1 413 ")


def test_a_websocket_carries_text_and_bytes_and_its_end(whole: Whole) -> None:
    with connect(whole, "streams", "/echo") as ws:
        ws.send("hello")
        assert ws.recv() == "HELLO"
        ws.send(b"\x00" * 100_000)
        assert ws.recv() == b"\x00" * 100_000

    with connect(whole, "star", "/talk") as ws:
        ws.send("hi")
        assert ws.recv() == "hi!"
        with pytest.raises(websockets.exceptions.ConnectionClosed):
            ws.recv()
        assert ws.close_code == 4001


def connect(whole: Whole, name: str, path: str) -> websockets.sync.client.ClientConnection:
    sock = socket.create_connection(("127.0.0.1", whole.file.public_port))
    return websockets.sync.client.connect(f"ws://{host(name)}{path}", sock=sock, open_timeout=PATIENCE_S)


def test_a_websocket_path_asked_for_plainly_says_how_to_ask(whole: Whole) -> None:
    with whole.http("streams") as client:
        assert client.get("/echo").status_code == 426


def test_http2_with_prior_knowledge_carries_bodies_both_ways(whole: Whole) -> None:
    with whole.http("streams", http1=False, http2=True) as client:
        answer = client.post("/upload", content=b"x" * 1_000_000)
        assert (answer.http_version, answer.json()["size"]) == ("HTTP/2", 1_000_000)
        assert len(client.get("/download?megabytes=5").content) == 5 * 2**20

    async def at_once() -> list[int]:
        headers = {"Host": host("streams")}
        async with httpx.AsyncClient(http1=False, http2=True, headers=headers, verify=False) as client:
            answers = await asyncio.gather(*(client.get(f"{whole.file.public_url}/lines") for _ in range(50)))
            return [answer.status_code for answer in answers]

    assert asyncio.run(at_once()) == [200] * 50


def test_a_client_that_waits_for_100_continue_gets_it(whole: Whole) -> None:
    with socket.create_connection(("127.0.0.1", whole.file.public_port), timeout=PATIENCE_S) as sock:
        head = f"POST /upload HTTP/1.1\r\nHost: {host('streams')}\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n"
        sock.sendall(head.encode())
        with sock.makefile("rb") as received:
            assert received.readline() == b"HTTP/1.1 100 Continue\r\n"
            assert received.readline() == b"\r\n"
            sock.sendall(b"hello")
            assert received.readline() == b"HTTP/1.1 200 OK\r\n"


# Applications


def test_a_handler_with_flasks_request_may_use_all_of_flask(whole: Whole) -> None:
    with whole.http("classic") as client:
        answer = client.get("/?q=1", headers={"X-Agent": "007"})

    assert (answer.status_code, answer.json()) == (201, {"query": "1", "agent": "007", "path": "/"})


def test_a_flask_application_is_a_function(whole: Whole) -> None:
    with whole.http("web") as client:
        answer = client.post("/hello/Ada", data={"a": "b"})
        assert client.get("/nothing").status_code == 404

    url = f"http://{host('web')}/hello/Ada"
    assert answer.json() == {"hello": "Ada", "form": "b", "url": url}


def test_an_asgi_application_is_a_function(whole: Whole) -> None:
    with whole.http("star") as client:
        assert client.put("/show", content=b"hi").json() == {"path": "/show", "scheme": "http", "body": "hi"}
        assert client.get("/count").text == "012"
        assert client.get("/show").status_code == 405
