"""Connections that are kept alive and requests that are pipelined, over real sockets."""

from __future__ import annotations

import ast
import http.client
import os
import select
import socket
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

PATIENCE_S = 20.0
LARGE = 210_000
SOURCE = """
    import asyncio, gc, os
    from contextvars import ContextVar
    from faas_runtime import Context, Request, function

    seen = ContextVar("seen", default="nothing")
    cancelled = []

    @function.http("/", service="s")
    async def size(request: Request) -> int:
        total = 0
        async for chunk in request:
            total += len(chunk)
        return total

    @function.http("/text", service="s")
    def text(name: str = "x") -> str:
        return name

    @function.http("/remember", service="s")
    async def remember(name: str) -> str:
        before = seen.get()
        seen.set(name)
        return before

    @function.http("/garbage", service="s")
    async def garbage() -> int:
        found = gc.collect()
        gc.disable()
        return found

    @function.http("/wait", service="s")
    async def wait() -> str:
        open("started", "w").close()
        while not os.path.exists("go"):
            await asyncio.sleep(0.01)
        return "waited"

    @function.http("/left", service="s")
    async def left() -> str:
        open("waiting", "w").close()
        try:
            await asyncio.Event().wait()
        finally:
            open("cancelled", "w").close()

    async def mounted(scope, receive, send):
        if scope["type"] != "http":
            return
        if scope["path"].startswith("/mounted/scope"):
            kept = {name: value for name, value in scope.items() if not name.startswith("faas.")}
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": repr(kept).encode()})
        elif scope["path"] == "/mounted/background":
            headers = [(b"content-length", b"4")]
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            await send({"type": "http.response.body", "body": b"done"})
            while not os.path.exists("go"):
                await asyncio.sleep(0.01)
            open("background", "w").close()
        elif scope["path"] == "/mounted/leaving":
            open("waiting", "w").close()
            await receive()
            message = await receive()
            await asyncio.sleep(0.01)
            open(message["type"], "w").close()
        elif scope["path"] == "/mounted/short":
            await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"10")]})
            await send({"type": "http.response.body", "body": b"short"})
        elif scope["path"] == "/mounted/long":
            await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"4")]})
            await send({"type": "http.response.body", "body": b"too long"})
        elif scope["path"] == "/mounted/split":
            headers = [(b"x-evil", b"a\\r\\nset-cookie: b")]
            await send({"type": "http.response.start", "status": 200, "headers": headers})
        elif scope["path"] == "/mounted/pieces":
            await send({"type": "http.response.start", "status": 200, "headers": []})
            for _ in range(3):
                await send({"type": "http.response.body", "body": b"a" * 100_000, "more_body": True})
            await send({"type": "http.response.body", "body": b"end"})
        elif scope["path"] == "/mounted/nothing":
            return

    function.app(mounted, name="mounted", service="s")
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "main.py").write_text(textwrap.dedent(SOURCE))
    return tmp_path


@pytest.fixture
def port(project: Path) -> Iterator[int]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("FAAS_", "K_", "PORT"))}
    process = subprocess.Popen(
        [sys.executable, "-m", "faas_runtime"],
        cwd=project,
        env={**kept, "FAAS_FUNCTION": "main", "PORT": "0"},
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stderr is not None
        line = process.stderr.readline()
        assert "http://127.0.0.1:" in line, line + process.stderr.read()
        yield int(line.rsplit(":", 1)[1])
    finally:
        process.kill()
        process.communicate()


def connect(port: int) -> http.client.HTTPConnection:
    return http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)


def read_answers(client: socket.socket, count: int) -> list[tuple[int, bytes]]:
    """Answers framed by Content-Length, in the order they came."""
    answers: list[tuple[int, bytes]] = []
    reader = client.makefile("rb")
    for _ in range(count):
        status = int(reader.readline().split()[1])
        length = 0
        while (line := reader.readline()) != b"\r\n":
            if line.lower().startswith(b"content-length:"):
                length = int(line.split(b":")[1])
        answers.append((status, reader.read(length)))
    return answers


def post(body: bytes, path: bytes = b"/") -> bytes:
    return b"POST %b HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % (path, len(body)) + body


def wait_for(path: Path) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not path.exists():
        assert time.monotonic() < deadline, f"no {path.name}"
        os.sched_yield()


def test_a_large_body_follows_a_request_on_a_kept_connection(port: int) -> None:
    for _ in range(100):
        client = connect(port)
        client.request("GET", "/text")
        assert client.getresponse().read() == b"x"
        client.request("POST", "/", body=b"z" * LARGE)
        assert client.getresponse().read() == b"210000"
        client.close()


def test_pipelined_requests_are_answered_in_order_whatever_their_size(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S) as client:
        client.sendall(
            b"GET /text?name=first HTTP/1.1\r\nHost: x\r\n\r\n"
            + post(b"a" * LARGE)
            + post(b"b" * 3)
            + b"GET /text?name=last HTTP/1.1\r\nHost: x\r\n\r\n"
        )
        assert read_answers(client, 4) == [(200, b"first"), (200, b"210000"), (200, b"3"), (200, b"last")]


def test_a_pipelined_request_that_arrives_byte_by_byte_is_answered(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S) as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in post(b"abc") + post(b"de"):
            client.send(bytes([byte]))
        assert read_answers(client, 2) == [(200, b"3"), (200, b"2")]


def test_what_is_pipelined_behind_a_running_request_is_not_read_without_end(port: int, project: Path) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S) as client:
        client.sendall(b"GET /wait HTTP/1.1\r\nHost: x\r\n\r\n")
        wait_for(project / "started")
        client.setblocking(False)
        sent, following = 0, post(b"z" * 64_000_000)
        while select.select([], [client], [], 0.5)[1]:
            sent += client.send(following[sent : sent + 1_000_000])
        assert sent < 32_000_000  # what the kernel's buffers of both sides hold, and a little
        client.settimeout(PATIENCE_S)
        (project / "go").touch()
        client.sendall(following[sent:])
        assert read_answers(client, 2) == [(200, b"waited"), (200, b"64000000")]


def test_a_context_variable_does_not_outlive_its_request(port: int) -> None:
    request = b"GET /remember?name=%b HTTP/1.1\r\nHost: x\r\n\r\n"
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S) as client:
        client.sendall(request % b"a" + request % b"b")
        assert read_answers(client, 2) == [(200, b"nothing"), (200, b"nothing")]
        client.sendall(request % b"c")
        assert read_answers(client, 1) == [(200, b"nothing")]


@pytest.mark.parametrize("path", ["/text", "/remember?name=x", "/"])
def test_a_request_leaves_nothing_to_the_garbage_collector(port: int, path: str) -> None:
    client = connect(port)

    def get(path: str) -> bytes:
        client.request("GET", path)
        return client.getresponse().read()

    for each in (path, "/garbage", "/garbage"):
        get(each)
    for _ in range(100):
        get(path)
    assert int(get("/garbage")) < 100  # objects; below one a request
    client.close()


def test_a_handler_is_cancelled_when_its_client_leaves(port: int, project: Path) -> None:
    with socket.create_connection(("127.0.0.1", port)) as client:
        client.sendall(b"GET /left HTTP/1.1\r\nHost: x\r\n\r\n")
        wait_for(project / "waiting")
    wait_for(project / "cancelled")


def test_a_mounted_application_is_told_that_its_client_left(port: int, project: Path) -> None:
    with socket.create_connection(("127.0.0.1", port)) as client:
        client.sendall(b"GET /mounted/leaving HTTP/1.1\r\nHost: x\r\n\r\n")
        wait_for(project / "waiting")
    wait_for(project / "http.disconnect")


def test_the_next_request_does_not_wait_for_what_goes_on_after_an_answer(port: int, project: Path) -> None:
    client = connect(port)
    client.request("GET", "/mounted/background")
    assert client.getresponse().read() == b"done"
    client.request("GET", "/text?name=meanwhile")
    assert client.getresponse().read() == b"meanwhile"
    client.close()
    (project / "go").touch()
    wait_for(project / "background")


@pytest.mark.parametrize(
    ("path", "answer"),
    [
        pytest.param(b"/mounted/short", (b"200", b"short"), id="a body shorter than announced"),
        pytest.param(b"/mounted/split", (b"500", b"Internal Server Error"), id="a line break in a header"),
        pytest.param(b"/mounted/nothing", (b"500", b"Internal Server Error"), id="no answer"),
    ],
)
def test_an_application_that_breaks_http_loses_its_connection(
    port: int, path: bytes, answer: tuple[bytes, bytes]
) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S) as client:
        client.sendall(b"GET %b HTTP/1.1\r\nHost: x\r\n\r\n" % path)
        received = client.makefile("rb").read()
    head, _, body = received.partition(b"\r\n\r\n")
    assert (head.split()[1], body) == answer
    assert b"set-cookie" not in received


def test_no_more_than_the_announced_length_is_sent(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S) as client:
        client.sendall(b"GET /mounted/long HTTP/1.1\r\nHost: x\r\n\r\nGET /text HTTP/1.1\r\nHost: x\r\n\r\n")
        assert read_answers(client, 2) == [(200, b"too "), (200, b"x")]


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        pytest.param(b"GET / HTTP/1.1\nHost: x\n\n", 400, id="bare line feeds"),
        pytest.param(b"GET / HTTP/1.1\r\nHost : x\r\n\r\n", 400, id="a space before the colon"),
        pytest.param(b"GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", 400, id="two hosts"),
        pytest.param(b"GET /\xff HTTP/1.1\r\nHost: x\r\n\r\n", 400, id="a byte no target may hold"),
        pytest.param(
            b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd", 400, id="two lengths"
        ),
        pytest.param(
            b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            400,
            id="two framings",
        ),
        pytest.param(b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n", 400, id="no end to be known"),
        pytest.param(
            b"POST / HTTP/1.1\r\nHost: x\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Ssl: on\r\n"
            b"Content-Length: 0\r\n\r\n",
            400,
            id="contradicting schemes",
        ),
    ],
)
def test_what_is_malformed_is_refused_and_ends_the_connection(port: int, request_bytes: bytes, status: int) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S) as client:
        client.sendall(request_bytes + b"GET /text HTTP/1.1\r\nHost: x\r\n\r\n")
        received = client.makefile("rb").read()
    assert int(received.split()[1]) == status
    assert received.count(b"HTTP/1.1") == 1


def test_a_body_that_nobody_reads_does_not_cost_the_connection(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S) as client:
        client.sendall(b"POST /mounted/long HTTP/1.1\r\nHost: x\r\nContent-Length: 7\r\n\r\n")
        assert read_answers(client, 1) == [(200, b"too ")]
        client.sendall(b"unread!" + post(b"abc"))
        assert read_answers(client, 1) == [(200, b"3")]


def test_a_large_body_that_nobody_reads_ends_the_connection(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S) as client:
        client.sendall(b"POST /mounted/long HTTP/1.1\r\nHost: x\r\nContent-Length: 64000000\r\n\r\n")
        assert read_answers(client, 1) == [(200, b"too ")]
        with pytest.raises(ConnectionError):
            client.sendall(b"x" * 64_000_000)


def test_a_client_that_expects_100_is_told_to_continue(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S) as client:
        client.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n")
        assert client.recv(4096) == b"HTTP/1.1 100 Continue\r\n\r\n"
        client.sendall(b"ab")
        assert read_answers(client, 1) == [(200, b"2")]


def test_a_client_that_expects_100_and_is_refused_at_once_is_closed_upon(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S) as client:
        head = b"POST /mounted/long HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n"
        client.sendall(head)
        answer = client.makefile("rb").read()
    assert b"Connection: close" in answer
    assert b"100 Continue" not in answer


@pytest.mark.parametrize(
    ("version", "header", "closes"),
    [
        pytest.param(b"1.1", b"", False, id="1.1"),
        pytest.param(b"1.1", b"Connection: close\r\n", True, id="1.1 close"),
        pytest.param(b"1.1", b"Connection: keep-alive\r\n", False, id="1.1 keep-alive"),
        pytest.param(b"1.0", b"", True, id="1.0"),
        pytest.param(b"1.0", b"Connection: keep-alive\r\n", False, id="1.0 keep-alive"),
    ],
)
def test_when_a_connection_is_kept(port: int, version: bytes, header: bytes, closes: bool) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S) as client:
        client.sendall(b"GET /text HTTP/%b\r\nHost: x\r\n%b\r\n" % (version, header))
        assert read_answers(client, 1) == [(200, b"x")]
        client.sendall(b"GET /text HTTP/1.1\r\nHost: x\r\n\r\n")
        try:
            assert (client.recv(1) == b"") is closes
        except ConnectionResetError:
            assert closes


def test_an_answer_of_unknown_length_is_chunked_or_ends_with_the_connection(port: int) -> None:
    client = connect(port)
    client.request("GET", "/mounted/pieces")
    response = client.getresponse()
    assert response.getheader("transfer-encoding") == "chunked"
    assert response.read() == b"a" * 300_000 + b"end"
    client.close()
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S) as old:
        old.sendall(b"GET /mounted/pieces HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
        head, _, body = old.makefile("rb").read().partition(b"\r\n\r\n")
    assert b"chunked" not in head
    assert body == b"a" * 300_000 + b"end"


def test_a_head_answer_has_the_length_and_no_body(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S) as client:
        client.sendall(b"HEAD /text?name=four HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        head, _, body = client.makefile("rb").read().partition(b"\r\n\r\n")
    assert b"content-length: 4" in head
    assert body == b""


def scope_of(port: int, head: bytes) -> dict[str, Any]:
    """What a mounted application is told of a request with this head."""
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S) as client:
        client.sendall(head + b"\r\n")
        response = http.client.HTTPResponse(client)
        response.begin()
        assert response.status == 200
        scope: dict[str, Any] = ast.literal_eval(response.read().decode())
    assert scope.pop("client")[0] == "127.0.0.1"
    return scope


def test_a_mounted_application_sees_the_request_as_it_was_sent(port: int) -> None:
    head = b"GET /mounted/scope/%C3%A9?q=%41&q=b HTTP/1.1\r\nHost: x\r\nX-Forwarded-Proto: https\r\n"
    head += b"X: 1\r\nX: 2\r\na_b: dropped, as gunicorn does\r\n"
    assert scope_of(port, head) == {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "method": "GET",
        "path": "/mounted/scope/é",
        "raw_path": b"/mounted/scope/%C3%A9",
        "query_string": b"q=%41&q=b",
        "scheme": "https",
        "http_version": "1.1",
        "root_path": "",
        "headers": [(b"host", b"x"), (b"x-forwarded-proto", b"https"), (b"x", b"1"), (b"x", b"2")],
        "server": ("127.0.0.1", port),
        "state": {},
    }


TEXT = st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=20)
NAMES = st.sampled_from(["host", "accept", "x-forwarded-proto", "connection", "content-type", "x-a", "a_b", "cookie"])
VALUES = st.sampled_from(["https", "http", "keep-alive", "close", "x", "a b", ""])


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    method=st.sampled_from(["GET", "POST", "PATCH", "PURGE"]),
    target=TEXT,
    headers=st.lists(st.tuples(NAMES, VALUES), max_size=6, unique_by=lambda header: header[0]),
)
def test_heads_that_we_read_and_heads_that_gunicorn_reads_come_to_the_same(
    port: int, method: str, target: str, headers: list[tuple[str, str]]
) -> None:
    lines = [f"{method} /mounted/scope/{target} HTTP/1.1", *(f"{name}: {value}" for name, value in headers)]
    head = "".join(f"{line}\r\n" for line in lines).encode()
    unusual = scope_of(port, head + b"upgrade: nothing\r\n")  # gunicorn's to read
    unusual["headers"].remove((b"upgrade", b"nothing"))
    assert scope_of(port, head) == unusual
