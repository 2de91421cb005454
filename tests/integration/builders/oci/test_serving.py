"""An image of the builder `oci` does what is promised of it, with nothing but a Docker engine."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from faas_builders.builder import BuildRequest
from faas_builders.oci.archive import docker_archive
from faas_builders.oci.builder import OciBuilder
from faas_builders.oci.store import ImageStore

from tests.containers_world import MadeImage, RunningRegistry
from tests.programs import free_port

MAIN = """
import os
import six
from faas import function

@function
def hello(name: str = "world") -> dict:
    return {
        "hello": name,
        "ids": [os.getuid(), os.getgid()],
        "home": os.environ["HOME"],
        "compiled": all(module.__spec__.cached and os.path.exists(module.__spec__.cached) for module in (six, main())),
        "six": six.__file__,
    }

def main():
    import sys
    return sys.modules["main"]
"""


@pytest.fixture(scope="module")
def image(
    tmp_path_factory: pytest.TempPathFactory, docker: Any, registry: RunningRegistry, debian_base: MadeImage
) -> Iterator[str]:
    """The name of a project's image, in the Docker engine."""
    debian_base.push(registry, "python", "3.11-slim")
    project = tmp_path_factory.mktemp("hello")
    (project / "main.py").write_text(MAIN)
    (project / "requirements.txt").write_text("six==1.16.0\n")
    store = ImageStore(tmp_path_factory.mktemp("images"))
    base = f"{registry.host}/python:3.11-slim"
    request = BuildRequest(project, "hello", base=base, env={"FAAS_FUNCTION": "main:hello"}, attest=False)
    result = OciBuilder(store).build(request)
    name = f"faas-test.local/hello-{os.getpid()}:latest"
    (loaded,) = docker.images.load(b"".join(docker_archive(store, result.reference, tags=[name])))
    try:
        yield name
    finally:
        docker.images.remove(loaded.id, force=True)


@contextlib.contextmanager
def running(docker: Any, image: str, **options: Any) -> Iterator[tuple[Any, str]]:
    """A container of the image, with its 8080 on a port of this machine."""
    port = free_port()
    container = docker.containers.run(image, detach=True, ports={"8080/tcp": ("127.0.0.1", port)}, **options)
    try:
        yield container, f"http://127.0.0.1:{port}"
    finally:
        container.remove(force=True)


def answer(url: str, container: Any) -> Any:
    deadline = time.monotonic() + 60
    while True:
        with contextlib.suppress(httpx.TransportError):
            return httpx.get(url, timeout=10, trust_env=False).raise_for_status().json()
        container.reload()
        if container.status == "exited" or time.monotonic() > deadline:
            raise AssertionError(container.logs().decode())


@pytest.mark.parametrize(
    "options",
    [
        pytest.param({}, id="plain"),
        pytest.param(
            {"read_only": True, "tmpfs": {"/tmp": ""}, "cap_drop": ["ALL"], "security_opt": ["no-new-privileges"]},
            id="read-only, without any right",
        ),
    ],
)
def test_it_serves_as_nobody_and_stops_at_once_when_asked_to(docker: Any, image: str, options: dict[str, Any]) -> None:
    with running(docker, image, **options) as (container, url):
        assert answer(f"{url}/?name=Ada", container) == {
            "hello": "Ada",
            "ids": [65532, 65532],
            "home": "/tmp",
            "compiled": True,
            "six": "/opt/faas/deps/six.py",
        }

        container.stop(timeout=30)

        assert container.wait(timeout=5)["StatusCode"] == 0


def test_ours_come_before_the_projects_own_copies(docker: Any, image: str) -> None:
    show = {"entrypoint": ["/usr/bin/python3.11", "-P", "-c"], "command": ["import sys; print(*sys.path[:4])"]}
    with running(docker, image, **show) as (container, _):
        container.wait(timeout=60)

        assert container.logs().decode() == "/opt/faas/runtime/.own /app /opt/faas/deps /opt/faas/runtime\n"
