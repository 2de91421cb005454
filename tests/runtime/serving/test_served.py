"""The same functions behind the real server, over real sockets."""

import http.client
import http.server
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from websockets.sync.client import connect

MAIN = """
import asyncio
from collections.abc import AsyncIterator, Iterator
from faas import Context, Event, Request, ServerSentEvent, WebSocket, function

@function.http("/hello/{name}", service="s")
def hello(name: str) -> dict:
    return {"hello": name}

@function.http("/count", service="s")
async def count() -> AsyncIterator[ServerSentEvent]:
    for n in range(3):
        yield ServerSentEvent(str(n))

@function.http("/rows", service="s")
def rows() -> Iterator[bytes]:
    for n in range(3):
        yield b"x" * 100_000

@function.http("/size", service="s")
async def size(request: Request) -> int:
    total = 0
    async for chunk in request:
        total += len(chunk)
    return total

@function.http("/call", service="s")
def call(ctx: Context, to: str) -> dict:
    return ctx.call("other", path=f"/hello/{to}").result().json()

@function.http("/publish", service="s")
async def publish(ctx: Context) -> None:
    await ctx.publish(Event("noted", {"n": 1}))

@function.event(type="noted", service="s", path="/events")
def on_noted(event: Event, ctx: Context) -> None:
    ctx.log.info("got it", event=event.id, n=event.data["n"])

@function.http("/slow", service="s", timeout=1)
async def slow() -> None:
    await asyncio.Event().wait()

@function.http("/echo", service="s")
async def echo(ws: WebSocket) -> None:
    async for message in ws:
        await ws.send(message)
"""

Start = Callable[..., "Served"]


class Served:
    """One `python -m faas_runtime` process."""

    def __init__(self, folder: Path, **env: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "faas_runtime"],
            cwd=folder,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PORT": "0", "FAAS_FUNCTION": "main", **env},
        )
        assert self.process.stderr is not None
        self.errors = self.process.stderr
        line = self.errors.readline()
        assert " on http://" in line, line + self.errors.read()
        self.port = int(line.rsplit(":", 1)[1])

    def connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)

    def get(self, path: str) -> tuple[int, bytes]:
        connection = self.connect()
        connection.request("GET", path)
        answer = connection.getresponse()
        result = answer.status, answer.read()
        connection.close()
        return result


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    (tmp_path / "main.py").write_text(MAIN)
    running: list[Served] = []

    def start(**env: str) -> Served:
        running.append(Served(tmp_path, **env))
        return running[-1]

    yield start
    for each in running:
        if each.process.poll() is None:
            each.process.kill()
        each.process.wait()
        each.errors.close()


def test_answers_streams_and_a_clean_end(start: Start) -> None:
    served = start()
    connection = served.connect()
    for name in ("a", "b"):  # the second over the same connection
        connection.request("GET", f"/hello/{name}")
        assert json.loads(connection.getresponse().read()) == {"hello": name}
    connection.request("GET", "/count")
    answer = connection.getresponse()
    assert (answer.getheader("content-type"), answer.read()) == (
        "text/event-stream",
        b"data: 0\n\ndata: 1\n\ndata: 2\n\n",
    )
    connection.request("GET", "/rows")
    assert connection.getresponse().read() == b"x" * 300_000
    connection.close()
    upload = served.connect()
    chunks = iter([b"y" * 70_000] * 3)
    upload.request("POST", "/size", body=chunks, encode_chunked=True, headers={"transfer-encoding": "chunked"})
    assert upload.getresponse().read() == b"210000"
    upload.close()
    assert served.get("/nowhere")[0] == 404
    assert served.get("/slow")[0] == 504
    served.process.send_signal(signal.SIGTERM)
    assert served.process.wait(30) == 0


def test_a_websocket(start: Start) -> None:
    served = start()
    with connect(f"ws://127.0.0.1:{served.port}/echo") as ws:
        for message in ("héllo", b"\0\1"):
            ws.send(message)
            assert ws.recv(30) == message


def test_calls_and_events_between_processes(start: Start, tmp_path: Path) -> None:
    other = start()
    address = f"http://127.0.0.1:{other.port}"
    served = start(FAAS_GATEWAY=address, K_SINK=address + "/events", K_CE_OVERRIDES='{"extensions":{"team":"a"}}')
    assert [json.loads(served.get("/call?to=rome")[1]) for _ in range(2)] == [{"hello": "rome"}] * 2
    assert served.get("/publish")[0] == 204
    line = json.loads(other.errors.readline())
    assert (line["message"], line["n"], line["function"]) == ("got it", 1, "on-noted")


def test_a_call_through_a_unix_socket(start: Start, tmp_path: Path) -> None:
    path = tmp_path / "gateway.sock"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        served = start(FAAS_GATEWAY=f"unix:{path}", FAAS_NAMESPACE="shop")
        connection = served.connect()
        connection.request("GET", "/call?to=oslo")
        gateway, _ = listener.accept()
        with gateway:
            head = gateway.recv(65536).decode()
            gateway.sendall(b'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\n{"a":\r\n2\r\n1}\r\n0\r\n\r\n')
            assert json.loads(connection.getresponse().read()) == {"a": 1}
        connection.close()
    assert head.startswith("GET /hello/oslo HTTP/1.1\r\nhost: other.shop.localhost\r\n")


def test_what_does_not_load_ends_with_the_users_traceback(tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text("from faas import function\n1 / 0\n")
    done = subprocess.run(
        [sys.executable, "-m", "faas_runtime"], cwd=tmp_path, capture_output=True, text=True, timeout=60,
        env={**os.environ, "PORT": "0", "FAAS_FUNCTION": "main:hello"}, check=False,
    )  # fmt: skip
    assert done.returncode == 4
    assert "ZeroDivisionError" in done.stderr


def test_spans_are_sent_by_otlp_when_asked_for(start: Start) -> None:
    received: list[bytes] = []
    arrived = threading.Event()

    class Collector(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            received.append(self.rfile.read(int(self.headers["content-length"])))
            self.send_response(200)
            self.end_headers()
            arrived.set()

        def log_message(self, format: str, *args: object) -> None: ...

    with http.server.HTTPServer(("127.0.0.1", 0), Collector) as collector:
        thread = threading.Thread(target=collector.serve_forever)
        thread.start()
        try:
            served = start(
                OTEL_EXPORTER_OTLP_ENDPOINT=f"http://127.0.0.1:{collector.server_port}", OTEL_BSP_SCHEDULE_DELAY="50"
            )
            connection = served.connect()
            parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
            connection.request("GET", "/hello/a", headers={"traceparent": parent})
            assert connection.getresponse().read() == b'{"hello":"a"}'
            connection.close()
            assert arrived.wait(30)
        finally:
            collector.shutdown()
            thread.join()
    assert bytes.fromhex("0af7651916cd43dd8448eb211c80319c") in received[0]
    assert bytes.fromhex("b7ad6b7169203331") in received[0]
    assert b"GET /hello/{name}" in received[0]
