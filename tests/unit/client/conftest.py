"""An API server that answers what a test scripts."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from faas.client.http.client import HttpClient
from faas.client.kubeconfigs.cluster import Cluster
from faas.client.transport.retry import RetryPolicy


@dataclass
class Reply:
    """What a scripted server answers: a document, lines of a stream, or nothing at all (the connection breaks)."""

    document: Any = None
    status: int = 200
    lines: list[Any] | None = None
    headers: dict[str, str] = field(default_factory=dict)
    broken: bool = False


@dataclass
class Seen:
    method: str
    target: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Script:
    """A real HTTP server on a free port that answers with one reply after the other, the last one for ever."""

    replies: list[Reply]
    seen: list[Seen] = field(default_factory=list)
    url: str = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := (await reader.readuntil(b"\r\n\r\n")).decode():
                first, *rest = head.split("\r\n")
                method, target, _ = first.split(" ")
                headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in rest if line)}
                body = await reader.readexactly(int(headers.get("content-length", 0)))
                self.seen.append(Seen(method, target, headers, body))
                if not await self._answer(self.replies.pop(0) if len(self.replies) > 1 else self.replies[0], writer):
                    return
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        finally:
            writer.close()

    async def _answer(self, reply: Reply, writer: asyncio.StreamWriter) -> bool:
        if reply.broken:
            return False
        extra = "".join(f"{name}: {value}\r\n" for name, value in reply.headers.items())
        if reply.lines is not None:
            writer.write(f"HTTP/1.1 200 OK\r\n{extra}Transfer-Encoding: chunked\r\n\r\n".encode())
            for line in reply.lines:
                data = (line if isinstance(line, str) else json.dumps(line)).encode() + b"\n"
                writer.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
            await writer.drain()
            return False  # ends in the middle of the stream, as when a server dies
        data = json.dumps(reply.document).encode()
        writer.write(f"HTTP/1.1 {reply.status} X\r\n{extra}Content-Length: {len(data)}\r\n\r\n".encode() + data)
        await writer.drain()
        return True


Serving = Callable[..., AbstractAsyncContextManager[tuple[HttpClient, Script]]]


@pytest.fixture
def scripted() -> Serving:
    @asynccontextmanager
    async def start(*replies: Reply) -> AsyncIterator[tuple[HttpClient, Script]]:
        script = Script(list(replies))
        server = await asyncio.start_server(script.serve, "127.0.0.1", 0)
        script.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        retry = RetryPolicy(attempts=4, first_s=0.001, most_s=0.002)
        try:
            async with HttpClient(Cluster(script.url, token="secret"), retry=retry) as client:
                yield client, script
        finally:
            server.close()

    return start


@pytest.fixture
def reply() -> type[Reply]:
    return Reply
