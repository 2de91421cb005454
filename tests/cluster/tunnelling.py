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
