"""One project, built by each builder: whoever makes the image, it answers the same, and ends when it is asked to."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.containers_world import MadeImage, RunningRegistry
from tests.faas_command import FaasCommand
from tests.integration.builders.cnb import conftest as cnb
from tests.integration.builders.cnb.test_in_a_container import ContainedLifecycle, image
from tests.integration.builders.oci.test_serving import running
from tests.made_distributions import make_wheel
from tests.programs import DEADLINE_S

__all__ = ["buildpack", "image", "shared_cache"]
buildpack, shared_cache = cnb.buildpack, cnb.shared_cache

MAIN = """
import greeting
from faas import Event, function

@function(service="shop")
def hello(name: str = "World", times: int = 1) -> dict:
    return {"text": greeting.TEXT, "name": name * times}

@function.event(type="order.created", service="shop")
def on_order(order: dict, event: Event) -> Event:
    return Event("order.taken", {"id": order["id"], "from": event.source}, subject=order["id"])
"""
ORDER = {
    "ce-specversion": "1.0",
    "ce-id": "1",
    "ce-source": "/test",
    "ce-type": "order.created",
    "content-type": "application/json",
}


@dataclass
class Built:
    """What `docker run` is given: an image, and whatever its launcher would set."""

    image: str
    options: dict[str, Any] = field(default_factory=dict)


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheels")
    make_wheel(folder, "made_greeting", "1.0", files={"greeting.py": "TEXT = 'good day'\n"})
    return folder


def write_project(folder: Path, base: str) -> Path:
    folder.mkdir()
    (folder / "main.py").write_text(MAIN)
    project = '[project]\nname = "shop"\nversion = "1"\ndependencies = ["made-greeting"]\n'
    (folder / "pyproject.toml").write_text(f'{project}[tool.faas.build]\nbase = "{base}"\n')
    return folder


@contextmanager
def built_by_us(builder: str, folder: Path, base: str, docker: Any) -> Iterator[Built]:
    faas = FaasCommand(folder / "state")
    name = f"faas-test-{builder}:{os.getpid()}"
    faas("build", write_project(folder / "shop", base), "--builder", builder, "-t", name, "--output", "docker")
    try:
        yield Built(name)
    finally:
        docker.images.remove(name, force=True)


@contextmanager
def built_by_a_lifecycle(folder: Path, wheels: Path, lifecycle: ContainedLifecycle) -> Iterator[Built]:
    write_project(lifecycle.app, "unused")
    binding = lifecycle.platform / "bindings/wheels"
    binding.mkdir(parents=True)
    (binding / "type").write_text("pypi")
    (binding / "find-links").write_text("/platform/bindings/wheels")
    (binding / "made_greeting-1.0-py3-none-any.whl").write_bytes(
        (wheels / "made_greeting-1.0-py3-none-any.whl").read_bytes()
    )
    lifecycle.env = {"UV_OFFLINE": "1"}
    assert lifecycle.detect().exit_code == 0
    done = lifecycle.build()
    assert done.returncode == 0, done.stdout + done.stderr
    (web,) = (process for process in lifecycle.launch["processes"] if process["type"] == "web")
    env = lifecycle.launch_env("web", {})
    del env["PATH"]  # the image's own
    mounts = {host: {**mount, "mode": "ro"} for host, mount in lifecycle.mounts.items()}
    yield Built(
        lifecycle.image,
        {"command": web["command"], "environment": env, "volumes": mounts, "working_dir": "/workspace", "user": "1000"},
    )


@pytest.fixture(params=["oci", "docker", "buildpack"])
def built(request: pytest.FixtureRequest, docker: Any, wheels: Path, tmp_path: Path) -> Iterator[Built]:
    given: Callable[[str], Any] = request.getfixturevalue
    if request.param == "buildpack":
        if cnb.MINOR != "3.11" or os.environ.get("DOCKER_HOST", "unix:").split(":")[0] != "unix":
            pytest.skip("the image has Debian's Python 3.11, and folders of this machine are mounted")
        lifecycle = ContainedLifecycle(
            given("buildpack"), tmp_path / "app", tmp_path, client=docker, image=given("image")
        )
        with built_by_a_lifecycle(tmp_path, wheels, lifecycle) as made:
            yield made
        return
    given("monkeypatch").setenv("UV_FIND_LINKS", str(wheels))
    debian_base: MadeImage = given("debian_base")
    if request.param == "docker":
        debian_base.load(docker, base := "faas-test-python:3.11")
    else:
        registry: RunningRegistry = given("registry")
        debian_base.push(registry, "library/python", "3.11-slim")
        base = f"{registry.host}/library/python:3.11-slim"
    with built_by_us(request.param, tmp_path, base, docker) as made:
        yield made


def test_an_image_answers_the_same_whoever_made_it(docker: Any, built: Built) -> None:
    with (
        running(docker, built.image, **built.options) as (container, url),
        httpx.Client(base_url=url, trust_env=False) as asked,
    ):
        wait_until_it_serves(asked, container)
        assert greeted(asked) == [
            (200, '{"text":"good day","name":"World"}'),
            (200, '{"text":"good day","name":"AdaAda"}'),
            (404, "Not Found"),
            (422, "Unprocessable Entity"),
        ]
        taken = asked.post("/_faas/events/on-order", content='{"id": "o-1"}', headers=ORDER)
        assert (taken.status_code, taken.text) == (200, '{"id":"o-1","from":"/test"}')
        assert (taken.headers["ce-type"], taken.headers["ce-subject"]) == ("order.taken", "o-1")

        container.stop(timeout=30)

        assert container.wait(timeout=5)["StatusCode"] == 0


def wait_until_it_serves(asked: httpx.Client, container: Any) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while True:
        try:
            asked.get("/")
            return
        except httpx.TransportError:
            assert time.monotonic() < deadline, container.logs().decode()
            time.sleep(0.02)  # Docker's proxy accepts before the program listens, and nothing says when it does


def greeted(asked: httpx.Client) -> list[tuple[int, str]]:
    """Status, and the answer or an error's title."""
    answers = [
        asked.get("/"),
        asked.get("/?name=Ada&times=2"),
        asked.get("/nowhere"),
        asked.get("/?times=many"),
    ]
    return [(answer.status_code, answer.text if answer.is_success else answer.json()["title"]) for answer in answers]
