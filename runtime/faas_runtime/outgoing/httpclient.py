"""A small HTTP/1.1 client on asyncio streams: what a function needs to reach the gateway and its sink.

http.client would cost 10 ms of imports at each cold start and a thread for each call; nothing here is imported late
but ssl. Connections are kept alive for a few seconds. No redirects, no proxies, no cookies.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

import msgspec

Headers = Sequence[tuple[bytes, bytes]]
_IDLE_S = 4.0  # below the keep-alive time of any server worth calling, so a reused connection is rarely a dead one
_MAX_IDLE = 64
_MAX_HEAD = 64 * 1024
_LEAVE_S = 1.0  # to be told to send the body; a server that does not know of asking says nothing
_IDEMPOTENT = frozenset({"GET", "HEAD", "PUT", "DELETE", "OPTIONS"})


class Address(msgspec.Struct, frozen=True):
    """Where to connect: a Unix socket, or host and port, with or without TLS."""

    host: str
    port: int = 0
    path: str = ""  # of a Unix socket
    tls: bool = False

    @classmethod
    def parse(cls, text: str) -> Address:
        """From `unix:/path`, `http://host:port` or `https://host`. Raises: ValueError."""
        if text.startswith("unix:/"):
            return cls("localhost", path=text[5:])
        parts = urlsplit(text)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"{text!r} is neither unix:/path nor http://host:port")
        tls = parts.scheme == "https"
        return cls(parts.hostname, parts.port or (443 if tls else 80), tls=tls)


class Received(msgspec.Struct, frozen=True):
    status: int
    headers: list[tuple[bytes, bytes]]  # names in lower case
    body: bytes


class ProtocolError(OSError):
    """The server's answer is no HTTP."""


class _Connection(msgspec.Struct, eq=False):
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    idle_since: float = 0.0


class HTTPClient:
    """Keeps connections by address; belongs to one event loop.

    Args: ask_above: a larger body is not sent before the server has said that it takes it (Expect: 100-continue). One
        that refuses it need not read it, and a connection that breaks under a body takes the refusal with it.
    """

    def __init__(self, *, max_body: int = 64 * 2**20, ask_above: int | None = None) -> None:
        self._ask_above = ask_above
        self._idle: dict[Address, list[_Connection]] = {}
        self._max_body = max_body

    async def request(self, address: Address, method: str, target: str, headers: Headers, body: bytes) -> Received:
        """One exchange. Raises: OSError: no connection, or it broke before the answer was complete."""
        asks = self._ask_above is not None and len(body) > self._ask_above
        if asks:
            headers = [*headers, (b"expect", b"100-continue")]
        message = _encode(method, target, headers, body)
        head_size = len(message) - len(body) if asks else 0
        while True:
            connection = self._reusable(address)
            fresh = connection is None
            if connection is None:
                connection = await _connect(address)
            try:
                received, keep = await _exchange(connection, message, head_size, method, self._max_body)
            except (asyncio.IncompleteReadError, ConnectionError, ProtocolError) as error:
                connection.writer.close()
                if fresh or method not in _IDEMPOTENT or isinstance(error, ProtocolError):
                    raise (
                        error if isinstance(error, OSError) else ConnectionResetError("the connection ended")
                    ) from None
                continue  # a kept connection that the server has closed meanwhile
            except BaseException:
                connection.writer.close()
                raise
            self._keep(address, connection) if keep else connection.writer.close()
            return received

    async def aclose(self) -> None:
        for connections in self._idle.values():
            for connection in connections:
                connection.writer.close()
        self._idle.clear()

    def _reusable(self, address: Address) -> _Connection | None:
        now = asyncio.get_running_loop().time()
        idle = self._idle.get(address, [])
        while idle:
            connection = idle.pop()
            if now - connection.idle_since < _IDLE_S and not connection.reader.at_eof():
                return connection
            connection.writer.close()
        return None

    def _keep(self, address: Address, connection: _Connection) -> None:
        idle = self._idle.setdefault(address, [])
        if len(idle) >= _MAX_IDLE:
            connection.writer.close()
            return
        connection.idle_since = asyncio.get_running_loop().time()
        idle.append(connection)


async def _connect(address: Address) -> _Connection:
    if address.path:
        return _Connection(*await asyncio.open_unix_connection(address.path, limit=_MAX_HEAD))
    context: Any = None
    if address.tls:
        import ssl

        context = ssl.create_default_context()
    return _Connection(*await asyncio.open_connection(address.host, address.port, ssl=context, limit=_MAX_HEAD))


def _encode(method: str, target: str, headers: Headers, body: bytes) -> bytes:
    lines = [f"{method} {target} HTTP/1.1".encode("ascii")]
    for name, value in headers:
        if b"\r" in name + value or b"\n" in name + value:
            raise ValueError(f"the header {name!r} holds a line break")
        lines.append(name + b": " + value)
    if body or method not in ("GET", "HEAD"):
        lines.append(b"content-length: %d" % len(body))
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


async def _exchange(
    connection: _Connection, message: bytes, head_size: int, method: str, max_body: int
) -> tuple[Received, bool]:
    """Args: head_size: if it is not 0, what is behind it waits for leave."""
    status, headers = 100, list[tuple[bytes, bytes]]()
    if head_size:
        connection.writer.write(message[:head_size])
        try:
            async with asyncio.timeout(_LEAVE_S):
                status, headers = await _head(connection.reader)
        except TimeoutError:
            pass
    is_sent = 100 <= status < 200
    if is_sent:
        connection.writer.write(message[head_size:])
        await connection.writer.drain()
    while 100 <= status < 200:
        status, headers = await _head(connection.reader)
    fields = dict(headers)
    keep = is_sent and fields.get(b"connection", b"").lower() != b"close"
    if method == "HEAD" or status in (204, 304):
        return Received(status, headers, b""), keep
    if fields.get(b"transfer-encoding", b"").lower() == b"chunked":
        return Received(status, headers, await _chunks(connection.reader, max_body)), keep
    if b"content-length" in fields:
        length = int(fields[b"content-length"])
        if length > max_body:
            raise ProtocolError(f"the answer has {length} bytes; at most {max_body} are read")
        return Received(status, headers, await connection.reader.readexactly(length)), keep
    body = await connection.reader.read(max_body)
    return Received(status, headers, body), False


async def _head(reader: asyncio.StreamReader) -> tuple[int, list[tuple[bytes, bytes]]]:
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.LimitOverrunError:
        raise ProtocolError(f"the answer's head is larger than {_MAX_HEAD} bytes") from None
    first, *lines = head[:-4].split(b"\r\n")
    parts = first.split(b" ", 2)
    if len(parts) < 2 or not parts[0].startswith(b"HTTP/1.") or not parts[1].isdigit():
        raise ProtocolError(f"the answer is no HTTP: {first[:80]!r}")
    headers = []
    for line in lines:
        name, _, value = line.partition(b":")
        headers.append((name.strip().lower(), value.strip()))
    return int(parts[1]), headers


async def _chunks(reader: asyncio.StreamReader, max_body: int) -> bytes:
    parts: list[bytes] = []
    total = 0
    while True:
        line = await reader.readuntil(b"\r\n")
        try:
            size = int(line.partition(b";")[0], 16)
        except ValueError:
            raise ProtocolError(f"the answer's chunk size is {line[:20]!r}") from None
        if size == 0:
            while await reader.readuntil(b"\r\n") != b"\r\n":
                pass  # trailers
            return b"".join(parts)
        total += size
        if total > max_body:
            raise ProtocolError(f"the answer has more than {max_body} bytes")
        parts.append(await reader.readexactly(size))
        await reader.readexactly(2)
