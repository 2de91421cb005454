"""Images: the rebuild of a project with 40 dependencies, its first build, its layers, beside `docker build`.

Both build on the same base, a Python made of Debian packages, in a registry on loopback. The Dockerfile is the
equivalent of what we make, with the order of steps that lets its cache hold: dependencies, then code. It installs from
wheels in its context, as we do from uv's cache, so neither waits for an index. A first build is the project's, on a
machine that has built others: Docker has the base, we have it and our runtime.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from bench.report import Figure
from bench.tools import FAAS, needs_docker
from tests.containers_world import RunningRegistry, make_debian_base, running_registry

ROUNDS, FIRST_ROUNDS = 7, 3
REQUIREMENTS = Path(__file__).parent / "peers" / "forty.txt"
MAIN = """
from faas import function

@function.http("/")
def hello() -> dict:
    return {"hello": "world"}
"""
DOCKERFILE = """
FROM {base}
COPY uv /usr/local/bin/uv
COPY requirements.txt /tmp/requirements.txt
COPY wheels /tmp/wheels
RUN uv pip install --python /usr/bin/python3.11 --target /opt/deps --no-index --find-links /tmp/wheels \\
    --compile-bytecode --no-cache -r /tmp/requirements.txt
COPY app /app
ENV PYTHONPATH=/app:/opt/deps
USER 65532:65532
WORKDIR /app
CMD ["python3.11", "-m", "main"]
"""


@dataclass
class _World:
    folder: Path
    registry: RunningRegistry
    base: str
    wheels: Path

    @property
    def project(self) -> Path:
        return self.folder / "forty"

    @property
    def other(self) -> Path:
        """A project without dependencies."""
        return self.folder / "other"

    def environment(self, cache: str) -> dict[str, str]:
        """Our own cache is `cache`; uv's, with the wheels, is always the same."""
        return {**os.environ, "XDG_CACHE_HOME": str(self.folder / cache), "UV_CACHE_DIR": str(self.folder / "uv")}

    def faas(self, *arguments: str, cache: str = "cache", project: Path | None = None) -> dict[str, Any]:
        command: list[str | Path] = [FAAS, "build", project or self.project, "--base", self.base, "--insecure"]
        command += ["--state", self.folder / f"state-of-{cache}", *arguments, "-o", "json"]
        done = subprocess.run(command, env=self.environment(cache), capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(f"faas build failed: {done.stderr}{done.stdout}")
        result: dict[str, Any] = json.loads(done.stdout)
        return result

    def docker(self, *arguments: str | Path) -> str:
        done = subprocess.run(["docker", *arguments], capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(f"docker {arguments[0]} failed: {done.stderr[-2000:]}{done.stdout[-2000:]}")
        return done.stdout

    def edit(self, index: int) -> None:
        source = MAIN + f"\n# change {index}\n"
        (self.project / "main.py").write_text(source)
        (self.folder / "context" / "app" / "main.py").write_text(source)


def builds() -> list[Figure]:
    needs_docker()
    with tempfile.TemporaryDirectory(prefix="faas-bench-") as name:
        folder = Path(name)
        with running_registry(folder / "registry") as registry:
            world = _prepare(folder, registry)
            try:
                return _measure(world)
            finally:
                tag = f"{registry.host}/forty:docker"
                subprocess.run(["docker", "rmi", "-f", tag, world.base], capture_output=True)


def _prepare(folder: Path, registry: RunningRegistry) -> _World:
    make_debian_base().push(registry, "python", "3.11-slim")
    world = _World(folder, registry, f"{registry.host}/python:3.11-slim", folder / "context" / "wheels")
    world.project.mkdir()
    pins = REQUIREMENTS.read_text()
    (world.project / "requirements.txt").write_text(pins)
    world.other.mkdir()
    (world.other / "main.py").write_text(MAIN)
    (world.other / "requirements.txt").write_text("")
    app = folder / "context" / "app"
    app.mkdir(parents=True)
    world.edit(0)
    world.faas()  # fills uv's cache
    from uv import find_uv_bin

    shutil.copy(find_uv_bin(), folder / "context" / "uv")
    (folder / "context" / "requirements.txt").write_text(pins)
    (folder / "context" / "Dockerfile").write_text(DOCKERFILE.format(base=world.base))
    download = [
        "pip",
        "download",
        "-q",
        "--no-deps",
        "--require-hashes",
        "-d",
        str(world.wheels),
        "-r",
        str(REQUIREMENTS),
    ]
    subprocess.run([FAAS.with_name("python"), "-m", *download], check=True)
    world.docker("pull", "-q", world.base)
    return world


def _measure(world: _World) -> list[Figure]:
    docker_tag = f"{world.registry.host}/forty:docker"
    ours_tag = f"{world.registry.host}/forty:faas"

    def build_docker(*arguments: str) -> None:
        world.docker("build", "-q", *arguments, "-t", docker_tag, world.folder / "context")

    def push_docker() -> None:
        build_docker()
        world.docker("push", "-q", docker_tag)

    first_ours, first_docker = [], []
    for index in range(FIRST_ROUNDS):
        cache = f"first-{index}"
        world.faas(cache=cache, project=world.other)
        first_ours.append(_seconds(partial(world.faas, cache=cache)))
        first_docker.append(_seconds(partial(build_docker, "--no-cache")))
    push_docker()
    result = world.faas("--push", "-t", ours_tag)
    ours, pushed, docker, docker_pushed = [], [], [], []
    for index in range(1, ROUNDS + 1):  # one after the other, so that neighbours of this machine trouble both
        world.edit(index)
        ours.append(_seconds(world.faas))
        docker.append(_seconds(build_docker))
        world.edit(100 + index)
        pushed.append(_seconds(lambda: world.faas("--push", "-t", ours_tag)))
        docker_pushed.append(_seconds(push_docker))
    rebuild, push = statistics.median(ours), statistics.median(pushed)
    layers = {layer["name"]: layer["sizeBytes"] for layer in result["images"][0]["layers"]}
    name = "rebuild after a code change, 40 dependencies"
    return [
        Figure(f"{name}, whole command", rebuild, "s", 1.0, "less"),
        Figure(f"{name}, pushed to a local registry", push, "s", 2.0, "less"),
        Figure(name, rebuild, "s", 2.0, "less", "docker build", statistics.median(docker)),
        Figure(f"{name}, pushed", push, "s", 2.0, "less", "docker build && push", statistics.median(docker_pushed)),
        Figure(
            "first build, wheels in the cache", statistics.median(first_ours), "s", 1.0, "less", "docker build",
            statistics.median(first_docker),
        ),
        *(Figure(f"image size, layer {each}", size / 1e6, "MB", 200, "less") for each, size in layers.items()),
        Figure(
            "image size, all layers", sum(layers.values()) / 1e6, "MB", 1.0, "less", "docker build",
            _compressed_mb(world.registry),
        ),
    ]  # fmt: skip


def _compressed_mb(registry: RunningRegistry) -> float:
    """What the registry keeps of the image that docker pushed."""
    accept = "application/vnd.docker.distribution.manifest.v2+json"
    manifest = registry.get("/v2/forty/manifests/docker", Accept=accept).json()
    return float(sum(layer["size"] for layer in manifest["layers"])) / 1e6


def _seconds(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun
