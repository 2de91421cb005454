"""One engine for a whole test module, and those who use it: kubectl, faas, and HTTP clients of its public port."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from faas.cli.dev.project_state import load_project, make_desired
from faas.cli.dev.rollout import roll_out
from faas.cli.engine_options import make_plan
from faas.client.protocol import Object
from faas.engine.supervisor.start import clear_leftovers, launch
from faas.project.manifests.podspec import Overrides
from faas.project.python.discover import describe
from faas.resources.kinds import Kind
from tests.integration.conftest import KUBECTL
from tests.integration.engine.conftest import PATIENCE_S, Engine

PYTHON = Path(sys.executable)  # the functions under test may import what the tests may: Flask, Starlette, OpenTelemetry


@dataclass
class Whole(Engine):
    """An engine as its users have it; `said` is what the last command wrote to stderr."""

    said: str = ""

    def serve(self, project: Path, code: str, *, env: Mapping[str, str] = {}) -> None:
        """Deploy a project of one module and wait until it is ready. Raises: NotReady."""
        project.mkdir(exist_ok=True)
        (project / "main.py").write_text(code)

        async def apply() -> None:
            read = load_project(project, PYTHON, {})
            description = describe(read.settings.root, read.environment)
            assert not description.errors, description.errors
            desired = make_desired(
                read, description, images=self.state.images, namespace="default", overrides=Overrides(env), variables={}
            )
            async with self.client() as client:
                await roll_out(client, desired, namespace="default", timeout_s=PATIENCE_S)

        asyncio.run(apply())

    def http(self, name: str, **options: Any) -> httpx.Client:
        """A client of one function, over the public port and by its host name."""
        headers = {"Host": host(name), **options.pop("headers", {})}
        # No certificates to load: that takes longer than the request.
        return httpx.Client(base_url=self.file.public_url, headers=headers, timeout=PATIENCE_S, verify=False, **options)

    def visit(self, path: str, host: str = "") -> httpx.Response:
        """A request by address, as a browser sends it that was given the URL; or with any other Host."""
        with httpx.Client(base_url=self.file.public_url, timeout=PATIENCE_S, verify=False) as client:
            return client.get(path, headers={"Host": host} if host else {})

    def local(self, name: str) -> httpx.Client:
        """The same over the engine's own socket, where cluster-local functions answer."""
        transport = httpx.HTTPTransport(uds=f"{self.plan.runtime_dir}/internal.sock")
        return httpx.Client(
            base_url=f"http://{name}.default.svc.cluster.local", transport=transport, timeout=PATIENCE_S
        )

    def faas(self, *arguments: str | Path, code: int = 0, **environment: str) -> str:
        """Run a command of ours; returns what it wrote to stdout."""
        env = {**os.environ, "FAAS_STATE": self.plan.state_dir, "NO_COLOR": "1", **environment}
        return self._run([sys.executable, "-m", "faas.cli.main"], arguments, env, code)

    def kubectl(self, *arguments: str, code: int = 0) -> str:
        env = {**os.environ, "KUBECONFIG": str(self.state.kubeconfig), "HOME": self.plan.state_dir}
        return self._run([str(KUBECTL)], arguments, env, code)

    def _run(self, program: list[str], arguments: tuple[str | Path, ...], env: Mapping[str, str], code: int) -> str:
        command = [*program, *map(str, arguments)]
        done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=100, check=False)
        self.said = done.stderr
        assert done.returncode == code, f"{arguments} ended with {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def objects(self, kind: Kind, selector: str = "") -> list[Object]:
        async def read() -> list[Object]:
            async with self.client() as client:
                return list((await client.list(kind, "default", label_selector=selector)).items)

        return asyncio.run(read())

    def socket(self, pod: str) -> str:
        """Where an instance listens."""
        records = {path: path.read_text() for path in Path(self.plan.runtime_dir).rglob("*.json")}
        (record,) = [path for path, text in records.items() if f'"pod":"{pod}"' in text]
        return str(record.with_suffix(".sock"))

    def metrics(self) -> str:
        """What Prometheus reads of the engine, with the token of the kubeconfig."""
        return self.kubectl("get", "--raw", "/metrics")


def host(name: str) -> str:
    return f"{name}.default.localhost"


@contextmanager
def running(folder: Path, **changes: Any) -> Iterator[Whole]:
    """An engine that starts with the block and ends with it."""
    plan = make_plan(folder / "state", host="127.0.0.1", port=0, tls=None)
    plan = plan._replace(drain_s=3.0, stop_s=3.0)._replace(**changes)
    process = launch(plan)
    try:
        yield Whole(plan, process, process.wait_ready())
    finally:
        process.end_and_wait()
        clear_leftovers(Path(plan.runtime_dir))
