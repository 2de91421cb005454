"""The client that calls and events travel with, against servers that behave and servers that do not."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from faas_runtime.outgoing.httpclient import Address, HTTPClient

Script = list[bytes]


def talk(scripts: list[Script], use: Callable[[HTTPClient, Address], Awaitable[Any]]) -> tuple[Any, list[bytes]]:
    """Serve each connection by its script: one answer for each request head, then close."""
    seen: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        script = scripts.pop(0)
        for answer in script:
            seen.append(await reader.readuntil(b"\r\n\r\n"))
            writer.write(answer)
        writer.close()
        await writer.wait_closed()

    async def run() -> Any:
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        client = HTTPClient(max_body=1000)
        async with server:
            result = await use(client, Address("127.0.0.1", server.sockets[0].getsockname()[1]))
            await client.aclose()
        return result

    return asyncio.run(run()), seen


def get(method: str = "GET") -> Callable[[HTTPClient, Address], Awaitable[Any]]:
    return lambda client, address: client.request(address, method, "/", [(b"host", b"h")], b"")


@pytest.mark.parametrize(
    ("answer", "status", "body"),
    [
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", 200, b"hi", id="length"),
        pytest.param(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;x=1\r\nhi\r\n0\r\nt: 1\r\n\r\n",
            200,
            b"hi",
            id="chunked with extension and trailer",
        ),
        pytest.param(b"HTTP/1.0 200 OK\r\n\r\nto the end", 200, b"to the end", id="until closed"),
        pytest.param(
            b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Created\r\ncontent-length: 0\r\n\r\n", 201, b"", id="100"
        ),
        pytest.param(b"HTTP/1.1 204 No Content\r\n\r\n", 204, b"", id="no content"),
    ],
)
def test_answers_are_read_to_their_end(answer: bytes, status: int, body: bytes) -> None:
    received, _ = talk([[answer]], get())
    assert (received.status, received.body) == (status, body)


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(b"SSH-2.0\r\n\r\n", id="another protocol"),
        pytest.param(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhi", id="cut short"),
        pytest.param(b"HTTP/1.1 200 OK\r\ncontent-length: 9000\r\n\r\n", id="too large"),
        pytest.param(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nxx\r\n", id="bad chunk"),
        pytest.param(b"", id="nothing"),
    ],
)
def test_broken_answers_are_errors(answer: bytes) -> None:
    with pytest.raises(OSError, match=r"."):
        talk([[answer]], get())


def test_a_connection_is_used_again() -> None:
    ok = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"

    async def twice(client: HTTPClient, address: Address) -> None:
        for _ in range(2):
            await client.request(address, "GET", "/", [], b"")

    _, seen = talk([[ok, ok]], twice)
    assert len(seen) == 2


def test_a_kept_connection_that_was_closed_is_replaced_only_for_idempotent_methods() -> None:
    ok = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"

    async def run(client: HTTPClient, address: Address) -> None:
        await client.request(address, "GET", "/", [], b"")
        (connection,) = client._idle[address]
        connection.reader.at_eof = lambda: False  # type: ignore[method-assign]  # the close has not been noticed yet
        with pytest.raises(OSError, match=r"."):
            await client.request(address, "POST", "/", [], b"")

    talk([[ok, b""]], run)


def test_a_header_cannot_smuggle_another() -> None:
    async def run(client: HTTPClient, address: Address) -> None:
        with pytest.raises(ValueError, match="line break"):
            await client.request(address, "GET", "/", [(b"a", b"1\r\nb: 2")], b"")

    talk([], run)


def test_a_large_body_waits_for_leave_and_a_refusal_comes_without_it() -> None:
    """The server ends the connection with the refusal: a body on its way would have taken it along."""
    refused = b"HTTP/1.1 413 Content Too Large\r\nconnection: close\r\ncontent-length: 5\r\n\r\nlarge"
    taken = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 202 Accepted\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"

    async def run(client: HTTPClient, address: Address) -> list[tuple[int, bytes]]:
        client = HTTPClient(ask_above=10)
        answers = [await client.request(address, "POST", "/", [], b"x" * size) for size in (10_000_000, 11, 10)]
        await client.aclose()
        return [(answer.status, answer.body) for answer in answers]

    answers, seen = talk([[refused], [taken], [refused]], run)
    assert answers == [(413, b"large"), (202, b""), (413, b"large")]
    assert [b"expect: 100-continue" in head for head in seen] == [True, True, False]


def test_a_server_that_does_not_know_of_asking_gets_the_body(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("faas_runtime.outgoing.httpclient._LEAVE_S", 0.01)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        body = await reader.readexactly(20)
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 20\r\n\r\n" + body)
        writer.close()
        await writer.wait_closed()

    async def run() -> bytes:
        async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
            client = HTTPClient(ask_above=10)
            address = Address("127.0.0.1", server.sockets[0].getsockname()[1])
            received = await client.request(address, "POST", "/", [], b"x" * 20)
            await client.aclose()
        return received.body

    assert asyncio.run(run()) == b"x" * 20
