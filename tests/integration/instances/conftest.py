"""A world for instances: a runtime layer, user modules on disk, a board, and a Client that keeps Pods in memory."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import os
import shutil
import signal
import socket
import sys
import tempfile
import textwrap
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import faas_runtime
import pytest
from faas_builders.bundle import Bundle
from faas_builders.errors import ImageMissing

from faas.client.errors import NotFound
from faas.client.protocol import Object, ObjectList, WatchEvent
from faas.engine.contract.board import Board
from faas.engine.contract.revision import ContainerPlan, EnvVar, RevisionKey, RevisionPlan, ScaleDecision
from faas.engine.contract.settings import EngineSettings, Listeners
from faas.engine.instances import Instances
from tests.plans import changed

PATIENCE_S = 10.0
RUNTIME_NEEDS = ("gunicorn", "gunicorn_h1c", "uvloop", "msgspec", "packaging")

ASGI = """
    import json, os

    async def app(scope, receive, send):
        if scope["type"] == "lifespan":
            while True:
                message = await receive()
                await send({"type": message["type"] + ".complete"})
                if message["type"] == "lifespan.shutdown":
                    return
        status, body = await answer(scope["path"])
        head = [(b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": status, "headers": head})
        await send({"type": "http.response.body", "body": body})
"""


@pytest.fixture(scope="session")
def layers(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """(what shows only faas_runtime, all that it needs): as the builder lays a runtime out, by symbolic links."""
    base = tmp_path_factory.mktemp("layers")
    own, runtime = base / "own", base / "runtime"
    own.mkdir()
    runtime.mkdir()
    ours = Path(faas_runtime.__file__).parent
    for folder in (own, runtime):
        (folder / "faas_runtime").symlink_to(ours)
    for name in RUNTIME_NEEDS:
        module = __import__(name)
        assert module.__file__ is not None
        (runtime / name).symlink_to(Path(module.__file__).parent)
    return own, runtime


class MemoryClient:
    """The Client Protocol over a dict, as much of it as instances use."""

    def __init__(self) -> None:
        self.objects: dict[tuple[str, str, str], Object] = {}
        self._watchers: list[asyncio.Queue[WatchEvent]] = []
        self.changed = asyncio.Event()

    def _tell(self, type: Any, obj: Object) -> None:
        self.changed.set()
        for queue in self._watchers:
            queue.put_nowait(WatchEvent(type, obj))

    async def get(self, kind: Any, name: str, namespace: str = "") -> Object:
        try:
            return self.objects[kind.kind, namespace, name]
        except KeyError:
            raise NotFound(f"{name} not found") from None

    async def list(self, kind: Any, namespace: str = "", **_: str) -> ObjectList:
        return ObjectList([obj for (k, _, _), obj in self.objects.items() if k == kind.kind], "1")

    async def watch(self, kind: Any, namespace: str = "", **_: str) -> AsyncIterator[WatchEvent]:
        queue: asyncio.Queue[WatchEvent] = asyncio.Queue()
        self._watchers.append(queue)
        try:
            while True:
                yield await queue.get()
        finally:
            self._watchers.remove(queue)

    async def create(self, kind: Any, obj: Object, **_: Any) -> Object:
        stored = {"kind": kind.kind, **obj}
        self.objects[kind.kind, obj["metadata"]["namespace"], obj["metadata"]["name"]] = stored
        self._tell("ADDED", stored)
        return stored

    async def update(self, kind: Any, obj: Object, **_: Any) -> Object:
        return await self.create(kind, obj)

    async def patch(self, kind: Any, name: str, patch: Any, namespace: str = "", **_: Any) -> Object:
        obj = await self.get(kind, name, namespace)
        obj.update(patch)
        self._tell("MODIFIED", obj)
        return obj

    async def delete(self, kind: Any, name: str, namespace: str = "", **_: Any) -> None:
        obj = await self.get(kind, name, namespace)
        del self.objects[kind.kind, namespace, name]
        self._tell("DELETED", obj)

    def pods(self) -> list[Object]:
        return [obj for (kind, _, _), obj in self.objects.items() if kind == "Pod"]

    @property
    def watched(self) -> bool:
        return bool(self._watchers)


class World:
    """One state folder, one runtime folder; engines come and go."""

    def __init__(self, base: Path, runtime_dir: Path, layers: tuple[Path, Path]) -> None:
        self.base, self.layers = base, layers
        self.settings = EngineSettings(base / "state", runtime_dir, Listeners(-1, -1, -1, -1))
        self.bundles: dict[str, Bundle] = {}
        self.board = Board()
        self.client = MemoryClient()
        self.python = Path(sys.executable)
        self.dependencies: tuple[Path, ...] = ()

    def function(self, source: str, *, name: str = "hello", **changes: Any) -> RevisionPlan:
        """A Revision `NAME-00001` of a module with this source, which defines `async def answer(path)`."""
        folder = self.base / f"app-{name}"
        folder.mkdir()
        (folder / "main.py").write_text(textwrap.dedent(ASGI) + textwrap.dedent(source) + _DECLARE)
        reference = f"dev.local/{name}@sha256:{'0' * 64}"
        own, runtime = self.layers
        self.bundles[reference] = Bundle(
            reference=reference,
            digest="sha256:" + "0" * 64,
            python=self.python,
            sys_path=(own, folder, *self.dependencies, runtime),
            workdir=folder,
        )
        key = RevisionKey("default", f"{name}-00001")
        container = ContainerPlan(reference, env=(EnvVar("FAAS_FUNCTION", "main:app"),))
        plan = RevisionPlan(key, f"uid-{name}", name, name, container, warm=True, timeout_s=10.0)
        return changed(plan, **changes)

    def resolve(self, reference: str) -> Bundle:
        try:
            return self.bundles[reference]
        except KeyError:
            raise ImageMissing(reference, "nobody has built it") from None

    def engine(self, **changes: Any) -> Instances:
        return Instances(self.settings, self.board, self.client, resolve=self.resolve, **changes)

    def new_engine_state(self) -> None:
        self.board = Board()

    def scale(self, plan: RevisionPlan, desired: int) -> None:
        self.board.decisions.put(plan.key, ScaleDecision(desired))

    async def until(self, holds: Callable[[], Any]) -> Any:
        """Wait, on changes of the board and of the Pods, until this is so; returns what it gave."""
        try:
            return await self._until(holds)
        except TimeoutError:
            fleets = dict(self.board.fleets.items())
            raise AssertionError(f"still not so: {fleets} {dict(self.board.endpoints.items())}") from None

    async def _until(self, holds: Callable[[], Any]) -> Any:
        async with asyncio.timeout(PATIENCE_S):
            wake = asyncio.Event()
            stops = [
                observed.listen(lambda *_: wake.set())
                for observed in (self.board.endpoints, self.board.fleets, self.board.decisions)
            ]
            try:
                while not (value := holds()):
                    self.client.changed.clear()
                    waits = [asyncio.ensure_future(wake.wait()), asyncio.ensure_future(self.client.changed.wait())]
                    await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
                    for waiting in waits:
                        waiting.cancel()
                    wake.clear()
                return value
            finally:
                for stop in stops:
                    stop()

    async def ready(self, plan: RevisionPlan, count: int = 1) -> list[Any]:
        def enough() -> list[Any]:
            entries = [entry for entry in self.board.endpoints.get(plan.key) or () if not entry.draining]
            return entries if len(entries) == count else []

        return list(await self.until(enough))

    async def ask(self, endpoint: Any, path: str = "/") -> tuple[int, bytes]:
        return await asyncio.to_thread(ask, endpoint.address.removeprefix("unix:"), path)

    def instance_pids(self) -> list[int]:
        import msgspec

        records = [msgspec.json.decode(path.read_bytes()) for path in (self.settings.runtime_dir / "i").glob("*.json")]
        return [record["pid"] for record in records]


_DECLARE = """
from faas_runtime import function

function.app(app)
"""


def ask(path: str, target: str) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("localhost", timeout=PATIENCE_S)
    connection.sock = socket.socket(socket.AF_UNIX)
    connection.sock.settimeout(PATIENCE_S)
    connection.sock.connect(path)
    with contextlib.closing(connection):
        connection.request("GET", target)
        response = connection.getresponse()
        return response.status, response.read()


@pytest.fixture
def world(tmp_path: Path, layers: tuple[Path, Path]) -> Iterator[World]:
    runtime_dir = Path(tempfile.mkdtemp(prefix="fi-"))
    made = World(tmp_path, runtime_dir, layers)
    yield made
    for pid in made.instance_pids():
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    shutil.rmtree(runtime_dir)
