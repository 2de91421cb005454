"""The gateway as a process of its own: killed, restarted, stopped, with sockets that outlive it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from faas.engine.contract.board import Board
from faas.engine.contract.dataplane import RevisionPolicy, Split, Target
from faas.engine.contract.revision import Endpoint, RevisionKey
from faas.engine.gateway.link import GatewayLink

KEY = RevisionKey("default", "hello-00001")


class Gateway:
    """Starts and restarts the process on the same sockets."""

    def __init__(self, directory: Path, settings: Any, address: tuple[str, int]) -> None:
        self.directory, self.address = directory, address
        self._listeners = settings.listeners
        (directory / "settings.json").write_text(
            json.dumps(
                {
                    "state_dir": str(directory),
                    "runtime_dir": str(directory),
                    "listeners": {
                        name: getattr(settings.listeners, name) for name in ("public", "internal", "control", "api")
                    },
                }
            )
        )
        self.process: subprocess.Popen[bytes]

    def start(self) -> None:
        listeners = self._listeners
        self.process = subprocess.Popen(
            [sys.executable, "-m", "faas.engine.gateway", "--settings", str(self.directory / "settings.json")],
            pass_fds=(listeners.public, listeners.internal, listeners.control, listeners.api),
            stderr=subprocess.DEVNULL,
        )

    def stop(self, signum: int) -> int:
        self.process.send_signal(signum)
        return self.process.wait(20)


@pytest.fixture
def gateway(kit: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    import tempfile

    with tempfile.TemporaryDirectory(prefix="gw") as name, kit.sockets(Path(name)) as (settings, address):
        gateway = Gateway(Path(name), settings, address)
        gateway.start()
        yield gateway
        if gateway.process.poll() is None:
            gateway.stop(signal.SIGKILL)


@contextlib.contextmanager
def instance(path: Path, hold: threading.Event | None = None) -> Iterator[None]:
    """A tiny server in a thread: one answer for each connection's request."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen(64)

    def answer(connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            while data := connection.recv(65536):
                if hold is not None and b"/hold" in data:
                    hold.wait(20)
                connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=answer, args=(connection,), daemon=True).start()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join(5)


def make_board(address: str) -> Board:
    board = Board()
    board.policies.put(KEY, RevisionPolicy(str(KEY), "default", "hello", "hello"))
    board.targets.put("default/hello", Target("default", "hello", "hello", "", (Split(str(KEY), 100),), public=True))
    board.hosts.put("hello.default.localhost", "default/hello")
    board.endpoints.put(KEY, (Endpoint("p1", address),))
    return board


async def ask(address: tuple[str, int], path: bytes = b"/") -> bytes:
    reader, writer = await asyncio.open_connection(*address)
    writer.write(b"GET " + path + b" HTTP/1.1\r\nhost: hello.default.localhost\r\nconnection: close\r\n\r\n")
    try:
        async with asyncio.timeout(20):
            return await reader.read(-1)
    finally:
        writer.close()


async def saved(gateway: Gateway) -> None:
    state = gateway.directory / "gateway.json"
    async with asyncio.timeout(20):
        while not state.exists() or b"p1" not in state.read_bytes():  # noqa: ASYNC110  # a file of another process
            await asyncio.sleep(0.01)


async def told_by_an_engine(gateway: Gateway, board: Board) -> None:
    """An engine comes, tells what it knows, and dies."""
    link = GatewayLink(board, gateway.directory / "control.sock")
    running = asyncio.create_task(link.run())
    link.settle()
    await saved(gateway)
    running.cancel()
    await asyncio.wait([running])


def test_it_serves_on_without_an_engine_and_after_its_own_death(gateway: Gateway) -> None:
    path = gateway.directory / "i1.sock"

    async def scenario() -> None:
        await told_by_an_engine(gateway, make_board(f"unix:{path}"))
        assert (await ask(gateway.address)).endswith(b"ok")
        assert gateway.stop(signal.SIGKILL) == -signal.SIGKILL
        waiting = [asyncio.create_task(ask(gateway.address)) for _ in range(20)]  # into the backlog
        await asyncio.sleep(0)
        gateway.start()
        answers = await asyncio.gather(*waiting)
        assert all(answer.endswith(b"ok") for answer in answers)

    with instance(path):
        asyncio.run(scenario())


def test_a_kill_breaks_the_connections_it_held_and_no_others(gateway: Gateway) -> None:
    path = gateway.directory / "i1.sock"
    hold = threading.Event()

    async def scenario() -> None:
        await told_by_an_engine(gateway, make_board(f"unix:{path}"))
        reader, writer = await asyncio.open_connection(*gateway.address)
        writer.write(b"GET /hold HTTP/1.1\r\nhost: hello.default.localhost\r\n\r\n")
        assert (await ask(gateway.address)).endswith(b"ok")
        gateway.stop(signal.SIGKILL)
        with contextlib.suppress(ConnectionResetError):
            assert await reader.read() == b""
        writer.close()
        gateway.start()
        assert (await ask(gateway.address)).endswith(b"ok")
        hold.set()

    with instance(path, hold):
        asyncio.run(scenario())


def test_sigterm_finishes_what_is_in_flight_and_leaves_the_sockets_alone(gateway: Gateway) -> None:
    path = gateway.directory / "i1.sock"
    hold = threading.Event()

    async def scenario() -> None:
        board = make_board(f"unix:{path}")
        link = GatewayLink(board, gateway.directory / "control.sock")
        poked = asyncio.Event()
        running = asyncio.create_task(link.run())
        link.settle()
        await saved(gateway)
        board.signals.load.append(lambda samples: poked.set() if any(s.in_flight for s in samples) else None)
        held = asyncio.create_task(ask(gateway.address, b"/hold"))
        await asyncio.wait_for(poked.wait(), 20)  # the request is in flight
        gateway.process.send_signal(signal.SIGTERM)
        later = asyncio.create_task(ask(gateway.address))
        await asyncio.sleep(0)
        hold.set()
        assert (await held).endswith(b"ok")
        assert await asyncio.to_thread(gateway.process.wait, 20) == 0
        assert (gateway.directory / "control.sock").exists()
        gateway.start()
        assert (await later).endswith(b"ok")
        running.cancel()
        await asyncio.wait([running])

    with instance(path, hold):
        asyncio.run(scenario())


def test_an_engine_that_is_not_settled_takes_nothing_away(gateway: Gateway) -> None:
    path = gateway.directory / "i1.sock"

    async def scenario() -> None:
        await told_by_an_engine(gateway, make_board(f"unix:{path}"))
        link = GatewayLink(Board(), gateway.directory / "control.sock")
        running = asyncio.create_task(link.run())
        await link.connected()
        assert "faas_gateway_open_connections" in await link.scrape()
        assert (await ask(gateway.address)).endswith(b"ok")
        running.cancel()
        await asyncio.wait([running])

    with instance(path):
        asyncio.run(scenario())
