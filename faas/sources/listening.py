"""A small HTTP/1.1 server for adapters that are called: whole requests in, an answer out, and bounds on everything.

It stands behind the gateway, or alone in a cluster's pod, so it takes nothing for granted about its clients.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from http import HTTPStatus
from urllib.parse import urlsplit

import httptools
import msgspec

from faas.sources.errors import ConfigurationError

IDLE_S = 75.0  # longer than the gateway keeps an idle connection: it ends them, so none ends under a request
REQUEST_S = 30.0  # for a request to arrive whole
HEAD_BYTES = 32 * 1024
FINISH_S = 6.0  # for requests that are on their way when the program ends; less than it is given as a whole
CONNECTIONS = 500  # a request waits for its sink; more than so many are turned away at once
BODIES_BYTES = 64 * 2**20  # of all requests together: anybody may send a body before its signature can be wrong
_READ_BYTES = 64 * 1024
log = logging.getLogger("faas.sources")


class Request(msgspec.Struct, frozen=True):
    method: str
    path: str
    headers: dict[str, str]  # names in lower case
    body: bytes
    query: str = ""


class Answer(msgspec.Struct, frozen=True):
    status: int
    text: str = ""
    headers: tuple[tuple[str, str], ...] = ()


Handler = Callable[[Request], Awaitable[Answer]]


@asynccontextmanager
async def listening(
    address: str, handler: Handler, *, max_body: int, finish_s: float = FINISH_S
) -> AsyncIterator[None]:
    """Serve at `unix:/path` or `tcp:host:port`; at the end no more is taken and what has arrived is answered.

    Args: finish_s: for the last answers; then it is 503.

    Raises: ConfigurationError: nobody can listen there.
    """
    connections = _Connections(handler, max_body)
    try:
        server = await _bind(address, connections.serve)
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"FAAS_SOURCE_LISTEN={address!r}: {error}") from None
    try:
        yield
    finally:
        server.close()
        await connections.finish(finish_s)


async def _bind(
    address: str, serve: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
) -> asyncio.Server:
    kind, _, place = address.partition(":")
    if kind == "unix" and place.startswith("/"):
        with suppress(FileNotFoundError):
            os.unlink(place)  # of a process that was killed
        return await asyncio.start_unix_server(serve, place)
    host, _, port = place.rpartition(":")
    if kind != "tcp" or not host or not port.isdigit():
        raise ValueError("neither unix:/path nor tcp:host:port")
    return await asyncio.start_server(serve, host.strip("[]"), int(port))


class _Room:
    """The memory that bodies may still take."""

    def __init__(self, size: int) -> None:
        self.left = size


class _Connections:
    def __init__(self, handler: Handler, max_body: int) -> None:
        self._room = _Room(max(BODIES_BYTES, 2 * max_body))
        self._handler = handler
        self._max_body = max_body
        self._open: dict[asyncio.Task[None], _Connection] = {}
        self._finishing = False

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        connection = _Connection(reader, writer, self._handler, self._max_body, self._room)
        if len(self._open) >= CONNECTIONS or self._finishing:
            connection.write(Answer(503, "too many requests wait here", (("retry-after", "5"),)), keep=False)
            writer.close()
            return
        self._open[task] = connection
        try:
            await connection.serve()
        except (OSError, TimeoutError, asyncio.CancelledError):
            pass  # the client is gone, or was silent for too long, or we end
        finally:
            del self._open[task]
            connection.give_back()
            writer.close()

    async def finish(self, seconds: float) -> None:
        """End idle connections now and the others after their answer."""
        self._finishing = True
        for task, connection in self._open.items():
            connection.last = True
            if not connection.busy:
                task.cancel()
        if not self._open:
            return
        _, late = await asyncio.wait(list(self._open), timeout=seconds)
        for task in late:
            task.cancel()
        if late:
            await asyncio.wait(late)


class _Connection:
    """Reads a request, answers it, reads the next. It is the parser's protocol, too: methods named `on_…`."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, handler: Handler, max_body: int, room: _Room
    ) -> None:
        self._reader, self._writer = reader, writer
        self._handler = handler
        self._max_body = max_body
        self._room = room
        self._taken = 0  # of it
        self._framing_bytes = 0  # that came since there was something of a body: the parser keeps a trailer
        self._requests: deque[tuple[Request, bool]] = deque()  # and whether the connection goes on after it
        self._clock = asyncio.get_running_loop().time
        self._parser = httptools.HttpRequestParser(self)
        self._refusal: Answer | None = None
        self._deadline_s: float | None = None  # of the request that is arriving
        self.busy = False
        self.last = False

    async def serve(self) -> None:
        while True:
            async with asyncio.timeout_at(self._deadline_s or self._clock() + IDLE_S):
                data = await self._reader.read(_READ_BYTES)
            if not data:
                return
            self._framing_bytes += len(data)
            try:
                self._parser.feed_data(data)
                if self._framing_bytes > HEAD_BYTES + _READ_BYTES and self._deadline_s is not None:
                    self._refusal = Answer(431, "chunk extensions or trailers without end")
            except httptools.HttpParserUpgrade:
                self.last = True  # another protocol is offered, and not taken: HTTP goes on for this one request
            except httptools.HttpParserError as error:
                self._refusal = self._refusal or Answer(400, f"this is no HTTP request: {error}")
            while self._requests:
                request, keep = self._requests.popleft()
                self.busy = True
                answer = await self._answer(request)
                self.busy = False
                self.give_back(len(request.body))
                keep = keep and not self.last
                self.write(answer, keep=keep)
                await self._writer.drain()
                if not keep:
                    return
            if self._refusal:
                self.write(self._refusal, keep=False)
                await self._writer.drain()
                return

    def give_back(self, size: int | None = None) -> None:
        """Room that is not needed any more; all of it, if it is not said how much."""
        size = self._taken if size is None else size
        self._taken -= size
        self._room.left += size

    def write(self, answer: Answer, *, keep: bool) -> None:
        body = answer.text.encode() + b"\n" if answer.text else b""
        lines = [f"HTTP/1.1 {answer.status} {HTTPStatus(answer.status).phrase}"]
        lines += [f"{name}: {value}" for name, value in answer.headers]
        lines += ["content-type: text/plain; charset=utf-8"] if body else []
        lines += [f"content-length: {len(body)}"]
        lines += [] if keep else ["connection: close"]
        self._writer.write("\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body)

    async def _answer(self, request: Request) -> Answer:
        try:
            return await self._handler(request)
        except asyncio.CancelledError:
            self.write(Answer(503, "this ends now; send it again", (("retry-after", "5"),)), keep=False)
            raise
        except Exception:
            log.exception("%s %s", request.method, request.path)
            return Answer(500, "something is wrong here; the log says what")

    # --- what the parser calls; an error in one of them ends its work

    def on_message_begin(self) -> None:
        self._deadline_s = self._clock() + REQUEST_S
        self._target = b""
        self._headers: dict[str, str] = {}
        self._head_bytes = 0
        self._body = bytearray()

    def on_url(self, url: bytes) -> None:
        self._target += url
        self._count(len(url))

    def on_header(self, name: bytes, value: bytes) -> None:
        self._count(len(name) + len(value))
        self._headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        length = self._headers.get("content-length", "")
        if length.isdigit() and int(length) > self._max_body:
            self._refuse(Answer(413, f"the body has {length} bytes; at most {self._max_body} are taken"))
        if self._headers.get("expect", "").lower() == "100-continue":
            self._writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, body: bytes) -> None:
        if len(self._body) + len(body) > self._max_body:
            self._refuse(Answer(413, f"the body has more than {self._max_body} bytes"))
        if len(body) > self._room.left:
            self._refuse(Answer(503, "too many requests are on their way", (("retry-after", "5"),)))
        self._framing_bytes = 0
        self._taken += len(body)
        self._room.left -= len(body)
        self._body += body

    def on_message_complete(self) -> None:
        self._deadline_s = None
        self._framing_bytes = 0
        method = self._parser.get_method().decode("latin-1")
        parts = urlsplit(self._target.decode("latin-1"))
        request = Request(method, parts.path or "/", self._headers, bytes(self._body), parts.query)
        self._requests.append((request, self._parser.should_keep_alive()))

    def _count(self, size: int) -> None:
        self._head_bytes += size
        if self._head_bytes > HEAD_BYTES:
            self._refuse(Answer(431, f"the request's head has more than {HEAD_BYTES} bytes"))

    def _refuse(self, answer: Answer) -> None:
        self._refusal = answer
        raise ValueError(answer.text)
