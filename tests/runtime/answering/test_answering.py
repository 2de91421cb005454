"""Requests in, answers out, through the in-process client."""

import enum
import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Literal, TypedDict
from uuid import UUID

import flask
import msgspec
import pydantic
import pytest
from faas_runtime.settings import Settings

from faas import Context, Event, HTTPError, Request, Response, ServerSentEvent, WebSocket, WebSocketClosed, function
from faas.testing import Client


@dataclass
class Item:
    sku: str
    count: int = 1


@dataclass
class Order:
    id: int
    items: list[Item] = field(default_factory=list)
    note: str = "none"


class Point(msgspec.Struct):
    x: float
    y: float = 0.0


class Model(pydantic.BaseModel):
    name: str
    tags: list[str] = []


class Words(TypedDict):
    words: list[str]


class Color(enum.Enum):
    red = "red"


def test_a_body_a_path_and_a_query_fill_their_parameters() -> None:
    @function.http("/orders/{id}", methods=["POST"])
    def handler(id: int, order: Order, currency: str = "EUR", tag: list[str] | None = None) -> list[Any]:
        return [id, order, currency, tag]

    with Client(handler) as client:
        answer = client.post("/orders/7?currency=USD&tag=a&tag=b%20c", json={"id": 1, "items": [{"sku": "x"}]})
    order = {"id": 1, "items": [{"sku": "x", "count": 1}], "note": "none"}
    assert (answer.status, answer.json()) == (200, [7, order, "USD", ["a", "b c"]])
    assert answer.headers["content-type"] == "application/json"


@pytest.mark.parametrize(
    ("annotation", "text", "value"),
    [
        (int, "-3", -3),
        (float, "1.5", 1.5),
        (bool, "true", True),
        (bool, "0", False),
        (str, "ä", "ä"),
        (UUID, "12345678123456781234567812345678", "12345678-1234-5678-1234-567812345678"),
        (date, "2026-12-05", "2026-12-05"),
        (Color, "red", "red"),
        (Literal["a", "b"], "b", "b"),
        (int | None, "4", 4),
    ],
)
def test_query_scalars_are_converted(annotation: Any, text: str, value: Any) -> None:
    def handler(x):  # type: ignore[no-untyped-def]
        return {"x": x}

    handler.__annotations__["x"] = annotation
    function(handler)
    with Client(handler) as client:
        assert client.get("/", params={"x": text}).json() == {"x": value}


@pytest.mark.parametrize(
    ("annotation", "body", "value"),
    [
        (Order, b'{"id":1}', {"id": 1, "items": [], "note": "none"}),
        (Point, b'{"x":1}', {"x": 1.0, "y": 0.0}),
        (Model, b'{"name":"a"}', {"name": "a", "tags": []}),
        (Words, b'{"words":["a"]}', {"words": ["a"]}),
        (dict, b'{"a":1}', {"a": 1}),
        (list[Order], b'[{"id":2}]', [{"id": 2, "items": [], "note": "none"}]),
        (dict[str, Point], b'{"p":{"x":1}}', {"p": {"x": 1.0, "y": 0.0}}),
        (Any, b"[1]", [1]),
    ],
)
def test_bodies_of_every_kind_come_in_and_go_out(annotation: Any, body: bytes, value: Any) -> None:
    def handler(body):  # type: ignore[no-untyped-def]
        return body

    handler.__annotations__["body"] = annotation
    function(handler)
    with Client(handler) as client:
        assert client.post("/", content=body, headers={"content-type": "application/json"}).json() == value


@pytest.mark.parametrize(
    ("request_", "status", "entry"),
    [
        pytest.param({"content": b"{"}, 400, None, id="no json"),
        pytest.param(
            {"json": {"id": "x"}},
            422,
            {"in": "body", "detail": "Expected `int`, got `str`", "pointer": "/id"},
            id="type",
        ),
        pytest.param(
            {"json": {"id": 1, "items": [{"sku": "a"}, {}]}},
            422,
            {"in": "body", "detail": "Object missing required field `sku`", "pointer": "/items/1/sku"},
            id="nested",
        ),
        pytest.param({}, 422, {"in": "body", "detail": "is required", "pointer": ""}, id="no body"),
        pytest.param(
            {"json": {"id": 1}, "params": {"n": "many"}},
            422,
            {"in": "query", "detail": "Expected `int`, got `str`", "parameter": "n"},
            id="query",
        ),
        pytest.param({"content": b"x", "headers": {"content-type": "text/csv"}}, 415, None, id="media type"),
        pytest.param(
            {"content": b'{"id":1}', "headers": {"content-type": "application/x-www-form-urlencoded"}},
            415,
            None,
            id="curl",
        ),
    ],
)
def test_what_does_not_fit_is_a_problem_document_that_names_the_field(
    request_: dict[str, Any], status: int, entry: dict[str, str] | None
) -> None:
    @function
    def handler(order: Order, n: int = 0) -> None: ...

    with Client(handler) as client:
        answer = client.post("/", **request_)
    assert (answer.status, answer.headers["content-type"]) == (status, "application/problem+json")
    assert answer.json()["status"] == status
    assert answer.json().get("errors") == ([entry] if entry else None)


def test_pydantic_errors_name_their_fields_too() -> None:
    @function
    def handler(model: Model) -> None: ...

    with Client(handler) as client:
        answer = client.post("/", json={"tags": [1]})
        broken = client.post("/", content=b"{", headers={"content-type": "application/json"})
    assert [error["pointer"] for error in answer.json()["errors"]] == ["/name", "/tags/0"]
    assert broken.status == 400


def test_json_nested_without_end_is_the_clients_mistake() -> None:
    @function
    def handler(body: dict[str, Any]) -> None: ...

    with Client(handler) as client:
        answer = client.post(
            "/", content=b'{"a":' * 100_000 + b"1" + b"}" * 100_000, headers={"content-type": "application/json"}
        )
    assert (answer.status, answer.json()["detail"]) == (400, "the body is nested too deeply")


def test_a_form_fills_a_dataclass() -> None:
    @function
    def handler(item: Item) -> Item:
        return item

    with Client(handler) as client:
        assert client.post("/", data={"sku": "ä b", "count": "3"}).json() == {"sku": "ä b", "count": 3}


def numbers() -> Iterator[str]:
    yield "a"
    yield "b"


async def ticks() -> AsyncIterator[ServerSentEvent]:
    yield ServerSentEvent({"n": 1}, event="tick", id="1")
    yield ServerSentEvent("two\nlines", retry_ms=5)


@pytest.mark.parametrize(
    ("result", "status", "content_type", "content"),
    [
        (None, 204, None, b""),
        ("hé", 200, "text/plain; charset=utf-8", "hé".encode()),
        (b"\0", 200, "application/octet-stream", b"\0"),
        ([1], 200, "application/json", b"[1]"),
        (Item("a"), 200, "application/json", b'{"sku":"a","count":1}'),
        (True, 200, "application/json", b"true"),
        (({"a": 1}, 201), 201, "application/json", b'{"a":1}'),
        (("<p>", 202, {"Content-Type": "text/html"}), 202, "text/html", b"<p>"),
        ((None, 201), 201, None, b""),
        (Response("x", 203, {"x-a": "1"}, content_type="text/css"), 203, "text/css", b"x"),
    ],
)
def test_results_become_answers(result: Any, status: int, content_type: str | None, content: bytes) -> None:
    @function
    def handler() -> Any:
        return result

    with Client(handler) as client:
        answer = client.get("/")
    assert (answer.status, answer.headers.get("content-type"), answer.content) == (status, content_type, content)
    if status != 204:
        assert answer.headers["content-length"] == str(len(content))


def test_generators_are_streamed() -> None:
    function.http("/numbers", service="s")(numbers)
    function.http("/ticks", service="s")(ticks)

    @function.http("/rows", service="s")
    def rows() -> Iterator[dict[str, int]]:
        yield {"a": 1}
        yield {"a": 2}

    with Client() as client:
        assert client.get("/numbers").content == b"ab"
        answer = client.get("/ticks")
        assert answer.headers["content-type"] == "text/event-stream"
        assert answer.text == 'event: tick\nid: 1\ndata: {"n":1}\n\nretry: 5\ndata: two\ndata: lines\n\n'
        assert client.get("/rows").text == '{"a":1}\n{"a":2}\n'
        assert client.get("/rows").headers["content-type"] == "application/x-ndjson"


def test_a_stream_that_fails_before_its_first_piece_is_a_500_and_later_an_incomplete_answer(
    capsys: pytest.CaptureFixture[str],
) -> None:
    @function.http("/early", service="s")
    def early() -> Iterator[str]:
        raise OSError("early")
        yield ""

    @function.http("/late", service="s")
    async def late() -> AsyncIterator[str]:
        yield "a"
        raise OSError("late")

    with Client() as client:
        assert client.get("/early").status == 500
        answer = client.get("/late")
    assert (answer.status, answer.content, answer.complete) == (200, b"a", False)
    assert "the stream broke off: OSError: late" in capsys.readouterr().err


def test_errors_of_the_handler(capsys: pytest.CaptureFixture[str]) -> None:
    @function.http("/no", service="s")
    def no() -> None:
        raise HTTPError(409, "taken", headers={"retry-after": "3"}, holder="ann")

    @function.http("/bug", service="s")
    async def bug() -> None:
        raise ValueError("secret detail")

    @function.http("/odd", service="s")
    def odd() -> Any:
        return object()

    with Client() as client:
        taken, failed, odd_answer = client.get("/no"), client.get("/bug"), client.get("/odd")
    assert (taken.status, taken.headers["retry-after"]) == (409, "3")
    assert taken.json() | {"request_id": ""} == {
        "title": "Conflict",
        "status": 409,
        "detail": "taken",
        "holder": "ann",
        "request_id": "",
    }
    assert (failed.status, odd_answer.status) == (500, 500)
    assert "secret" not in failed.text
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert lines[0]["request_id"] == failed.json()["request_id"]
    assert lines[0]["exception"].endswith("ValueError: secret detail\n")
    assert "object has no JSON form" in lines[1]["message"]


def test_under_faas_run_the_traceback_reaches_the_client() -> None:
    @function
    def bug() -> None:
        raise ValueError("here")

    with Client(bug, settings=Settings(dev=True)) as client:
        traceback = client.get("/").json()["traceback"]
        assert 'raise ValueError("here")' in traceback
        assert "faas_runtime" not in traceback


def test_routes_methods_head_and_options() -> None:
    @function.http("/a", methods=["GET"], service="s")
    def read() -> str:
        return "read"

    @function.http("/a", methods=["POST"], service="s")
    def write() -> str:
        return "write"

    @function.http("/a/{name}", service="s")
    def one(name: str) -> str:
        return f"one {name}"

    @function.http("/a/new", service="s")
    def new() -> str:
        return "new"

    @function.http("/files/{rest:path}", service="s")
    def files(rest: str) -> str:
        return rest

    with Client() as client:
        assert [client.get("/a").text, client.post("/a").text] == ["read", "write"]
        assert [client.get("/a/x").text, client.get("/a/new").text] == ["one x", "new"]
        assert client.get("/files/b/c.txt").text == "b/c.txt"
        head = client.request("HEAD", "/a")
        assert (head.status, head.content, head.headers["content-length"]) == (200, b"", "4")
        refused = client.delete("/a")
        assert (refused.status, refused.headers["allow"]) == (405, "GET, HEAD, OPTIONS, POST")
        assert client.request("OPTIONS", "/a").headers["allow"] == "GET, HEAD, OPTIONS, POST"
        assert [client.get("/b").status, client.get("/a/").status] == [404, 404]


def test_a_body_above_the_limit_is_refused() -> None:
    @function(max_body="1Ki")
    def handler(body: bytes) -> int:
        return len(body)

    with Client(handler) as client:
        assert client.post("/", content=b"x" * 1024).json() == 1024
        assert client.post("/", content=b"x" * 1025).status == 413


def test_a_request_is_read_piece_by_piece() -> None:
    @function.http("/sync", service="s")
    def sync(request: Request) -> list[int]:
        return [len(chunk) for chunk in request]

    @function.http("/async", service="s")
    async def async_(request: Request) -> dict[str, Any]:
        return {
            "size": len(await request.body()),
            "method": request.method,
            "q": request.query,
            "h": request.headers["x-a"],
        }

    with Client() as client:
        assert client.post("/sync", content=b"abc").json() == [3]
        assert client.post("/async?a=1", content=b"abc", headers={"X-A": "b"}).json() == {
            "size": 3,
            "method": "POST",
            "q": {"a": "1"},
            "h": "b",
        }


def test_flask_requests_and_responses() -> None:
    @function
    def handler(request: flask.Request) -> Any:
        if request.args.get("abort"):
            flask.abort(418)
        response = flask.jsonify(name=flask.request.json["name"], path=request.path)
        response.set_cookie("a", "1")
        return response

    with Client(handler) as client:
        answer = client.post("/", json={"name": "x"})
        assert (answer.json(), answer.headers["set-cookie"]) == ({"name": "x", "path": "/"}, "a=1; Path=/")
        assert client.post("/?abort=1", json={}).status == 418


def test_a_wsgi_application_is_a_function() -> None:
    app = flask.Flask("web")

    @app.post("/echo")
    def echo() -> Any:
        return flask.Response((piece for piece in [b"<", flask.request.data, b">"]), mimetype="text/plain")

    assert function.app(app, name="web") is app
    with Client() as client:
        assert client.post("/echo", content=b"hi").content == b"<hi>"
        assert client.get("/nowhere").status == 404


def test_an_asgi_application_is_a_function_with_its_own_lifespan() -> None:
    seen: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            while True:
                message = await receive()
                seen.append(message["type"])
                await send({"type": message["type"] + ".complete"})
                if message["type"] == "lifespan.shutdown":
                    return
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": scope["path"].encode()})

    function.app(app, name="site")
    with Client() as client:
        assert client.get("/a/b").text == "/a/b"
        assert client.get("/").text == "/"
    assert seen == ["lifespan.startup", "lifespan.shutdown"]


def test_websockets() -> None:
    @function.http("/echo/{room}")
    async def echo(ws: WebSocket, room: str, limit: int = 9) -> None:
        async for message in ws:
            if message == "leave":
                return
            await ws.send(f"{room}: {message}" if isinstance(message, str) else message)

    with Client(echo) as client:
        with client.websocket("/echo/a") as ws:
            ws.send("hi")
            assert ws.receive() == "a: hi"
            ws.send(b"\0")
            assert ws.receive() == b"\0"
            ws.send("leave")
            with pytest.raises(WebSocketClosed) as closed:
                ws.receive()
        assert closed.value.code == 1000
        with pytest.raises(WebSocketClosed), client.websocket("/echo/a?limit=x"):
            pass
        with pytest.raises(WebSocketClosed), client.websocket("/nowhere"):
            pass
        assert client.get("/echo/a").status == 426


def test_an_http_function_may_take_an_event() -> None:
    @function
    def handler(event: Event[Item]) -> Item:
        return event.data

    with Client(handler) as client:
        headers = {"ce-specversion": "1.0", "ce-id": "1", "ce-source": "s", "ce-type": "t"}
        assert client.post("/", json={"sku": "a"}, headers=headers).json() == {"sku": "a", "count": 1}
        assert client.post("/", json={"sku": "a"}).status == 400


def test_a_default_is_used_where_nothing_came() -> None:
    @function
    def handler(ctx: Context, item: Item | None = None, n=3) -> list[Any]:  # type: ignore[no-untyped-def]
        return [item, n, ctx.function]

    with Client(handler) as client:
        assert client.post("/").json() == [None, 3, "handler"]
