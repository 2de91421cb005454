"""The engine: first answer from zero, what the gateway costs, a burst from zero, memory with ten functions at zero."""

from __future__ import annotations

import contextlib
import json
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bench.load import Result, drive, make_request
from bench.processes import command_line, cpu_s, descendants, free_port, pss_bytes, wait_answer
from bench.report import Figure
from bench.runtime import BODY, CONNECTIONS
from bench.tools import FAAS

ROUNDS = 20
FUNCTION = """
from faas import function
{imports}

@function.http("/", methods=["POST"], name="{name}", scale_to_zero_after="{after}"{options})
def {name}(body: dict) -> dict:
    return {{"hello": body["name"], "items": len(body["items"])}}
"""


@dataclass(frozen=True)
class Engine:
    """An engine of its own state under `faas up`."""

    state: Path
    port: int

    def faas(self, *arguments: str | Path) -> str:
        command = [str(FAAS), *map(str, arguments), "--state", str(self.state)]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(f"{' '.join(command)}: {done.stderr}{done.stdout}")
        return done.stdout

    @property
    def address(self) -> tuple[str, int]:
        return ("127.0.0.1", self.port)

    def request(self, name: str) -> bytes:
        return make_request("/", BODY, host=f"{name}.default.localhost")

    @property
    def pid(self) -> int:
        pid: int = json.loads((self.state / "engine.json").read_text())["pid"]
        return pid


@contextlib.contextmanager
def engine() -> Iterator[Engine]:
    with tempfile.TemporaryDirectory(prefix="faas-bench-") as folder:
        up = Engine(Path(folder) / "state", free_port())
        up.faas("up", "--port", str(up.port))
        try:
            yield up
        finally:
            up.faas("down")


def make_project(
    folder: Path, name: str, *, imports: str = "", needs: str = "", options: str = "", after: str = "1s"
) -> Path:
    """A project of one function. `after`: when its last instance ends, so that zero comes soon."""
    project = folder / name
    project.mkdir(parents=True)
    source = FUNCTION.format(name=name, imports=imports, after=after, options=options)
    (project / "main.py").write_text(source)
    dependencies = json.dumps([needs] if needs else [])
    (project / "pyproject.toml").write_text(
        f'[project]\nname = "{name}"\nversion = "1"\ndependencies = {dependencies}\n'
    )
    return project


def wait_zero(up: Engine, *names: str, deadline_s: float = 60.0) -> None:
    """Until no instance of these functions is left."""
    end = time.monotonic() + deadline_s
    while time.monotonic() < end:
        replicas: dict[str, int] = {}
        for revision in json.loads(up.faas("revisions", "-o", "json"))["items"]:
            service = revision["metadata"]["labels"]["serving.knative.dev/service"]
            replicas[service] = replicas.get(service, 0) + revision["status"].get("actualReplicas", 0)
        if all(replicas.get(name) == 0 for name in names):
            return
        time.sleep(0.2)
    raise RuntimeError(f"{names} did not scale to zero within {deadline_s:.0f} s")


def _first_answer_s(up: Engine, name: str, runs: int) -> list[float]:
    taken = []
    for _ in range(runs):
        wait_zero(up, name)
        taken.append(wait_answer(up.address, up.request(name)))
    return taken


def from_zero(peer_s: float, runs: int = 12) -> list[Figure]:
    figures = []
    with engine() as up, tempfile.TemporaryDirectory() as folder:
        for name, imports, needs in (("cold", "", ""), ("numeric", "import numpy", "numpy")):
            up.faas("deploy", make_project(Path(folder), name, imports=imports, needs=needs))
            taken = _first_answer_s(up, name, runs)
            label = "first answer from zero, p50" + (f", imports {needs}" if needs else "")
            p50 = statistics.median(taken) * 1000
            note = f"worst of {runs}: {max(taken) * 1000:.0f} ms"
            figures.append(
                Figure(label, p50, "ms", 0.06, "less", "functions-framework's start", peer_s * 1000, note=note)
            )
    return figures


def _in_turn(
    straight: str, through: tuple[str, int], request: bytes, *, connections: int
) -> tuple[list[Result], list[Result]]:
    """Drive both in many short rounds, so that whatever else the machine does meets both."""
    rounds = [
        [drive(address, request, connections=connections, seconds=0.2) for address in (straight, through)]
        for _ in range(ROUNDS)
    ]
    if failed := sum(result.failed for results in rounds for result in results):
        raise RuntimeError(f"{failed} requests failed")
    return [one for one, _ in rounds], [other for _, other in rounds]


def gateway() -> list[Figure]:
    """Through the gateway (TCP) against straight to the instance's own socket (Unix), the same function and load.

    The median round of each counts: they take turns, so both meet the same neighbours on the machine.
    """
    with engine() as up, tempfile.TemporaryDirectory() as folder:
        project = make_project(
            Path(folder), "through", after="5m", options=", min_scale=1, max_scale=1, concurrency=100"
        )
        up.faas("deploy", project)
        request = up.request("through")
        wait_answer(up.address, request)
        runtime_dir = Path(json.loads((up.state / "engine.json").read_text())["runtime_dir"])
        (straight,) = map(str, (runtime_dir / "i").glob("*.sock"))
        (pid,) = (pid for pid in descendants(up.pid) if "faas.engine.gateway" in command_line(pid))
        before_s = cpu_s({pid})
        direct, through = _in_turn(straight, up.address, request, connections=CONNECTIONS)
        cost_us = (cpu_s({pid}) - before_s) / sum(len(result.latencies) for result in through) * 1e6
        direct_one, through_one = _in_turn(straight, up.address, request, connections=1)
    direct_rate, through_rate = (statistics.median(one.rate for one in results) for results in (direct, through))
    direct_p50, through_p50 = (statistics.median(one.p50 for one in results) for results in (direct_one, through_one))
    return [
        Figure(
            "through the gateway, requests/s",
            through_rate,
            "req/s",
            0.5,
            "more",
            "straight to the instance",
            direct_rate,
            note=f"{cost_us:.0f} µs of the gateway's processor time each",
        ),
        Figure("gateway: added p50, unloaded", (through_p50 - direct_p50) * 1000, "ms", 0.3, "less"),
    ]


def burst(clients: int = 200) -> list[Figure]:
    with engine() as up, tempfile.TemporaryDirectory() as folder:
        up.faas("deploy", make_project(Path(folder), "burst", options=", concurrency=10"))
        wait_zero(up, "burst")
        result = drive(up.address, up.request("burst"), connections=clients, limit=clients * 5)
    note = f"{len(result.latencies)} answered, worst {result.percentile(1.0) * 1000:.0f} ms"
    return [
        Figure(f"0 → {clients} clients at once from zero: failed requests", result.failed, "", 0, "less", note=note)
    ]


def memory(functions: int = 10) -> list[Figure]:
    with engine() as up, tempfile.TemporaryDirectory() as folder:
        names = [f"idle{index}" for index in range(functions)]
        for name in names:
            up.faas("deploy", make_project(Path(folder), name))
        wait_zero(up, *names)
        pids = descendants(up.pid)
        total = pss_bytes(pids) / 2**20
    note = f"{len(pids)} processes"
    return [
        Figure(f"idle engine, {functions} functions at zero, zygotes warm, PSS", total, "MiB", 150, "less", note=note)
    ]
