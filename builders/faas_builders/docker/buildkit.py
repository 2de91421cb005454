"""Builds with BuildKit, which alone knows secrets and mounts: the SDK does not speak to it, so the Docker CLI does.

`docker buildx build`; a CLI older than 23 has BuildKit itself, as `docker build` with DOCKER_BUILDKIT=1.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from faas_builders.builder import Report
from faas_builders.docker.context import DOCKERFILE
from faas_builders.docker.order import Order
from faas_builders.docker.progress import BuildkitProgress, advice
from faas_builders.errors import BuildError, StepFailed, ToolMissing
from faas_builders.programs import run_reading

_LAST_WITH_BUILDKIT = 22  # major version of the CLI; from 23 on `docker build` is buildx


@dataclass(frozen=True, slots=True)
class Frontend:
    """A command that builds with BuildKit."""

    command: tuple[str, ...]
    env: Mapping[str, str]

    def __str__(self) -> str:
        return " ".join((*(f"{name}={value}" for name, value in self.env.items()), *self.command))


def find_frontend(need: str) -> Frontend:
    """The first `docker` on PATH that has BuildKit. Raises: ToolMissing: `need` says what wanted it."""
    for program in _programs():
        if _answers(program, "buildx", "version") is not None:
            # What it attests would make an index of the image, and engines before 25 know none.
            return Frontend((program, "buildx", "build", "--load"), {"BUILDX_NO_DEFAULT_ATTESTATIONS": "1"})
        version = re.match(r"(\d+)\.", _answers(program, "version", "--format", "{{.Client.Version}}") or "")
        if version and int(version[1]) <= _LAST_WITH_BUILDKIT:
            return Frontend((program, "build"), {"DOCKER_BUILDKIT": "1"})
    raise ToolMissing(
        "docker buildx",
        f"{need} needs BuildKit, and there is no docker buildx here",
        "Install Docker's buildx plugin (docker-buildx-plugin), or build without it",
    )


def build(frontend: Frontend, context: IO[bytes], order: Order, report: Report) -> str:
    """The id of the image. Raises: StepFailed: with the step and its last lines; BuildError: a secret's file."""
    for name, path in order.secrets.items():
        if not path.is_file():
            raise BuildError(f"secret {name}: there is no file {path}", "Name a file: --secret ID=FILE")
    progress = BuildkitProgress()

    def show(text: str) -> None:
        if line := progress.line(text):
            report("build", line)

    with tempfile.TemporaryDirectory(prefix="faas-build-") as folder:
        written = Path(folder) / "image"
        command = [*frontend.command, *_arguments(order, written), "-"]
        # Asked to end, the CLI tells the engine to stop.
        code = run_reading(command, show, input=context, env={**os.environ, **frontend.env}, stderr_only=True)
        if code:
            reason = progress.error or f"{Path(frontend.command[0]).name} ended with exit code {code}"
            raise StepFailed(progress.step or "docker build", reason, progress.output, advice(progress.output + reason))
        return written.read_text().strip()


def _arguments(order: Order, written: Path) -> list[str]:
    arguments = ["--progress", "plain", "--file", DOCKERFILE, "--tag", order.tag, "--iidfile", str(written)]
    for name, value in order.build_args.items():
        arguments += ["--build-arg", f"{name}={value}"]
    for name, value in order.labels.items():
        arguments += ["--label", f"{name}={value}"]
    for name, path in order.secrets.items():
        arguments += ["--secret", f"id={name},src={os.path.abspath(path)}"]
    if order.platform:
        arguments += ["--platform", str(order.platform)]
    if order.network:
        arguments += ["--network", order.network]
    if order.target:
        arguments += ["--target", order.target]
    return arguments + ["--no-cache"] * order.no_cache + ["--pull"] * order.pull


def _programs() -> list[str]:
    """Every `docker` on PATH: the first is often without plugins where two are installed."""
    found = (shutil.which("docker", path=folder) for folder in os.get_exec_path())
    return list(dict.fromkeys(path for path in found if path))


def _answers(*command: str) -> str | None:
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=30, stdin=subprocess.DEVNULL, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
