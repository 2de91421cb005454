"""The delivery client against servers that behave, and servers that do not: real sockets, scripted answers."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from faas.engine.api.certificates import make_certificates
from faas.engine.api.tls import CA, SERVER
from faas.engine.broker.delivery import connection
from faas.engine.broker.delivery.answers import Answer
from faas.engine.broker.delivery.client import Client
from faas.engine.broker.delivery.pool import Request
from faas.engine.broker.delivery.subscriber import make_subscriber

PATIENCE_S = 20.0
LOCAL = "http://f.default.svc.cluster.local/x"
OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nx-a: b\r\n\r\nhi"
FIELDS = b"ce-id: 1\r\ncontent-length: 4\r\n\r\n"
Serve = Callable[[int, int, asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Server:
    """Calls `serve` with the numbers of the connection and of the request on it, from 0, when a request is whole."""

    serve: Serve
    connections: int = 0
    requests: list[bytes] = field(default_factory=list)
    tasks: set[asyncio.Task[None]] = field(default_factory=set)

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self.tasks.add(task)
        number, self.connections = self.connections, self.connections + 1
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            count = 0
            while not writer.is_closing():
                head = await reader.readuntil(b"\r\n\r\n")
                self.requests.append(head + await reader.readexactly(4))
                await self.serve(number, count, reader, writer)
                count += 1
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


async def answer_ok(number: int, count: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(OK)


@dataclass
class World:
    client: Client
    server: Server
    socket: Path
    port: int

    def send(self, uri: str = LOCAL, timeout_s: float | None = None) -> tuple[Request, asyncio.Future[Answer]]:
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        subscriber = make_subscriber(uri, domain="localhost")
        return self.client.send(subscriber, FIELDS, b"data", timeout_s, future.set_result), future

    async def answer(self, uri: str = LOCAL, timeout_s: float | None = None) -> Answer:
        async with asyncio.timeout(PATIENCE_S):
            return await self.send(uri, timeout_s)[1]

    @property
    def outside(self) -> str:
        return f"http://127.0.0.1:{self.port}/y"


@contextlib.asynccontextmanager
async def world(serve: Serve = answer_ok) -> AsyncIterator[World]:
    server = Server(serve)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "gateway.sock")
        async with asyncio.TaskGroup() as tasks:
            unix = await asyncio.start_unix_server(server, path)
            tcp = await asyncio.start_server(server, "127.0.0.1", 0)
            client = Client(path, tasks.create_task)
            try:
                yield World(client, server, path, tcp.sockets[0].getsockname()[1])
            finally:
                client.close()
                unix.close()
                tcp.close()
                async with asyncio.timeout(PATIENCE_S):
                    await asyncio.gather(*server.tasks)


def run(scenario: Callable[[World], Awaitable[None]], serve: Serve = answer_ok) -> None:
    async def main() -> None:
        async with world(serve) as made:
            await scenario(made)

    asyncio.run(main())


def test_an_answer_comes_back_and_its_connection_is_used_again() -> None:
    async def scenario(world: World) -> None:
        for _ in range(3):
            assert await world.answer() == Answer(200, {b"content-length": b"2", b"x-a": b"b"}, b"hi")
        assert world.server.connections == 1
        assert world.server.requests[0] == (
            b"POST /x HTTP/1.1\r\nhost: f.default.svc.cluster.local\r\nprefer: reply\r\nuser-agent: faas\r\n"
            b"accept: application/cloudevents-batch+json, */*\r\n"
            b"ce-id: 1\r\ncontent-length: 4\r\n\r\ndata"
        )

    run(scenario)


def test_requests_at_the_same_time_have_a_connection_each() -> None:
    async def scenario(world: World) -> None:
        answers = await asyncio.gather(*(world.answer() for _ in range(5)))
        assert [answer.status for answer in answers] == [200] * 5
        assert world.server.connections == 5

    run(scenario)


def test_other_addresses_are_dialled_directly() -> None:
    async def scenario(world: World) -> None:
        assert (await world.answer(world.outside)).status == 200
        assert b"POST /y HTTP/1.1\r\nhost: 127.0.0.1:" in world.server.requests[0]

    run(scenario)


@pytest.mark.parametrize(("is_trusted", "status"), [(True, 200), (False, 0)])
def test_https_needs_a_certificate_that_can_be_trusted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_trusted: bool, status: int
) -> None:
    make_certificates(tmp_path, datetime.now(UTC))
    if is_trusted:
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / CA))
    served = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    served.load_cert_chain(tmp_path / SERVER)

    async def scenario(world: World) -> None:
        server = await asyncio.start_server(world.server, "127.0.0.1", 0, ssl=served)
        answer = await world.answer(f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/")
        server.close()
        assert answer.status == status
        assert ("certificate verify failed" in answer.error) is not is_trusted

    run(scenario)


@pytest.mark.parametrize(
    ("text", "body"),
    [
        pytest.param(b"HTTP/1.1 204 No Content\r\n\r\n", b"", id="without a body"),
        pytest.param(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n", b"hi", id="chunks"),
        pytest.param(b"HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n" + OK, b"hi", id="an interim answer first"),
    ],
)
def test_answers_of_each_kind_leave_the_connection_usable(text: bytes, body: bytes) -> None:
    async def serve(number: int, count: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(text)

    async def scenario(world: World) -> None:
        assert [(await world.answer()).body for _ in range(2)] == [body, body]
        assert world.server.connections == 1

    run(scenario, serve)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(b"HTTP/1.0 200 OK\r\n\r\nhi", id="a body that ends with the connection"),
        pytest.param(b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nhi", id="close"),
    ],
)
def test_a_connection_that_ends_is_not_used_again(text: bytes) -> None:
    async def serve(number: int, count: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(text)
        writer.close()

    async def scenario(world: World) -> None:
        assert [(await world.answer()).body for _ in range(2)] == [b"hi", b"hi"]
        assert world.server.connections == 2

    run(scenario, serve)


def test_a_pooled_connection_that_the_other_side_closed_costs_nothing() -> None:
    async def serve(number: int, count: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if number == 0 and count == 1:
            writer.close()  # took the request, and is gone
        else:
            writer.write(OK)

    async def scenario(world: World) -> None:
        assert [(await world.answer(world.outside)).status for _ in range(2)] == [200, 200]
        assert world.server.connections == 2

    run(scenario, serve)


@pytest.mark.parametrize(("place", "requests"), [("gateway", 2), ("outside", 1)])
def test_a_connection_that_breaks_without_an_answer_is_a_failure(place: str, requests: int) -> None:
    async def serve(number: int, count: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async def scenario(world: World) -> None:
        answer = await world.answer(LOCAL if place == "gateway" else world.outside)
        assert (answer.status, answer.unsent) == (0, False)
        assert len(world.server.requests) == requests  # the gateway gets it once more: it may be starting anew

    run(scenario, serve)


def test_half_an_answer_is_a_failure() -> None:
    async def serve(number: int, count: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(OK[:-1])
        writer.close()

    async def scenario(world: World) -> None:
        assert (await world.answer()).status == 0
        assert len(world.server.requests) == 1

    run(scenario, serve)


def test_a_gateway_that_is_not_there_was_not_sent_anything() -> None:
    async def scenario(world: World) -> None:
        world.socket.unlink()
        answer = await world.answer()
        assert (answer.status, answer.unsent) == (0, True)
        assert "the gateway" in answer.error

    run(scenario)


def test_an_outside_address_that_refuses_is_a_failed_attempt() -> None:
    async def scenario(world: World) -> None:
        answer = await world.answer("http://127.0.0.1:1/")
        assert (answer.status, answer.unsent) == (0, False)

    run(scenario)


def test_an_attempt_ends_with_its_time() -> None:
    async def serve(number: int, count: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()  # until the client goes

    async def scenario(world: World) -> None:
        answer = await world.answer(timeout_s=0.05)
        assert (answer.status, answer.error) == (504, "no answer within 0.05 s")

    run(scenario, serve)


def test_a_cancelled_request_is_never_answered() -> None:
    async def serve(number: int, count: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        arrived.set()
        await reader.read()

    arrived = asyncio.Event()

    async def scenario(world: World) -> None:
        early, never = world.send()
        early.cancel()
        late, neither = world.send()
        async with asyncio.timeout(PATIENCE_S):
            await arrived.wait()
        late.cancel()
        assert not never.done()
        assert not neither.done()

    run(scenario, serve)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        pytest.param(b"220 smtp ready\r\n", "not HTTP", id="another protocol"),
        pytest.param(b"HTTP/1.1 200 OK\r\n" + b"a: b\r\nb%d: c\r\n" * 1 + b"".join(
            b"x%d: y\r\n" % number for number in range(300)), "256 header fields", id="fields without end"),
        pytest.param(b"HTTP/1.1 200 OK\r\nx: " + b"y" * 400_000, "no end", id="a field without end"),
        pytest.param(b"HTTP/1.1 100 Continue\r\n\r\n" * 20_000, "no end", id="interim answers without end"),
        pytest.param(b"HTTP/1.1 200 OK\r\ncontent-length: 5000\r\n\r\n" + b"x" * 5000, "1000 bytes", id="too large"),
        pytest.param(b"HTTP/1.1 101 Switching\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n", "", id="an upgrade"),
    ],
)  # fmt: skip
def test_what_is_no_answer_fails_as_502(monkeypatch: pytest.MonkeyPatch, text: bytes, why: str) -> None:
    monkeypatch.setattr(connection, "MOST_ANSWER_BYTES", 1000)

    async def serve(number: int, count: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(text)
        await reader.read()

    async def scenario(world: World) -> None:
        answer = await world.answer()
        assert answer.status == 502
        assert why in answer.error

    run(scenario, serve)


def test_idle_connections_are_closed_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario(world: World) -> None:
        await world.answer(world.outside)
        world.client._outside[f"127.0.0.1:{world.port}", False].place.reuse_s = 0.0
        world.client.sweep()
        await world.answer(world.outside)
        assert world.server.connections == 2

    run(scenario)


def test_nothing_is_kept_of_an_answer_that_was_too_large() -> None:
    """The parser's circle lives until the collector comes, which is seldom: a function that fails so would fill us."""

    async def serve(number: int, count: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 9000000\r\n\r\n" + b"x" * 9_000_000)

    made: list[connection.Connection] = []

    class Watched(connection.Connection):
        def __init__(self, *arguments: Any) -> None:
            super().__init__(*arguments)
            made.append(self)

    async def scenario(world: World) -> None:
        assert (await world.answer()).status == 502
        assert [each._body for each in made] == [[]]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("faas.engine.broker.delivery.pool.Connection", Watched)
        run(scenario, serve)
