"""A real API server on a free port, in a thread with a loop of its own, and kubectl to talk to it."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import Future
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

from faas.engine.api.logs import LogQuery
from faas.engine.api.objects.backend import Backend
from faas.engine.api.server import ApiServer
from faas.engine.contract.settings import EngineSettings, Listeners
from faas.engine.store import SqliteStore
from faas.resources.kinds import KINDS
from tests.cluster_world import cluster, cluster_engine
from tests.serving import on_a_loop

__all__ = ["cluster", "cluster_engine"]  # fixtures of every integration test

KUBECTL = Path(sys.executable).with_name("kubectl")


class RecordedLogs:
    """The logs of one Pod, as the engine's instances would keep them."""

    async def read(self, pod: str, container: str, query: LogQuery) -> AsyncIterator[bytes]:
        for line in [b"one\n", b"two\n", b"three\n"][-(query.tail_lines or 3) :]:
            yield line


@dataclass
class RunningApi:
    """`call` runs a coroutine function on the server's loop."""

    state: Path
    port: int
    backend: Backend
    loop: asyncio.AbstractEventLoop
    evicted: list[str] = field(default_factory=list)

    def call(self, work: Callable[[Backend], Any]) -> Any:
        future: Future[Any] = asyncio.run_coroutine_threadsafe(work(self.backend), self.loop)
        return future.result(30)

    @property
    def kubeconfig(self) -> Path:
        return self.state / "kubeconfig"

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.port}"

    @property
    def token(self) -> str:
        return str(yaml.safe_load(self.kubeconfig.read_text())["users"][0]["user"]["token"])

    @property
    def environment(self) -> dict[str, str]:
        return {**os.environ, "KUBECONFIG": str(self.kubeconfig), "HOME": str(self.state / "home")}

    @property
    def command(self) -> list[str]:
        return [str(KUBECTL)]

    def kubectl(
        self, *arguments: str, input: str | None = None, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*self.command, *arguments],
            input=input,
            env={**self.environment, **environment},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningApi]:
    state = tmp_path_factory.mktemp("api")

    @asynccontextmanager
    async def served() -> AsyncIterator[RunningApi]:
        listener = socket.create_server(("127.0.0.1", 0))
        port = listener.getsockname()[1]
        settings = EngineSettings(
            state_dir=state, runtime_dir=state, listeners=Listeners(-1, -1, -1, listener.detach()), api_port=port
        )
        volatile = frozenset(str(kind) for kind in KINDS if kind.volatile)
        async with SqliteStore(state / "state.db", volatile=volatile) as store:
            backend = Backend(store)
            async with ApiServer(settings, backend, logs=RecordedLogs(), status=lambda: {"functions": 0}):
                running = RunningApi(state, port, backend, asyncio.get_running_loop())
                backend.remover.evict = lambda namespace, pod: running.evicted.append(f"{namespace}/{pod}")
                yield running

    with on_a_loop(served) as (running, _):
        yield running
