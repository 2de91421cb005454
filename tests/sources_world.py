"""What adapters are tested with: an adapter as a process, and a sink that misbehaves. Servers are in `programs`."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from faas_runtime.events import wire
from faas_runtime.events.event import Event

DEADLINE_S = 30.0  # generous: a loaded machine must not fail a test


@dataclass
class StandInSink:
    """Takes CloudEvents over HTTP, in whatever way it is told to: see `answer`."""

    address: str  # unix:/path or http://host:port
    events: list[Event[Any]] = field(default_factory=list)  # taken, in their order of arrival
    requests: list[tuple[dict[bytes, bytes], int]] = field(default_factory=list)  # headers, how many events
    answer: Callable[[list[Event[Any]]], int | str] = lambda events: 202  # a status, "hang" or "die"
    headers: list[tuple[str, str]] = field(default_factory=list)  # of each answer
    _news: asyncio.Event = field(default_factory=asyncio.Event)
    _released: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self._released.set()

    def refuse(self, status: int = 503) -> None:
        self.answer = lambda events: status

    def hang(self) -> None:
        self.answer = lambda events: "hang"

    def die(self) -> None:
        """Close each connection without an answer, before anything is taken."""
        self.answer = lambda events: "die"

    def hold(self) -> None:
        """Take, but answer only after `release`."""
        self._released.clear()

    def release(self) -> None:
        self._released.set()

    def take(self) -> None:
        self.answer = lambda events: 202

    async def until(self, enough: Callable[[StandInSink], bool], why: str = "") -> None:
        """Wait until `enough`, which is asked after each request."""
        try:
            async with asyncio.timeout(DEADLINE_S):
                while not enough(self):
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            raise AssertionError(f"{why or 'the sink waited'}: {len(self.events)} events") from None

    async def has(self, count: int) -> None:
        await self.until(lambda sink: len(sink.events) >= count, f"{count} events expected")

    async def asked(self, count: int) -> None:
        await self.until(lambda sink: len(sink.requests) >= count, f"{count} requests expected")

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                lines = head[:-4].split(b"\r\n")[1:]
                headers = {name.lower(): value.strip() for name, _, value in (line.partition(b":") for line in lines)}
                body = await reader.readexactly(int(headers.get(b"content-length", b"0")))
                events = wire.parse(headers, body)
                self.requests.append((headers, len(events)))
                answer = self.answer(events)
                if answer == 202:
                    self.events += events
                self._news.set()
                if answer == "die":
                    break
                if answer == "hang":
                    await asyncio.Event().wait()
                await self._released.wait()
                extra = "".join(f"{name}: {value}\r\n" for name, value in self.headers)
                writer.write(f"HTTP/1.1 {answer} X\r\n{extra}content-length: 0\r\n\r\n".encode())
                await writer.drain()
        writer.close()


@asynccontextmanager
async def stand_in_sink(folder: Path | None = None) -> AsyncIterator[StandInSink]:
    """On a Unix socket in `folder` (batches are sent then), else on a port of loopback."""
    connections: dict[asyncio.Task[None], asyncio.StreamWriter] = {}
    sink: StandInSink

    def connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(sink._serve(reader, writer))
        connections[task] = writer
        task.add_done_callback(connections.pop)

    limit = 64 * 1024
    if folder is None:
        server = await asyncio.start_server(connection, "127.0.0.1", 0, limit=limit)
        sink = StandInSink(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    else:
        path = folder / "sink.sock"
        server = await asyncio.start_unix_server(connection, path, limit=limit)
        sink = StandInSink(f"unix:{path}")
    try:
        yield sink
    finally:
        server.close()
        open_still = dict(connections)
        for task, writer in open_still.items():
            writer.close()
            task.cancel()
        if open_still:
            await asyncio.wait(open_still)


# --- an adapter -----------------------------------------------------------------------------------------------------


@dataclass
class RunningAdapter:
    process: asyncio.subprocess.Process
    reports: list[dict[str, Any]] = field(default_factory=list)
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    async def until(self, state: str, reason: str = "") -> dict[str, Any]:
        """Wait until its last report says so."""
        try:
            async with asyncio.timeout(DEADLINE_S):
                while not (
                    self.reports and self.reports[-1]["state"] == state and reason in ("", self.reports[-1]["reason"])
                ):
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            raise AssertionError(f"the adapter is not {state} {reason}: {self.reports[-3:]}") from None
        return self.reports[-1]

    async def end(self) -> int:
        """SIGTERM; its exit status."""
        self.process.terminate()
        return await asyncio.wait_for(self.process.wait(), DEADLINE_S)

    async def kill(self) -> None:
        self.process.kill()
        await self.process.wait()

    async def _read(self, reader: asyncio.StreamReader) -> None:
        while line := await reader.readline():
            self.reports.append(json.loads(line))
            self._news.set()


def adapter_environment(
    sink: StandInSink, options: Mapping[str, Any], *, state: Path | None = None, **more: str
) -> dict[str, str]:
    """As the engine makes it: the sink's Unix socket is dialled, or its port called as K_SINK says."""
    url = "http://broker-ingress.knative-eventing.svc.cluster.local/default/default"
    gateway = {"FAAS_GATEWAY": sink.address} if sink.address.startswith("unix:") else {}
    lasting = {"FAAS_SOURCE_STATE": str(state)} if state else {}
    return {
        "PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join(sys.path), "NAMESPACE": "default", "NAME": "a-source",
        "K_SINK": url if gateway else f"{sink.address}/default/default", "FAAS_SOURCE": json.dumps(options),
        **gateway, **lasting, **more,
    }  # fmt: skip


@asynccontextmanager
async def running_adapter(
    adapter: str, sink: StandInSink, options: Mapping[str, Any], *, state: Path | None = None, **more: str
) -> AsyncIterator[RunningAdapter]:
    """`python -m faas.sources ADAPTER`, its reports read."""
    read_end, write_end = os.pipe()
    try:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "faas.sources", adapter, pass_fds=(write_end,),
            env={
                **adapter_environment(sink, options, state=state, **more), "FAAS_SOURCE_REPORT": str(write_end)
            },
        )  # fmt: skip
    finally:
        os.close(write_end)
    reader = asyncio.StreamReader()
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(read_end, "rb")
    )
    running = RunningAdapter(process)
    reading = asyncio.create_task(running._read(reader))
    try:
        yield running
    finally:
        if process.returncode is None:
            await running.kill()
        reading.cancel()
        await asyncio.wait([reading])
        transport.close()
