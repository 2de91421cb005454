"""With the real package index: wheels as publishers make them, for two platforms."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from faas_builders.deps import find_requirements, install, resolve, runtime_layer
from faas_builders.deps.shared_objects import read_shared_object
from faas_builders.deps.uv import run_uv
from faas_builders.errors import DependencyError
from faas_builders.target import Platform, Target

from tests.unit.builders.deps.conftest import HERE


@pytest.fixture(scope="module", autouse=True)
def reachable(tmp_path_factory: pytest.TempPathFactory) -> None:
    asked = tmp_path_factory.mktemp("asked") / "requirements.in"
    asked.write_text("msgspec==0.19.0\n")
    try:
        run_uv(["pip", "compile", "--quiet", "--no-cache", "--no-deps", str(asked)])
    except DependencyError as error:
        pytest.skip(f"needs a package index: {error}")


@pytest.mark.parametrize(
    ("platform", "libc", "version"),
    [
        pytest.param("linux/amd64", "glibc", (2, 36), id="amd64"),
        pytest.param("linux/arm64", "glibc", (2, 36), id="arm64"),
        pytest.param("linux/arm64", "musl", (1, 2), id="arm64 with musl"),
    ],
)
def test_each_platform_gets_its_extensions(project: Path, platform: str, libc: str, version: tuple[int, int]) -> None:
    (project / "requirements.txt").write_text("msgspec==0.19.0\n")
    target = Target(Platform.parse(platform), "3.12", libc, version)  # type: ignore[arg-type]

    pins = resolve(find_requirements(project), target, lambda line: None)
    assert pins is not None
    folder = install(pins, target, lambda line: None)

    extension = read_shared_object(next(folder.glob("msgspec/_core*.so")))
    assert extension is not None
    assert extension.architecture == target.platform.architecture
    assert extension.is_for_musl == (libc == "musl")


def test_the_runtime_can_be_had_for_another_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    other = "arm64" if HERE.platform.architecture == "amd64" else "amd64"
    target = Target(Platform("linux", other), "3.12", "glibc", (2, 36))

    layer = runtime_layer(target, said.append)

    extensions = [read_shared_object(path) for path in layer.rglob("*.so")]
    assert {extension.architecture for extension in extensions if extension} == {other}
    assert (layer / "faas_runtime" / "__main__.py").is_file()
    assert said == [f"gunicorn-h1c cannot be built here for Python 3.12 on linux/{other}: HTTP is parsed in Python"]
    monkeypatch.setattr(subprocess, "Popen", None)  # the second time no process is started
    assert runtime_layer(target) == layer
