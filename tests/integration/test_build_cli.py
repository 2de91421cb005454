"""`faas build` and `faas image` with a real registry and a real Docker engine; no engine of ours runs."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.containers_world import MadeImage, RunningRegistry, debian_base, docker, registry
from tests.faas_command import FaasCommand
from tests.programs import DEADLINE_S, free_port

__all__ = ["debian_base", "docker", "registry"]

HELLO = """
from faas import function

@function
def hello(name: str = "World") -> str:
    return f"Hello {name}!\\n"
"""
GREET = """
@function
def greet() -> str:
    return "Welcome"
"""


class Faas(FaasCommand):
    def data(self, *arguments: str | Path) -> Any:
        return json.loads(self(*arguments, "-o", "json"))


@pytest.fixture(scope="module")
def base(registry: RunningRegistry, debian_base: MadeImage) -> str:
    debian_base.push(registry, "library/python", "3.11-slim")
    return f"{registry.host}/library/python:3.11-slim"


@pytest.fixture
def faas(tmp_path: Path) -> Faas:
    return Faas(tmp_path / "state")


@pytest.fixture
def project(tmp_path: Path, base: str) -> Path:
    folder = tmp_path / "shop"
    folder.mkdir()
    (folder / "main.py").write_text(HELLO)
    (folder / "pyproject.toml").write_text(f'[project]\nname = "shop"\n[tool.faas.build]\nbase = "{base}"\n')
    return folder


def layers(built: Any) -> dict[str, bool]:
    """Which were there already."""
    (image,) = built["images"]
    return {layer["name"]: layer["reused"] for layer in image["layers"] if layer["name"] != "base"}


@contextlib.contextmanager
def running(docker: Any, image: str, **env: str) -> Iterator[str]:
    """The URL of a container of it; everything else is as the image says."""
    port = free_port()
    container = docker.containers.run(image, detach=True, ports={"8080/tcp": ("127.0.0.1", port)}, environment=env)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        container.remove(force=True)


def answer(url: str) -> str:
    """Of the first request that is answered; Docker's proxy accepts before the container listens."""
    deadline = time.monotonic() + DEADLINE_S
    while True:
        try:
            return httpx.get(url, trust_env=False, timeout=5).text
        except httpx.TransportError:
            assert time.monotonic() < deadline, f"{url} never answered"


def test_a_build_is_reproducible_and_a_change_of_code_makes_one_new_layer(faas: Faas, project: Path) -> None:
    first = faas.data("build", project)
    assert first["reference"] == f"faas.local/shop@{first['digest']}"
    assert (first["builder"], first["functions"]) == ("oci", {"hello": "main:hello"})

    again = faas.data("build", project)
    assert again["digest"] == first["digest"]
    assert layers(again) == {"runtime": True, "app": True}

    (project / "main.py").write_text(HELLO.replace("Hello", "Hi"))
    changed = faas.data("build", project)
    assert changed["digest"] != first["digest"]
    assert layers(changed) == {"runtime": True, "app": False}


def test_what_is_built_runs_with_docker_alone(faas: Faas, project: Path, docker: Any) -> None:
    try:
        faas("build", project, "-t", "shop-under-test:1.0", "--output", "docker")
        assert "docker run --rm -p 8080:8080 shop-under-test:1.0" in faas.said

        with running(docker, "shop-under-test:1.0") as url:
            assert answer(f"{url}/?name=Ada") == "Hello Ada!\n"
    finally:
        remove(docker, "shop-under-test:1.0")


def test_an_image_of_several_services_is_told_which_one_to_be(faas: Faas, project: Path, docker: Any) -> None:
    (project / "main.py").write_text(HELLO + GREET)
    try:
        faas("build", project, "-t", "shop-under-test:2.0", "--output", "docker")
        assert "docker run --rm -p 8080:8080 -e FAAS_FUNCTION=main:greet shop-under-test:2.0" in faas.said

        with running(docker, "shop-under-test:2.0", FAAS_FUNCTION="main:greet") as url:
            assert answer(url) == "Welcome"
    finally:
        remove(docker, "shop-under-test:2.0")


def test_a_push_ends_with_the_tag_and_prints_the_reference_by_digest(
    faas: Faas, project: Path, registry: RunningRegistry
) -> None:
    name = f"{registry.host}/team/shop"

    built = faas.data("build", project, "--push", "-t", f"{name}:1.0")

    assert built["reference"] == f"{name}@{built['digest']}"
    assert "1.0" in registry.tags("team/shop")
    assert faas("image", "push", "shop:1.0", f"{name}:1.1") == f"{name}@{built['digest']}\n"
    assert registry.manifest("team/shop", "1.1") == registry.manifest("team/shop", "1.0")


def test_images_are_listed_shown_written_taken_in_and_removed(faas: Faas, project: Path, tmp_path: Path) -> None:
    digest = faas.data("build", project)["digest"]

    (listed,) = faas.data("image", "list")
    assert (listed["digest"], listed["tag"], listed["runsAs"]) == (digest, "latest", "container")
    shown = faas.data("image", "inspect", digest.removeprefix("sha256:")[:12])
    assert shown["images"][0]["config"]["ExposedPorts"] == {"8080/tcp": {}}
    assert "Ports:" in faas("image", "inspect", "shop")

    for where in ("oci:layout", "oci-archive:layout.oci", "docker-archive:saved.tar"):
        kind, _, file = where.partition(":")
        faas("image", "save", "shop", f"{kind}:{tmp_path / file}")
        taken = faas("image", "load", tmp_path / file, "--name", f"taken:{kind}").strip()
        assert taken.startswith("faas.local/taken@sha256:")
        if kind != "docker-archive":  # that one has no manifest of its own
            assert taken == f"faas.local/taken@{digest}"

    faas("image", "remove", "taken:oci", "taken:oci-archive", "taken:docker-archive", "--yes")
    assert "taken:oci" not in faas("image", "list")


def test_what_would_be_used_is_explained(faas: Faas, project: Path, base: str) -> None:
    rows = {row["what"]: row for row in faas.data("build", project, "--explain")}

    assert (rows["builder"]["value"], rows["base"]["why"]) == ("oci", "[tool.faas.build] base")
    assert base.removesuffix(":3.11-slim") in rows["base"]["value"]
    assert faas("image", "list") == ""


@pytest.mark.parametrize("arguments", [("--base", "host"), ()], ids=["host", "container"])
def test_code_that_does_not_import_is_what_the_build_fails_with(
    faas: Faas, project: Path, arguments: tuple[str, ...]
) -> None:
    (project / "main.py").write_text(f"{HELLO}import nothing_of_that_name\n")

    faas("build", project, *arguments, code=1)

    assert "No module named 'nothing_of_that_name'" in faas.said
    assert faas.data("image", "list") == []


def test_base_host_is_for_engines_of_this_machine(faas: Faas, project: Path) -> None:
    built = faas.data("build", project, "--base", "host")

    assert built["base"] == "host"
    (listed,) = faas.data("image", "list")
    assert listed["runsAs"] == "process"


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        pytest.param(("--push",), 2, "--push where to", id="no-name"),
        pytest.param(("--base", "{registry}/no/such:1"), 1, "no/such", id="no-such-base"),
        pytest.param(("--base", "Not A Name"), 1, "is not the name of an image", id="no-name-of-an-image"),
        pytest.param(("--builder", "docker", "--buildpack", "x"), 1, "--buildpack is for builder pack", id="other"),
        pytest.param(("--python", "/nowhere/python"), 1, "/nowhere/python cannot be used", id="no-such-python"),
        pytest.param(("--python", "3.99"), 1, "Python 3.99", id="no-such-version"),
    ],
)
def test_what_cannot_be_is_one_error(
    faas: Faas, project: Path, registry: RunningRegistry, arguments: tuple[str, ...], code: int, message: str
) -> None:
    faas("build", project, *(argument.format(registry=registry.host) for argument in arguments), code=code)

    assert message in faas.said
    assert "Traceback" not in faas.said


def remove(docker: Any, image: str) -> None:
    with contextlib.suppress(Exception):  # what the test failed before making
        docker.images.remove(image, force=True)
