"""What `faas doctor` says of Docker, pack and registries."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from faas.cli.checks import containers


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """One that names an image, and a user without logins."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "docker"))
    monkeypatch.delenv("REGISTRY_AUTH_FILE", raising=False)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    folder = tmp_path / "shop"
    folder.mkdir()
    (folder / "pyproject.toml").write_text('[tool.faas.build]\nimage = "registry.example.org/team/shop"\n')
    return folder


def test_a_docker_engine_that_is_named_and_does_not_answer_is_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/nobody.sock")

    check = containers.docker()

    assert check.status == "warning"
    assert f"no Docker engine answers at unix://{tmp_path}/nobody.sock" in check.found
    assert "DOCKER_HOST" in check.fix
    assert "that faas up was started with" in check.fix


def test_pack_is_found_on_the_path_and_asked_its_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PACK", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "only builds with --builder pack need it" in containers.pack().found

    program = tmp_path / "pack"
    program.write_text("#!/bin/sh\necho 0.38.2\n")
    program.chmod(0o755)
    check = containers.pack()
    assert (check.status, check.found) == ("ok", f"0.38.2 at {program}")

    program.write_text("#!/bin/sh\nexit 1\n")
    assert containers.pack().status == "error"


def test_a_login_for_the_projects_image_is_looked_for(project: Path) -> None:
    missing = containers.registry(project)
    assert missing.status == "warning"
    assert missing.fix.endswith("docker login registry.example.org")

    config = Path(os.environ["DOCKER_CONFIG"]) / "config.json"
    config.parent.mkdir()
    config.write_text(json.dumps({"auths": {"registry.example.org": {"username": "ada", "password": "s3cret"}}}))
    found = containers.registry(project)
    assert (found.status, found.found) == ("ok", f"a login for registry.example.org in {config}")


def test_a_folder_without_an_image_is_not_asked_about(project: Path, tmp_path: Path) -> None:
    (project / "pyproject.toml").write_text("")
    assert "the project names no image" in containers.registry(project).found

    empty = tmp_path / "empty"
    empty.mkdir()
    assert "there is no project" in containers.registry(empty).found


def test_settings_that_cannot_be_read_are_an_error(project: Path) -> None:
    (project / "pyproject.toml").write_text('[tool.faas.build]\nimage = "Not A Name"\n')

    check = containers.registry(project)

    assert check.status == "error"
    assert "is not the name of an image" in check.found
