"""A sink for tests: an HTTP server on a Unix socket that keeps what it gets and answers as it is told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from faas_runtime.events import wire
from faas_runtime.events.event import Event

DEADLINE_S = 30.0


@dataclass
class Request:
    target: str
    headers: dict[bytes, bytes]
    body: bytes

    @property
    def event(self) -> Event[Any]:
        return wire.parse(self.headers, self.body)[0]


@dataclass
class EventSink:
    answer: Callable[[Request], int] = lambda request: 202
    requests: list[Request] = field(default_factory=list)
    _arrived: asyncio.Condition = field(default_factory=asyncio.Condition)

    @property
    def events(self) -> list[Event[Any]]:
        return [request.event for request in self.requests]

    async def wait_for(self, count: int) -> list[Event[Any]]:
        """The events, once there are so many."""
        async with asyncio.timeout(DEADLINE_S), self._arrived:
            await self._arrived.wait_for(lambda: len(self.requests) >= count)
        return self.events

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                first, *lines = head[:-4].split(b"\r\n")
                headers = {
                    name.strip().lower(): value.strip() for name, _, value in (line.partition(b":") for line in lines)
                }
                body = await reader.readexactly(int(headers.get(b"content-length", b"0")))
                request = Request(first.split(b" ")[1].decode(), headers, body)
                async with self._arrived:
                    self.requests.append(request)
                    self._arrived.notify_all()
                writer.write(b"HTTP/1.1 %d X\r\ncontent-length: 0\r\n\r\n" % self.answer(request))
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def event_sink(path: Path) -> AsyncIterator[EventSink]:
    sink = EventSink()
    server = await asyncio.start_unix_server(sink.serve, str(path))
    try:
        yield sink
    finally:
        server.close()
