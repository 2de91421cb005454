"""An HTTP proxy for tests: whatever it is asked for, it leads to ports of this machine."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit


@dataclass
class HttpProxy:
    """`url` is its own; `asked` has the first line of each request.

    `ports` says where a `host:port` really is, "" all the others; what is in neither it refuses.
    """

    ports: Mapping[str, int]
    password: str = ""  # "": anybody may
    url: str = ""
    asked: list[str] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            head = await reader.readuntil(b"\r\n\r\n")
            first, _, rest = head.decode().partition("\r\n")
            self.asked.append(first)
            method, target, _ = first.split(" ")
            expected = base64.b64encode(f"ada:{self.password}".encode()).decode()
            parts = urlsplit(target)
            where = target if method == "CONNECT" else f"{parts.hostname}:{parts.port or 80}"
            port = self.ports.get(where, self.ports.get("", 0))
            if self.password and f"Proxy-Authorization: Basic {expected}\r\n" not in rest:
                await _refuse(writer, "407 Proxy Authentication Required")
            elif not port:
                await _refuse(writer, "403 Forbidden")
            elif method == "CONNECT":
                there, back = await asyncio.open_connection("127.0.0.1", port)
                writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
                await asyncio.gather(copy_bytes(reader, back), copy_bytes(there, writer))
            else:
                there, back = await asyncio.open_connection("127.0.0.1", port)
                path = f"{parts.path or '/'}{f'?{parts.query}' if parts.query else ''}"
                rest = re.sub(r"(?i)(proxy-authorization|connection|host): [^\r]*\r\n", "", rest)
                lines = f"{method} {path} HTTP/1.1\r\nHost: {parts.netloc}\r\nConnection: close\r\n{rest}"
                back.write(lines.encode())
                await asyncio.gather(copy_bytes(reader, back), copy_bytes(there, writer))
        writer.close()


@asynccontextmanager
async def http_proxy(ports: Mapping[str, int], password: str = "") -> AsyncIterator[HttpProxy]:
    made = HttpProxy(ports, password)
    busy: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        busy.add(asyncio.current_task())  # type: ignore[arg-type]
        await made.serve(reader, writer)

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    made.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield made
    finally:
        server.close()
        if busy:
            await asyncio.wait(busy)  # they end with their clients


@asynccontextmanager
async def socks_proxy(to_port: int, password: str = "") -> AsyncIterator[tuple[str, list[str]]]:
    """A SOCKS proxy (RFC 1928, 1929) whose every way leads to that port; its URL, and what it was asked for."""
    asked: list[str] = []
    ways: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        ways.add(asyncio.current_task())  # type: ignore[arg-type]
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            await lead(reader, writer)
        writer.close()

    async def lead(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        _, count = await reader.readexactly(2)
        methods, wanted = await reader.readexactly(count), 2 if password else 0
        if wanted not in methods:
            writer.write(b"\x05\xff")
            return
        writer.write(bytes([5, wanted]))
        if password:
            _, length = await reader.readexactly(2)
            name = await reader.readexactly(length)
            given = await reader.readexactly((await reader.readexactly(1))[0])
            writer.write(b"\x01" + bytes([(name, given) != (b"ada", password.encode())]))
        *_, length = await reader.readexactly(5)  # version, command, reserved, a name's type and length
        name, port = await reader.readexactly(length), int.from_bytes(await reader.readexactly(2))
        asked.append(f"{name.decode()}:{port}")
        if name == b"refused":
            writer.write(b"\x05\x05\x00\x01" + bytes(6))
            return
        there, back = await asyncio.open_connection("127.0.0.1", to_port)
        writer.write(b"\x05\x00\x00\x01" + bytes(6))
        await asyncio.gather(copy_bytes(reader, back), copy_bytes(there, writer))

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"socks5://127.0.0.1:{server.sockets[0].getsockname()[1]}", asked
    finally:
        server.close()
        if ways:
            await asyncio.wait(ways)


async def _refuse(writer: asyncio.StreamWriter, status: str) -> None:
    writer.write(f"HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())
    await writer.drain()


async def copy_bytes(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    with contextlib.suppress(OSError):
        writer.close()
