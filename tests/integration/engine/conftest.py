"""A whole engine, supervised, on free ports and a state directory of its own."""

from __future__ import annotations

import asyncio
import http.client
import os
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from faas.cli.dev.project_state import load_project, make_desired
from faas.cli.dev.rollout import roll_out
from faas.cli.engine_options import make_plan
from faas.client.http.client import HttpClient
from faas.client.kubeconfigs.loading import load
from faas.client.places.state import State
from faas.engine.supervisor.census import Role, census
from faas.engine.supervisor.plan import Plan
from faas.engine.supervisor.start import EngineFile, Running, clear_leftovers, launch
from faas.project.manifests.podspec import Overrides
from faas.project.python.discover import describe

PATIENCE_S = 30.0


@dataclass
class Engine:
    plan: Plan
    running: Running
    file: EngineFile

    @property
    def state(self) -> State:
        return State(Path(self.plan.state_dir))

    def deploy(self, project: Path) -> None:
        """Raises: NotReady."""

        async def apply() -> None:
            read = load_project(project, None, {})
            description = describe(read.settings.root, read.environment)
            desired = make_desired(
                read, description, images=self.state.images, namespace="default", overrides=Overrides(), variables={}
            )
            async with self.client() as client:
                await roll_out(client, desired, namespace="default", timeout_s=PATIENCE_S)

        asyncio.run(apply())

    def client(self) -> HttpClient:
        return HttpClient(load(self.state.kubeconfig))

    def get(self, name: str, path: str = "/") -> tuple[int, bytes]:
        """Ask a function as a stranger would: over the public port, by its host name."""
        connection = http.client.HTTPConnection("127.0.0.1", self.file.public_port, timeout=PATIENCE_S)
        try:
            connection.request("GET", path, headers={"Host": f"{name}.default.localhost"})
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def pids(self, role: Role) -> set[int]:
        members = census(self.running.process.pid, self.plan.runtime_dir)
        return {member.pid for member in members if member.role == role}

    def kill(self, role: Role) -> set[int]:
        killed = self.pids(role)
        for pid in killed:
            os.kill(pid, signal.SIGKILL)
        return killed

    def end(self) -> int:
        self.running.end_and_wait()
        return self.running.process.returncode


def eventually(claim: Callable[[], bool], what: str) -> None:
    """Look again until `claim` holds: for facts of other processes, which nobody can wait on."""
    deadline = time.monotonic() + PATIENCE_S
    while not claim():
        assert time.monotonic() < deadline, f"not within {PATIENCE_S:g} s: {what}"
        time.sleep(0.01)


@pytest.fixture
def start_engine(tmp_path: Path) -> Iterator[Callable[..., Engine]]:
    """Start an engine; called again after its end it goes on with the same state."""
    started: list[Engine] = []

    def start(**changes: object) -> Engine:
        plan = make_plan(tmp_path / "state", host="127.0.0.1", port=0, tls=None)
        plan = plan._replace(drain_s=3.0, stop_s=3.0)._replace(**changes)  # type: ignore[arg-type]
        running = launch(plan)
        engine = Engine(plan, running, running.wait_ready())
        started.append(engine)
        return engine

    yield start
    for engine in started:
        engine.running.end_and_wait()
        clear_leftovers(Path(engine.plan.runtime_dir))


@pytest.fixture
def engine(start_engine: Callable[..., Engine]) -> Engine:
    return start_engine()


@pytest.fixture
def make_project(tmp_path: Path) -> Callable[..., Path]:
    def make(code: str, name: str = "project") -> Path:
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        (folder / "main.py").write_text(code)
        return folder

    return make
