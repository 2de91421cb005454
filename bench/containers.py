"""A function as a container: its first answer from zero, beside a process of the same and beside `docker run`."""

from __future__ import annotations

import statistics
import subprocess
import tempfile
import time
from pathlib import Path

from bench.engine import Engine, engine, make_project, wait_zero
from bench.load import make_request
from bench.processes import free_port, wait_answer
from bench.report import Figure
from bench.runtime import BODY
from bench.tools import needs_docker
from tests.containers_world import make_debian_base, running_registry

RUNS = 10


def cold_start() -> list[Figure]:
    needs_docker()
    with tempfile.TemporaryDirectory(prefix="faas-bench-") as name, engine() as up:
        folder = Path(name)
        with running_registry(folder / "registry") as registry:
            make_debian_base().push(registry, "python", "3.11-slim")
            base = f"{registry.host}/python:3.11-slim"
            return _measure(up, folder, base)


def _measure(up: Engine, folder: Path, base: str) -> list[Figure]:
    contained = make_project(folder, "contained", options=", container=True")
    with open(contained / "pyproject.toml", "a") as settings:
        settings.write(f'[tool.faas.build]\nbase = "{base}"\n')
    up.faas("deploy", contained)
    up.faas("deploy", make_project(folder, "forked"))
    image = "faas.local/contained:latest"
    up.faas("build", contained, "--output", "docker")
    taken: dict[str, list[float]] = {"contained": [], "forked": [], "docker": []}
    try:
        for _ in range(RUNS):  # in turn, so that neighbours of this machine trouble all of them
            for service in ("contained", "forked"):
                wait_zero(up, service)
                taken[service].append(wait_answer(up.address, up.request(service)))
            taken["docker"].append(_docker_run_s(image))
    finally:
        subprocess.run(["docker", "rmi", "-f", image], capture_output=True)
    contained_ms, forked_ms, docker_ms = (statistics.median(taken[key]) * 1000 for key in taken)
    label = "container: first answer from zero, p50"
    note = f"worst of {RUNS}: {max(taken['contained']) * 1000:.0f} ms"
    return [
        Figure(label, contained_ms, "ms", 1.0, "less", "docker run to its first answer", docker_ms, note=note),
        Figure(label, contained_ms, "ms", 100, "less", "a process of the same function", forked_ms),
    ]


def _docker_run_s(image: str) -> float:
    """Of the same image by hand, with its port published as everybody does it."""
    port = free_port()
    begun = time.perf_counter()
    run = ["docker", "run", "-d", "--rm", "-p", f"127.0.0.1:{port}:8080", image]
    container = subprocess.run(run, check=True, capture_output=True, text=True).stdout.strip()
    try:
        wait_answer(("127.0.0.1", port), make_request("/", BODY))
        return time.perf_counter() - begun
    finally:
        subprocess.run(["docker", "rm", "-f", container], capture_output=True)
