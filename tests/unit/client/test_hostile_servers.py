"""Servers that are broken or mean harm: what they answer is said, bounded, and never an accident of ours."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from faas.client.errors import ApiError, Forbidden, Unavailable
from faas.client.http.client import HttpClient
from faas.client.kubeconfigs.cluster import Cluster
from faas.client.transport import lines, transport
from faas.client.transport.refusals import error_of
from faas.client.transport.retry import RetryPolicy
from faas.resources.kinds import CONFIG_MAP


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param({"kind": "ConfigMap", "metadata": None}, id="no-metadata"),
        pytest.param([1], id="a-list"),
        pytest.param({"ok": True}, id="somebody-else's-JSON"),
    ],
)
def test_what_is_no_object_is_an_error_of_the_server(scripted: Any, reply: Any, answer: Any) -> None:
    async def scenario() -> None:
        async with scripted(reply(answer)) as (client, _):
            with pytest.raises(ApiError, match="the API server's answer is no object"):
                await client.get(CONFIG_MAP, "x", "y")

    asyncio.run(scenario())


@pytest.mark.parametrize("answer", [{"items": [None]}, {"items": {"a": 1}}, {"items": [], "metadata": [1]}])
def test_what_is_no_list_is_an_error_of_the_server(scripted: Any, reply: Any, answer: Any) -> None:
    async def scenario() -> None:
        async with scripted(reply(answer)) as (client, _):
            with pytest.raises(ApiError, match="the API server's answer is no"):
                await client.list(CONFIG_MAP, "y")

    asyncio.run(scenario())


def test_a_list_that_goes_on_where_it_began_is_not_read_for_ever(scripted: Any, reply: Any) -> None:
    async def scenario() -> int:
        async with scripted(reply({"items": [], "metadata": {"continue": "again"}})) as (client, script):
            with pytest.raises(ApiError, match="does not end"):
                await client.list(CONFIG_MAP, "y")
            return len(script.seen)

    assert asyncio.run(scenario()) == 2


@pytest.mark.parametrize(
    "line",
    [
        {"foo": 1},
        {"type": "ADDED", "object": None},
        {"type": "ADDED", "object": {"metadata": None}},
        {"type": "ERROR", "object": [1]},
    ],
)
def test_what_is_no_change_ends_a_watch_with_an_error(scripted: Any, reply: Any, line: Any) -> None:
    async def scenario() -> None:
        async with scripted(reply(lines=[line])) as (client, _):
            with pytest.raises(ApiError):
                async for _ in client.watch(CONFIG_MAP, "y", resource_version="1"):
                    pass

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (b'{"kind":"Status","code":"abc","details":[1],"message":7}', Forbidden),
        (b'{"kind":"Status","details":{"causes":"abc","retryAfterSeconds":"x"}}', Forbidden),
        (b'{"kind":"Status","code":429,"details":{"retryAfterSeconds":' + b"9" * 40 + b"}}", Unavailable),
        (b"[" * 2000, Forbidden),
    ],
)
def test_a_refusal_that_is_malformed_is_a_refusal_all_the_same(body: bytes, error: type[ApiError]) -> None:
    found = error_of(403, body)

    assert type(found) is error
    assert found.retry_after_s is None


class _Raw:
    """A server that writes these bytes as a whole answer."""

    def __init__(self, head: bytes, piece: bytes, times: int = 1) -> None:
        self.head, self.piece, self.times = head, piece, times

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(self.head + b"\r\n")
            for _ in range(self.times):
                writer.write(self.piece)
                await writer.drain()
        except ConnectionError:
            pass
        finally:
            writer.close()

    async def ask(self, watch: bool = False, **said: Any) -> Any:
        async with await asyncio.start_server(self.serve, "127.0.0.1", 0) as server:
            url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
            async with HttpClient(Cluster(url, **said), retry=RetryPolicy(attempts=1)) as client:
                if not watch:
                    return await client.get(CONFIG_MAP, "x", "y")
                async for event in client.watch(CONFIG_MAP, "y", resource_version="1"):
                    return event
        raise AssertionError("it ended")


@pytest.mark.parametrize(
    ("head", "body"),
    [
        pytest.param(b"", b"[" * 100_000, id="deep"),
        pytest.param(b"", b'{"metadata": {"a": "\xff"}}', id="no-text"),
        pytest.param(b"Content-Encoding: gzip\r\n", b"{}", id="no-gzip"),
    ],
)
def test_what_cannot_be_read_is_an_error_of_the_server(head: bytes, body: bytes) -> None:
    length = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n".encode()

    with pytest.raises(ApiError):
        asyncio.run(_Raw(length + head, body).ask())


def test_an_answer_without_an_end_is_not_kept_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "_MOST_BYTES", 100_000)
    head, piece = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n", b" " * 65536

    with pytest.raises(ApiError, match="more than 100000 bytes"):
        asyncio.run(_Raw(head, piece, times=10_000).ask())


def test_a_line_without_an_end_is_not_kept_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "MOST_BYTES", 100_000)
    head, piece = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n", b" " * 65536

    with pytest.raises(ApiError, match="a line has more than 100000 bytes"):
        asyncio.run(_Raw(head, piece, times=10_000).ask(watch=True))


def test_a_header_that_cannot_be_written_is_not_quoted() -> None:
    raw = _Raw(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n", b"{}")

    with pytest.raises(Unavailable) as error:
        asyncio.run(raw.ask(impersonation=(("Impersonate-User", "PRIVATE\nX: y"),)))

    assert "PRIVATE" not in str(error.value)
    assert "a header of the kubeconfig" in str(error.value)


def test_other_letters_are_sent_as_utf8(scripted: Any, reply: Any) -> None:
    raw = _Raw(b"HTTP/1.1 200 OK\r\nContent-Length: 15\r\n", b'{"metadata":{}}')

    assert asyncio.run(raw.ask(impersonation=(("Impersonate-User", "josé"),))) == {"metadata": {}}
