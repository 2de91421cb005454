"""A real gateway on real sockets, instances that the test scripts byte by byte, and the engine's side by hand."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import uvloop

from faas.engine.contract.dataplane import (
    EndpointEntry,
    Endpoints,
    RevisionPolicy,
    Split,
    Table,
    Target,
    ToEngine,
)
from faas.engine.contract.settings import EngineSettings, Listeners
from faas.engine.gateway.gateway import Gateway
from faas.engine.gateway.limits import Limits
from faas.engine.gateway.server import Options, running_gateway

HOST = b"hello.default.localhost"
REVISION = "default/hello-00001"
PATIENCE_S = 20.0

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@dataclass
class World:
    """What a test sees: the gateway, its public address, and all that it told the engine."""

    gateway: Gateway
    address: tuple[str, int]
    runtime_dir: Path
    told: list[ToEngine] = field(default_factory=list)
    _news: asyncio.Event = field(default_factory=asyncio.Event)
    _servers: list[asyncio.AbstractServer] = field(default_factory=list)
    _instances: int = 0

    def hear(self, message: ToEngine) -> None:
        self.told.append(message)
        self._news.set()

    async def heard(self, wanted: Callable[[ToEngine], bool]) -> ToEngine:
        """Wait until the engine was told something."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                for message in self.told:
                    if wanted(message):
                        return message
                self._news.clear()
                await self._news.wait()

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while not condition():  # noqa: ASYNC110  # plain counters of the gateway have no event
                await asyncio.sleep(0.005)

    async def instance(self, handler: Handler) -> str:
        """Listen on a Unix socket; returns the endpoint's address."""
        self._instances += 1
        path = self.runtime_dir / f"i{self._instances}.sock"

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                await handler(reader, writer)
            except (ConnectionError, asyncio.IncompleteReadError):
                pass
            finally:
                writer.close()

        self._servers.append(await asyncio.start_unix_server(serve, path, limit=1 << 20))
        return f"unix:{path}"

    def route(self, *, public: bool = True, splits: tuple[Split, ...] = (Split(REVISION, 100),), **policy: Any) -> None:
        """One service, `hello`, with the revisions of its splits."""
        self.gateway.update_table(
            Table(
                1,
                hosts={HOST.decode(): "default/hello", "hello.default.svc.cluster.local": "default/hello"},
                targets={"default/hello": Target("default", "hello", "hello", "", splits, public)},
                revisions={
                    split.revision: RevisionPolicy(split.revision, "default", "hello", "hello", **policy)
                    for split in splits
                },
            )
        )

    def endpoints(self, *addresses: str, draining: tuple[str, ...] = (), revision: str = REVISION) -> None:
        self.gateway.update_endpoints(
            Endpoints(
                revision, tuple(EndpointEntry(address[-7:-5], address, address in draining) for address in addresses)
            )
        )

    async def serve(self, handler: Handler, **policy: Any) -> str:
        """Route to one instance."""
        address = await self.instance(handler)
        self.route(**policy)
        self.endpoints(address)
        return address

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection(*self.address, limit=1 << 20)

    async def exchange(self, *requests: bytes) -> bytes:
        """Send bytes, read until the gateway closes."""
        reader, writer = await self.connect()
        try:
            for request in requests:
                writer.write(request)
            async with asyncio.timeout(PATIENCE_S):
                return await reader.read(-1)
        finally:
            writer.close()

    async def get(self, path: bytes = b"/", extra: bytes = b"") -> bytes:
        return await self.exchange(get(path, extra + b"connection: close\r\n"))


def get(path: bytes = b"/", extra: bytes = b"", host: bytes = HOST) -> bytes:
    return b"GET %b HTTP/1.1\r\nhost: %b\r\n%b\r\n" % (path, host, extra)


async def read_head(reader: asyncio.StreamReader) -> bytes:
    return await reader.readuntil(b"\r\n\r\n")


def answering(body: bytes = b"ok", head: bytes = b"") -> Handler:
    """An instance that answers each request (without a body) alike, and keeps its connections."""

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            await read_head(reader)
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n%b\r\n%b" % (len(body), head, body))

    return handler


def listening_unix(path: Path) -> socket.socket:
    sock = socket.socket(socket.AF_UNIX)
    sock.bind(str(path))
    sock.listen(128)
    return sock


@contextlib.contextmanager
def sockets(directory: Path) -> Iterator[tuple[EngineSettings, tuple[str, int]]]:
    """The listening sockets that a supervisor would own."""
    public = socket.create_server(("127.0.0.1", 0))
    internal = listening_unix(directory / "internal.sock")
    control = listening_unix(directory / "control.sock")
    api = socket.socket()
    with public, internal, control, api:
        yield (
            EngineSettings(
                state_dir=directory,
                runtime_dir=directory,
                listeners=Listeners(public.fileno(), internal.fileno(), control.fileno(), api.fileno()),
            ),
            public.getsockname(),
        )


@contextlib.asynccontextmanager
async def running_world(limits: Limits, *, listen_in: bool) -> AsyncIterator[World]:
    with tempfile.TemporaryDirectory(prefix="gw") as name, sockets(Path(name)) as (settings, address):
        async with running_gateway(settings, Options(limits)) as gateway:
            world = World(gateway, address, Path(name))
            if listen_in:
                gateway.tell_engine = world.hear
            try:
                yield world
            finally:
                for server in world._servers:
                    server.close()


@dataclass
class Kit:
    """What tests use; a fixture, because test modules import nothing from each other."""

    HOST = HOST
    REVISION = REVISION
    get = staticmethod(get)
    read_head = staticmethod(read_head)
    answering = staticmethod(answering)
    sockets = staticmethod(sockets)

    def run_controlled(self, scenario: Callable[[World], Coroutine[Any, Any, None]]) -> None:
        """The same with an engine of the test's own: nothing of what the gateway tells is taken away."""
        self.run(scenario, listen_in=False)

    def run(
        self, scenario: Callable[[World], Coroutine[Any, Any, None]], *, listen_in: bool = True, **limits: Any
    ) -> None:
        """Run a scenario in a world of its own, on the loop that production uses."""
        chosen = Limits(**{"tick_s": 0.01, "drain_s": 0.5, **limits})

        defects: list[dict[str, Any]] = []  # what a protocol's callback raised: loops only log it

        async def main() -> None:
            asyncio.get_running_loop().set_exception_handler(lambda loop, context: defects.append(context))
            async with running_world(chosen, listen_in=listen_in) as world:
                await scenario(world)

        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(main())
        assert defects == []


@pytest.fixture
def kit() -> Kit:
    return Kit()
