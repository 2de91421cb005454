"""Functions of a project as containers: `faas run --container`, and `faas deploy` of some beside processes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.containers_world import MadeImage, RunningRegistry, busybox, debian_base, docker, registry
from tests.faas_command import FaasCommand
from tests.integration.engine.terminal import faas_run

__all__ = ["busybox", "debian_base", "docker", "registry"]

CODE = """
import os
from faas import function

def place() -> str:
    return "a container" if os.getcwd() == "/app" else "a process"

@function
def hello() -> str:
    return f"Hello from {place()}"

@function
def boxed() -> str:
    return f"Boxed in {place()}"
"""


@pytest.fixture(scope="module")
def base(docker: Any, registry: RunningRegistry, debian_base: MadeImage) -> str:
    debian_base.push(registry, "library/python", "3.11-slim")
    return f"{registry.host}/library/python:3.11-slim"


@pytest.fixture
def faas(tmp_path: Path) -> Iterator[FaasCommand]:
    faas = FaasCommand(tmp_path / "state")
    faas("up", "--port", "0")
    yield faas
    names = [item["metadata"]["name"] for item in json.loads(faas("list", "-o", "json"))["items"]]
    if names:
        faas("delete", "--yes", *names)
    faas("down")


@pytest.fixture
def project(tmp_path: Path, base: str) -> Path:
    folder = tmp_path / "shop"
    folder.mkdir()
    (folder / "main.py").write_text(CODE)
    (folder / "pyproject.toml").write_text(
        f'[tool.faas]\nname = "shop"\nbuild.base = "{base}"\nfunctions.hello.container = false\n'
    )
    return folder


def test_a_save_is_a_new_image_and_a_container_that_serves_it(make_project: Callable[..., Path], base: str) -> None:
    project = make_project(CODE)
    (project / "pyproject.toml").write_text(f'[project]\nname = "shop"\n[tool.faas.build]\nbase = "{base}"\n')
    with faas_run(project, "--container") as terminal:
        assert terminal.get("hello") == (200, "Hello from a container")

        (project / "main.py").write_text(CODE.replace("Hello", "Good day"))
        terminal.wait_for("hello serves what you saved")
        assert terminal.get("hello") == (200, "Good day from a container")
        assert terminal.get("boxed") == (200, "Boxed in a container")
        assert terminal.interrupt() == 0


def test_processes_and_containers_of_one_project_are_deployed_together(faas: FaasCommand, project: Path) -> None:
    faas("deploy", project)

    assert faas("invoke", "hello") == "Hello from a process"
    assert faas("invoke", "boxed") == "Boxed in a container"
    assert "Runs as:     process" in faas("describe", "hello")
    assert "Runs as:     container" in faas("describe", "boxed")
    assert faas("deploy", project).count("unchanged") == 2

    faas("export")
    assert "faas image push faas.local/shop@sha256:" in faas.said
    assert "faas build --push -t REGISTRY/shop:TAG" in faas.said

    faas("deploy", project, "--no-container")
    assert faas("invoke", "boxed") == "Boxed in a process"


def test_an_image_in_another_language_is_deployed_by_its_name(
    faas: FaasCommand, docker: Any, busybox: MadeImage, registry: RunningRegistry, tmp_path: Path
) -> None:
    server = "echo $WORD > /tmp/index.html; exec httpd -f -p 9000 -h /tmp"
    image = busybox.reconfigured(Cmd=["sh", "-c", server])
    taken = faas("image", "load", image.layout(tmp_path / "layout"), "--name", "shell:1.0").strip()

    faas("deploy", "--image", "faas.local/shell:1.0", "--port", "9000", "-e", "WORD=ahoy")
    assert "Try it:  faas invoke shell" in faas.said
    assert faas("invoke", "shell") == "ahoy\n"
    assert f"Image:       {taken}" in faas("describe", "shell")

    pushed = image.push(registry, "shell")
    faas("deploy", "--image", pushed, "--name", "shell", "--port", "9000", "-e", "WORD=hello")
    assert faas("invoke", "shell") == "hello\n"

    faas("deploy", "--image", "faas.local/nowhere:1", code=1)
    assert "no image of this store is called faas.local/nowhere:1" in faas.said
    faas("deploy", "--image", pushed, "--builder", "docker", code=2)


def test_without_a_docker_engine_nothing_is_started(make_project: Callable[..., Path], tmp_path: Path) -> None:
    project = make_project(CODE)

    done = subprocess.run(
        [sys.executable, "-m", "faas.cli.main", "run", str(project), "--container", "--port", "0"],
        env={**os.environ, "DOCKER_HOST": f"unix://{tmp_path}/nobody.sock"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert (done.returncode, done.stdout) == (1, "")
    assert "no Docker engine answers at unix://" in done.stderr
    assert "DOCKER_HOST" in done.stderr
