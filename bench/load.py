"""A closed-loop HTTP/1.1 load generator: N keep-alive connections, each sends its next request on its last answer.

Raw asyncio on uvloop, so that one core of it keeps ahead of the Python servers it measures.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import cast

import uvloop


@dataclass
class Result:
    """Latencies in seconds of every answered request; `statuses` counts them; `broken` counts lost connections."""

    seconds: float = 0.0
    latencies: list[float] = field(default_factory=list)
    statuses: dict[int, int] = field(default_factory=dict)
    broken: int = 0

    @property
    def rate(self) -> float:
        return len(self.latencies) / self.seconds if self.seconds else 0.0

    @property
    def failed(self) -> int:
        return self.broken + sum(count for status, count in self.statuses.items() if status >= 400)

    def percentile(self, share: float) -> float:
        ordered = sorted(self.latencies)
        return ordered[min(len(ordered) - 1, int(len(ordered) * share))]

    @property
    def p50(self) -> float:
        return statistics.median(self.latencies)


class _Connection(asyncio.Protocol):
    """Reads answers framed by Content-Length, chunked or without body; enough for the servers measured here."""

    def __init__(self, request: bytes, result: Result, more: Callable[[], bool], done: Callable[[], None]) -> None:
        self.request, self.result, self.more, self.done = request, result, more, done
        self.buffer = b""
        self.started = 0.0
        self.finished = False
        self.transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's are none by class
        self.send()

    def send(self) -> None:
        self.started = time.perf_counter()
        self.transport.write(self.request)

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        head_end = self.buffer.find(b"\r\n\r\n")
        if head_end < 0:
            return
        head = self.buffer[:head_end].lower()
        status = int(head[9:12])
        at = head.find(b"content-length:")
        if at >= 0:
            end = head.find(b"\r\n", at)
            length = int(head[at + 15 : end if end >= 0 else len(head)])
            if len(self.buffer) < head_end + 4 + length:
                return
        elif b"transfer-encoding: chunked" in head:
            if not self.buffer.endswith(b"0\r\n\r\n"):
                return
        elif status not in (204, 304):
            return  # framed by the end of the connection
        self.answered(status)
        if b"connection: close" not in head:
            self.buffer = b""
            if self.more():
                self.send()
                return
        self.finish()

    def answered(self, status: int) -> None:
        self.result.latencies.append(time.perf_counter() - self.started)
        self.result.statuses[status] = self.result.statuses.get(status, 0) + 1

    def connection_lost(self, error: Exception | None) -> None:
        if not self.finished:
            if self.buffer.startswith(b"HTTP/1"):
                self.answered(int(self.buffer[9:12]))
            else:
                self.result.broken += 1
            self.finish()

    def finish(self) -> None:
        self.finished = True
        self.transport.close()
        self.done()


def make_request(
    path: str, body: bytes, *, host: str = "localhost", method: str = "POST", headers: dict[str, str] | None = None
) -> bytes:
    fields = {"host": host, "content-type": "application/json", "content-length": str(len(body))} | (headers or {})
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return f"{method} {path} HTTP/1.1\r\n{head}\r\n".encode() + body


async def _drive(
    address: str | tuple[str, int], request: bytes, connections: int, seconds: float, limit: int
) -> Result:
    loop = asyncio.get_running_loop()
    result = Result()
    begun = time.perf_counter()
    sent = 0

    def more() -> bool:
        nonlocal sent
        sent += 1
        return (limit == 0 or sent < limit) and (limit > 0 or time.perf_counter() - begun < seconds)

    async def one() -> None:
        finished = loop.create_future()

        def done() -> None:
            if not finished.done():
                finished.set_result(None)

        def make() -> _Connection:
            return _Connection(request, result, more, done)

        while True:
            finished = loop.create_future()
            try:
                if isinstance(address, str):
                    await loop.create_unix_connection(make, address)
                else:
                    await loop.create_connection(make, *address)
            except OSError:
                result.broken += 1
                return
            await finished
            if limit > 0 or time.perf_counter() - begun >= seconds:
                return

    async with asyncio.TaskGroup() as group:
        for _ in range(connections):
            group.create_task(one())
    result.seconds = time.perf_counter() - begun
    return result


def drive(
    address: str | tuple[str, int], request: bytes, *, connections: int, seconds: float = 0.0, limit: int = 0
) -> Result:
    """Load `address` (host and port, or a Unix socket's path) for `seconds`, or with one request a connection.

    `limit` > 0 ends after about that many requests altogether instead.
    """
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_drive(address, request, connections, seconds, limit))
