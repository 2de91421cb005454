"""What a Broker hears that delivers an event: a CloudEvent or nothing, since it delivers again after anything else."""

import http.client
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import flask
import pytest
from faas_runtime.answering import delivered

from faas import Event, HTTPError, Response, function
from faas.testing import Client

BINARY = {
    "ce-specversion": "1.0", "ce-id": "1", "ce-source": "/shop", "ce-type": "order.created",
    "content-type": "application/json",
}  # fmt: skip
DELIVERED = {**BINARY, "prefer": "reply"}
EVENT = {"specversion": "1.0", "id": "1", "source": "/shop", "type": "order.created", "data": {"id": 7}}


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        (DELIVERED, True),
        ({"prefer": "respond-async, Reply; wait=1", "content-type": "application/cloudevents+json"}, True),
        (BINARY, False),
        ({**BINARY, "prefer": "return=minimal"}, False),
        ({"prefer": "reply", "content-type": "application/json"}, False),
    ],
)
def test_what_a_delivery_is(headers: dict[str, str], expected: bool) -> None:
    assert delivered.is_delivery({name.encode(): value.encode() for name, value in headers.items()}) is expected


def test_an_http_function_that_takes_dead_letters_answers_a_broker_with_nothing_and_others_as_ever() -> None:
    @function
    def bury(id: int) -> dict[str, int]:
        return {"buried": id}

    with Client(bury) as client:
        for structured in (False, True):
            headers = {**DELIVERED, "content-type": "application/cloudevents+json"} if structured else DELIVERED
            answer = client.post("/?id=7", headers=headers, json=EVENT)
            assert (answer.status, answer.content, answer.headers.get("content-type")) == (204, b"", None)
        by_hand = client.post("/?id=7", headers=BINARY, json={"id": 7})
        assert (by_hand.status, by_hand.json()) == (200, {"buried": 7})


def test_it_is_said_once(capfd: pytest.CaptureFixture[str]) -> None:
    @function
    def talkative() -> str:
        return "hello"

    with Client(talkative) as client:
        for _ in range(3):
            assert client.post(headers=DELIVERED, json={}).status == 204
    assert capfd.readouterr().err.count("what this function answers is no CloudEvent") == 1


def test_what_a_handler_of_events_answers_by_itself_is_no_reply_either() -> None:
    @function.event(type="order.created")
    def on_order(event: Event) -> Any:
        return Response("thank you", 201, {"x-count": "3"}) if event.data["id"] == 7 else ("kept", 202)

    with Client(on_order) as client:
        first = client.post(headers=DELIVERED, json={"id": 7})
        second = client.post(headers=DELIVERED, json={"id": 8})
    assert [(answer.status, answer.content) for answer in (first, second)] == [(204, b""), (204, b"")]
    assert first.headers["x-count"] == "3"


@pytest.mark.parametrize("made", [{"n": 1}, "text", b"bytes", 5], ids=["dict", "str", "bytes", "int"])
def test_values_are_reply_events_whatever_their_type(made: Any) -> None:
    @function.event(type="order.created")
    def on_order() -> Any:
        return made

    with Client(on_order) as client:
        answer = client.post(headers=DELIVERED, json={})
    assert (answer.status, answer.headers["ce-specversion"]) == (200, "1.0")
    assert answer.headers["ce-type"].endswith("on_order.reply")


def test_an_event_that_an_http_function_returns_is_a_reply() -> None:
    @function
    def on_anything() -> Event:
        return Event("seen", {"n": 1})

    with Client(on_anything) as client:
        answer = client.post(headers=DELIVERED, json={})
    assert (answer.status, answer.headers["ce-type"], answer.json()) == (200, "seen", {"n": 1})


def test_failures_keep_their_status_and_what_they_say() -> None:
    @function
    def broken() -> None:
        raise HTTPError(409, "not now")

    with Client(broken) as client:
        answer = client.post(headers=DELIVERED, json={})
    assert (answer.status, answer.json()["detail"]) == (409, "not now")


def test_streams_are_read_to_their_end_and_heard_by_nobody() -> None:
    seen: list[int] = []

    @function.http("/rows")
    def rows() -> Iterator[str]:
        for n in range(3):
            seen.append(n)
            yield "row\n"

    @function.http("/ticks")
    async def ticks() -> AsyncIterator[str]:
        for n in range(3):
            seen.append(n)
            yield "tick\n"

    with Client() as client:
        for path, name in (("/rows", "rows"), ("/ticks", "ticks")):
            answer = client.post(path, headers=DELIVERED, json={}, function=name)
            assert (answer.status, answer.content) == (204, b"")
    assert seen == [0, 1, 2, 0, 1, 2]


def test_mounted_applications_too() -> None:
    app = flask.Flask("web")

    @app.post("/page")
    def page() -> str:
        return "<h1>Hello</h1>"

    @app.post("/pieces")
    def pieces() -> flask.Response:
        return flask.Response((piece for piece in [b"<", b">"]), mimetype="text/plain")

    @app.post("/reply")
    def reply() -> flask.Response:
        return flask.Response("{}", headers={"ce-specversion": "1.0", "ce-id": "2", "ce-source": "/a", "ce-type": "b"})

    @app.post("/wrong")
    def wrong() -> tuple[str, int]:
        return "no", 400

    async def asgi(scope: Any, receive: Any, send: Any) -> None:
        assert scope["type"] == "http"
        await send({"type": "http.response.start", "status": 200, "headers": [(b"Content-Type", b"text/plain")]})
        await send({"type": "http.response.body", "body": b"a", "more_body": True})
        await send({"type": "http.response.body", "body": b"b"})

    function.app(app, name="web")
    function.app(asgi, name="site")
    with Client() as client:
        answers = {
            path: client.post(path, headers=DELIVERED, json={}, function="web")
            for path in ("/page", "/pieces", "/reply", "/wrong")
        }
        site = client.post("/", headers=DELIVERED, json={}, function="site")
    assert {path: (answer.status, answer.content) for path, answer in answers.items()} == {
        "/page": (204, b""), "/pieces": (204, b""), "/reply": (200, b"{}"), "/wrong": (400, b"no"),
    }  # fmt: skip
    assert (site.status, site.content) == (204, b"")


def test_a_broker_that_takes_one_reply_gets_the_last_and_the_others_are_published_before() -> None:
    @function.event(type="order.created")
    def parts() -> list[Event]:
        return [Event("part", n, id=str(n)) for n in range(3)]

    with Client(parts) as client:
        answer = client.post(headers=DELIVERED, json={})
        assert (answer.headers["ce-type"], answer.headers["ce-id"]) == ("part", "2")
        assert [event.id for event in client.events] == ["0", "1"]
        whole = client.post(headers={**DELIVERED, "accept": "application/cloudevents-batch+json, */*"}, json={})
    assert whole.headers["content-type"].startswith("application/cloudevents-batch+json")
    assert [each["id"] for each in whole.json()] == ["0", "1", "2"]


MAIN = """
from faas import function

@function
def bury(id: int) -> dict:
    return {"buried": id}

@function.http("/rows", service="bury")
def rows():
    yield "a"
    yield "b"
"""


def test_the_server_keeps_the_connection_of_who_was_answered_with_nothing(tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text(MAIN)
    process = subprocess.Popen(
        [sys.executable, "-m", "faas_runtime"], cwd=tmp_path, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "PORT": "0", "FAAS_FUNCTION": "main"},
    )  # fmt: skip
    try:
        assert process.stderr is not None
        line = process.stderr.readline()
        assert " on http://" in line, line
        connection = http.client.HTTPConnection("127.0.0.1", int(line.rsplit(":", 1)[1]), timeout=30)
        answers = []
        for path in ("/?id=1", "/rows", "/?id=2"):
            connection.request("POST" if path != "/rows" else "GET", path, json.dumps({"id": 1}), DELIVERED)
            found = connection.getresponse()
            answers.append((found.status, found.read(), found.will_close))
        connection.close()
    finally:
        process.kill()
        process.wait(10)
        if process.stderr is not None:
            process.stderr.close()
    assert answers == [(204, b"", False)] * 3
