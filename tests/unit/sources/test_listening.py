"""The server of the adapters that are called, byte by byte."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path

import pytest

from faas.sources.listening import Answer, Request, listening

CHUNKED = b"POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n"


async def echo(request: Request) -> Answer:
    if request.path == "/broken":
        raise RuntimeError("broken on purpose")
    return Answer(200, f"{request.method} {request.path} {len(request.body)}")


async def talk(path: Path, *parts: bytes) -> bytes:
    reader, writer = await asyncio.open_unix_connection(path)
    for part in parts:
        writer.write(part)
        await writer.drain()
    writer.write_eof()
    answer = await reader.read()
    writer.close()
    return answer


def test_requests_on_one_connection_are_answered_in_order(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with listening(f"unix:{tmp_path}/s", echo, max_body=100):
            answer = await talk(
                tmp_path / "s",
                b"POST /a HTTP/1.1\r\nhost: x\r\ncontent-length: 3\r\n\r\n12",
                b"3GET /b?c=d HTTP/1.1\r\nhost: x\r\n\r\nPOST /c HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n",
                b"connection: close\r\n\r\n2\r\n12\r\n2\r\n34\r\n0\r\n\r\n",
            )
            assert [line for line in answer.split(b"\r\n") if b"/" in line and b"HTTP" not in line] != []
            assert answer.count(b"HTTP/1.1 200 OK") == 3
            assert answer.index(b"POST /a 3") < answer.index(b"GET /b 0") < answer.index(b"POST /c 4")

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        pytest.param(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 101\r\n\r\n", 413, id="long"),
        pytest.param(CHUNKED + b"65\r\n" + b"x" * 101, 413, id="long chunks"),
        pytest.param(b"GET / HTTP/1.1\r\nhost: x\r\nx: " + b"x" * 40_000 + b"\r\n\r\n", 431, id="head"),
        pytest.param(b"GET /" + b"x" * 40_000 + b" HTTP/1.1\r\n\r\n", 431, id="target"),
        pytest.param(b"nonsense\r\n\r\n", 400, id="nonsense"),
        pytest.param(
            b"POST / HTTP/1.1\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n", 400, id="smuggling"
        ),
        pytest.param(b"GET /broken HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n", 500, id="broken"),
    ],
)
def test_what_is_refused(tmp_path: Path, sent: bytes, status: int) -> None:
    async def scenario() -> None:
        async with listening(f"unix:{tmp_path}/s", echo, max_body=100):
            answer = await talk(tmp_path / "s", sent)
            assert answer.startswith(b"HTTP/1.1 %d " % status)

    asyncio.run(scenario())


def test_a_trailer_has_an_end(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with listening(f"unix:{tmp_path}/s", echo, max_body=100):
            reader, writer = await asyncio.open_unix_connection(tmp_path / "s")
            writer.write(CHUNKED + b"1\r\nx\r\n0\r\nx: " + b"y" * 400_000)
            with suppress(ConnectionError):  # what was not read any more takes the answer with it
                assert b" 431 " in await reader.readuntil(b"\r\n")
            writer.close()

    asyncio.run(asyncio.wait_for(scenario(), 20))


def test_bodies_of_all_requests_together_have_a_bound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("faas.sources.listening.BODIES_BYTES", 250)
    half = b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n" + b"x" * 99

    async def scenario() -> None:
        async with listening(f"unix:{tmp_path}/s", echo, max_body=100):
            path = tmp_path / "s"
            waiting = [await asyncio.open_unix_connection(path) for _ in range(2)]
            for _, writer in waiting:
                writer.write(half)
            while b" 503 " not in await talk(path, half, b"x"):  # noqa: ASYNC110
                await asyncio.sleep(0.001)  # the two have not been read yet
            for reader, writer in waiting:
                writer.write(b"x")
                await reader.readuntil(b"POST / 100\n")
                writer.close()
            while b" 200 " not in await talk(path, half, b"x"):  # noqa: ASYNC110
                await asyncio.sleep(0.001)

    asyncio.run(asyncio.wait_for(scenario(), 20))


def test_an_offer_of_another_protocol_is_not_taken(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with listening(f"unix:{tmp_path}/s", echo, max_body=100):
            answer = await talk(
                tmp_path / "s", b"GET /a HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n"
            )
            assert answer.startswith(b"HTTP/1.1 200 OK")
            assert b"connection: close" in answer
            assert answer.endswith(b"\r\n\r\nGET /a 0\n")

    asyncio.run(scenario())


def test_a_client_that_asks_first_is_told_to_go_on(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with listening(f"unix:{tmp_path}/s", echo, max_body=100):
            reader, writer = await asyncio.open_unix_connection(tmp_path / "s")
            writer.write(b"PUT / HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: 1\r\n\r\n")
            assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
            writer.write(b"1")
            assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200 OK")
            writer.close()

    asyncio.run(scenario())


def test_at_the_end_idle_connections_go_and_a_request_that_takes_too_long_is_503(tmp_path: Path) -> None:
    async def scenario() -> None:
        began = asyncio.Event()

        async def hang(request: Request) -> Answer:
            began.set()
            await asyncio.Event().wait()
            raise AssertionError

        async with listening(f"unix:{tmp_path}/s", hang, max_body=100, finish_s=0.05):
            idle, idle_writer = await asyncio.open_unix_connection(tmp_path / "s")
            reader, writer = await asyncio.open_unix_connection(tmp_path / "s")
            writer.write(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
            await began.wait()
        assert await idle.read() == b""
        assert (await reader.read()).startswith(b"HTTP/1.1 503 Service Unavailable")
        idle_writer.close()
        writer.close()

    asyncio.run(scenario())


def test_a_socket_that_a_killed_process_left_is_taken_over(tmp_path: Path) -> None:
    async def scenario() -> None:
        (tmp_path / "s").touch()
        async with listening(f"unix:{tmp_path}/s", echo, max_body=100):
            assert b" 200 " in await talk(tmp_path / "s", b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")

    asyncio.run(scenario())
