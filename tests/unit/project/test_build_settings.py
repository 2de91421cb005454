"""`[tool.faas.build]`: what it takes, and what it says about what it does not take."""

from __future__ import annotations

from pathlib import Path

import pytest
from faas_builders.target import Platform

from faas.project.errors import SettingsError
from faas.project.pyproject.build_settings import BuildSettings
from faas.project.pyproject.settings import load_settings


def load(folder: Path, text: str) -> BuildSettings:
    (folder / "pyproject.toml").write_text(text)
    return load_settings(folder).build


def test_everything_that_can_be_said(tmp_path: Path) -> None:
    written = """
        [tool.faas.build]
        builder = "docker"
        base = "python:3.12-slim"
        python = "3.12"
        image = "registry.example.org/team/shop"
        platforms = ["linux/amd64", "linux/arm64/v8"]
        groups = ["worker"]
        dockerfile = "deploy/Dockerfile"
        builder-image = "paketobuildpacks/builder-jammy-base"
        buildpacks = ["faas"]
        trust = true
        insecure = true
        [tool.faas.build.env]
        TZ = "UTC"
        [tool.faas.build.labels]
        "org.opencontainers.image.vendor" = "ACME"
    """

    assert load(tmp_path, written) == BuildSettings(
        builder="docker",
        base="python:3.12-slim",
        python="3.12",
        image="registry.example.org/team/shop",
        platforms=(Platform("linux", "amd64"), Platform("linux", "arm64")),
        groups=("worker",),
        env={"TZ": "UTC"},
        labels={"org.opencontainers.image.vendor": "ACME"},
        dockerfile="deploy/Dockerfile",
        builder_image="paketobuildpacks/builder-jammy-base",
        buildpacks=("faas",),
        trust=True,
        insecure=True,
    )


def test_saying_nothing_is_fine(tmp_path: Path) -> None:
    assert load(tmp_path, "[tool.faas]\n") == BuildSettings()


@pytest.mark.parametrize(
    ("line", "message", "hint"),
    [
        ('biulder = "oci"', "tool.faas.build.biulder: there is no such setting", "did you mean 'builder'?"),
        ('builder = "kaniko"', "tool.faas.build.builder: builder='kaniko' is out of range", "it takes 'oci', 'docker'"),
        ('python = "3"', "tool.faas.build.python: python='3' is out of range", "it takes a version, as '3.12'"),
        ('platforms = "linux/amd64"', "tool.faas.build.platforms: platforms='linux/amd64'", "it takes a list"),
        ('platforms = ["amd64"]', "tool.faas.build.platforms: 'amd64' is not a platform", "as linux/arm64"),
        ('dockerfile = "../Dockerfile"', "tool.faas.build.dockerfile: ", "inside of it"),
        ("env = {PORT = 1}", "tool.faas.build.env: env={'PORT': 1} is out of range", "a table of names and strings"),
        ('base = ""', "tool.faas.build.base: base='' is out of range", "or 'host'"),
    ],
)  # fmt: skip
def test_a_wrong_setting_is_named_with_its_key(tmp_path: Path, line: str, message: str, hint: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load(tmp_path, f"[tool.faas.build]\n{line}\n")

    assert message in caught.value.message
    assert hint in caught.value.hint


def test_it_is_a_table(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"tool\.faas\.build: this is a table"):
        load(tmp_path, "[tool.faas]\nbuild = 1\n")
