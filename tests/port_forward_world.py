"""A door in front of an API server that forwards ports of Pods as a kubelet does, for tests.

`pods/NAME/portforward` is a WebSocket of `v4.channel.k8s.io`: for each port a channel for data and one for errors, each
of which begins with the port's number. Paths in `objects` are answered with that document, and everything else is
passed on to the API server behind.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import json
import re
import ssl
import struct
import threading
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

from faas.client.kubeconfigs.cluster import Cluster

_MAGIC = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455
_PROTOCOL = "v4.channel.k8s.io"
_PATH = re.compile(r"/api/v1/namespaces/([^/]+)/pods/([^/]+)/portforward\Z")
_BINARY, _CLOSE = 0x2, 0x8


@dataclass
class Door:
    """`listening` says where the ports of Pods really are; a port that is not there refuses the connection."""

    upstream: Cluster | None = None
    objects: dict[str, Any] = field(default_factory=dict)  # path → document
    listening: dict[tuple[str, str, int], tuple[str, int]] = field(default_factory=dict)  # namespace, Pod, port
    tokens: set[str] = field(default_factory=set)  # who may; with none everybody whose certificate is known
    url: str = ""
    forwards: list[str] = field(default_factory=list)  # as they were asked for
    users: list[str] = field(default_factory=list)  # by certificate or token
    acting_as: list[tuple[str, str]] = field(default_factory=list)  # headers of impersonation
    actors: set[str] | None = None  # who may act as somebody else; None: everybody

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with closing(writer), contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
            head = await reader.readuntil(b"\r\n\r\n")
            target, headers = _parse(head)
            url = urlsplit(target)
            found = _PATH.match(url.path)
            if found:
                self.acting_as += _pairs(head, "impersonate-")
                await self._forward(found[1], found[2], parse_qs(url.query), headers, reader, writer)
            elif url.path in self.objects:
                await _answer(writer, 200, self.objects[url.path])
            elif self.upstream is not None:
                await self._pass(head, reader, writer)
            else:
                await _answer(writer, 404, _status(404, "NotFound", "not here"))

    async def _forward(
        self,
        namespace: str,
        pod: str,
        query: dict[str, list[str]],
        headers: dict[str, str],
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        user = _user(headers, writer)
        if not user or (self.tokens and user not in self.tokens):
            message = f'pods "{pod}" is forbidden: User "{user}" cannot create resource "pods/portforward"'
            return await _answer(writer, 403, _status(403, "Forbidden", message))
        if self.acting_as and self.actors is not None and user not in self.actors:
            message = f'users "x" is forbidden: User "{user}" cannot impersonate resource "users"'
            return await _answer(writer, 403, _status(403, "Forbidden", message))
        ports = [int(port) for port in query["ports"][0].split(",")]
        known = {name for space, name, _ in self.listening if space == namespace}
        if pod not in known:
            return await _answer(writer, 404, _status(404, "NotFound", f'pods "{pod}" not found'))
        self.users.append(user)
        self.forwards.append(f"{namespace}/{pod}:{ports[0]}")
        accept = base64.b64encode(hashlib.sha1((headers["sec-websocket-key"] + _MAGIC).encode()).digest()).decode()
        assert _PROTOCOL in headers["sec-websocket-protocol"]
        writer.write(
            f"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Accept: {accept}\r\nSec-WebSocket-Protocol: {_PROTOCOL}\r\n\r\n".encode()
        )
        for channel in (0, 1):
            writer.write(_frame(bytes([channel]) + struct.pack("<H", ports[0])))
        where = self.listening.get((namespace, pod, ports[0]))
        try:
            if where is None:
                raise ConnectionRefusedError
            there, thither = await asyncio.open_connection(*where)
        except OSError:
            said = f"error forwarding port {ports[0]} to pod {pod}: connect: connection refused"
            writer.write(_frame(b"\x01" + said.encode()))
            writer.write(_frame(b"", _CLOSE))
            return await writer.drain()
        with closing(thither):
            await _relay(reader, writer, there, thither)

    async def _pass(self, head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert self.upstream is not None
        url = urlsplit(self.upstream.server)
        tls = ssl.create_default_context(cadata=self.upstream.ca_data)
        there, thither = await asyncio.open_connection(url.hostname, url.port, ssl=tls)
        with closing(thither):
            # One request a connection: the next may be for us.
            thither.write(re.sub(rb"(?i)\r\nconnection: [^\r]*", b"", head)[:-2] + b"Connection: close\r\n\r\n")
            outward = asyncio.create_task(_pipe(reader, thither))
            await _pipe(there, writer)
            outward.cancel()
            await asyncio.wait({outward})


@contextmanager
def closing(writer: asyncio.StreamWriter) -> Iterator[None]:
    """Also when the door is closed in the middle: a connection that nobody closed is a warning in some later test."""
    try:
        yield
    finally:
        writer.transport.abort()


@contextmanager
def door(tls: ssl.SSLContext, upstream: Cluster | None = None) -> Iterator[Door]:
    """Args: tls: of the server; it may ask for client certificates."""
    made = Door(upstream)
    started: Future[tuple[int, asyncio.AbstractEventLoop, asyncio.Event]] = Future()

    async def serve() -> None:
        stop = asyncio.Event()
        server = await asyncio.start_server(made.serve, "127.0.0.1", 0, ssl=tls)
        started.set_result((server.sockets[0].getsockname()[1], asyncio.get_running_loop(), stop))
        await stop.wait()
        server.close()

    thread = threading.Thread(target=lambda: asyncio.run(serve()), name="port-forward-door")
    thread.start()
    port, loop, stop = started.result(30)
    made.url = f"https://127.0.0.1:{port}"
    try:
        yield made
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(20)
    assert not thread.is_alive()


async def _relay(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    there: asyncio.StreamReader,
    thither: asyncio.StreamWriter,
) -> None:
    """Data of channel 0 both ways, until the Pod closes or the client does."""

    async def inward() -> None:
        while data := await there.read(65536):
            writer.write(_frame(b"\x00" + data))
            await writer.drain()
        writer.write(_frame(b"", _CLOSE))
        await writer.drain()

    async def outward() -> None:
        async for data in _frames(reader):
            assert data[0] == 0
            thither.write(data[1:])
            await thither.drain()

    tasks = {asyncio.create_task(inward()), asyncio.create_task(outward())}
    _, pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in pending:
        task.cancel()
    await asyncio.wait(tasks)


async def _frames(reader: asyncio.StreamReader) -> AsyncIterator[bytes]:
    """The binary frames of a client, which masks them."""
    while True:
        first, second = await reader.readexactly(2)
        size = second & 0x7F
        if size == 126:
            (size,) = struct.unpack(">H", await reader.readexactly(2))
        elif size == 127:
            (size,) = struct.unpack(">Q", await reader.readexactly(8))
        assert second & 0x80
        mask = await reader.readexactly(4)
        data = await reader.readexactly(size)
        if first & 0x0F == _CLOSE:
            return
        if first & 0x0F == _BINARY:
            yield bytes(byte ^ mask[index % 4] for index, byte in enumerate(data))


def _frame(data: bytes, kind: int = _BINARY) -> bytes:
    size = len(data)
    if size < 126:
        return struct.pack(">BB", 0x80 | kind, size) + data
    if size < 65536:
        return struct.pack(">BBH", 0x80 | kind, 126, size) + data
    return struct.pack(">BBQ", 0x80 | kind, 127, size) + data


async def _pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError, ssl.SSLError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()


async def _answer(writer: asyncio.StreamWriter, code: int, document: Any) -> None:
    body = json.dumps(document).encode()
    writer.write(
        f"HTTP/1.1 {code} X\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        f"Connection: close\r\n\r\n".encode()
        + body
    )
    await writer.drain()


def _parse(head: bytes) -> tuple[str, dict[str, str]]:
    first, *lines = head.decode().split("\r\n")
    pairs = (line.partition(":") for line in lines if line)
    return first.split(" ")[1], {name.lower(): value.strip() for name, _, value in pairs}


def _pairs(head: bytes, prefix: str) -> list[tuple[str, str]]:
    """Headers that begin so, as they were sent: some come several times."""
    found = [line.partition(": ") for line in head.decode().split("\r\n")]
    return [(name, value) for name, _, value in found if name.lower().startswith(prefix)]


def _user(headers: dict[str, str], writer: asyncio.StreamWriter) -> str:
    scheme, _, token = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return token
    certificate = writer.get_extra_info("ssl_object").getpeercert() or {}
    return str(dict(pair for entry in certificate.get("subject", ()) for pair in entry).get("commonName", ""))


def _status(code: int, reason: str, message: str) -> dict[str, Any]:
    return {
        "kind": "Status",
        "apiVersion": "v1",
        "status": "Failure",
        "code": code,
        "reason": reason,
        "message": message,
    }
