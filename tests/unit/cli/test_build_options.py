"""What the options of `faas build` mean, and what is said about those that mean nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

import click
import pytest
from click.testing import CliRunner
from faas_builders.delivery import Output, parse_output
from faas_builders.target import Platform
from hypothesis import given
from hypothesis import strategies as st

from faas.cli import project_options
from faas.cli.build_options import Destinations, build_options, make_destinations, make_flags
from faas.deploy.images.requests import BuildFlags
from faas.project.pyproject.build_settings import BUILDERS, BuilderName, BuildSettings
from faas.project.pyproject.settings import Settings


def flags(folder: Path, *arguments: str, settings: BuildSettings | None = None) -> tuple[BuildFlags, Destinations]:
    """As the command makes them of its command line."""
    made: list[tuple[BuildFlags, Destinations]] = []

    @click.command()
    @build_options
    def command(path: Path, image: str, push: bool, outputs: tuple[str, ...], insecure: bool, **more: Any) -> None:
        ours = Settings(folder, "shop", build=settings or BuildSettings())
        where = make_destinations(ours.build, image, push=push, outputs=outputs, insecure=insecure)
        made.append((make_flags(ours, insecure=insecure, **more), where))

    CliRunner().invoke(command, [*arguments, str(folder)], catch_exceptions=False, standalone_mode=False)
    return made[0]


def test_everything_that_can_be_said(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").touch()
    (tmp_path / "token").touch()

    said, where = flags(
        tmp_path, "--builder", "docker", "--python", "3.12", "--platform", "linux/amd64,linux/arm64", "--platform",
        "linux/arm64", "--group", "worker", "--build-env", "A=b=c", "--label", "x=", "--secret",
        f"id=npm,src={tmp_path}/token", "--dockerfile", "Dockerfile", "--trust", "--pull", "--no-attest", "--insecure",
        "-t", "localhost:5000/shop:1.0", "--push", "--output", "oci:layout", "--output", "docker",
    )  # fmt: skip

    assert said.build == BuildSettings(
        builder="docker",
        python="3.12",
        platforms=(Platform("linux", "amd64"), Platform("linux", "arm64")),
        groups=("worker",),
        env={"A": "b=c"},
        labels={"x": ""},
        dockerfile="Dockerfile",
        trust=True,
        insecure=True,
    )
    assert (said.python, said.secrets, said.pull, said.attest) == (None, {"npm": tmp_path / "token"}, True, False)
    assert (str(where.name), where.push, where.insecure) == ("localhost:5000/shop:1.0", True, True)
    assert where.outputs == (Output("oci", Path("layout")), Output("docker"))


def test_an_interpreter_is_named_by_its_path(tmp_path: Path) -> None:
    said, _ = flags(tmp_path, "--python", "/usr/bin/python3.12")

    assert (said.build.python, said.python) == ("", Path("/usr/bin/python3.12"))


def test_a_buildpack_is_named_by_its_id_or_by_a_path_from_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "ours").mkdir()
    monkeypatch.chdir(tmp_path)

    said, _ = flags(tmp_path, "--buildpack", "paketo-buildpacks/cpython", "--buildpack", "./ours")

    assert said.build.buildpacks == ("paketo-buildpacks/cpython", str(tmp_path / "ours"))


def test_the_settings_name_the_image(tmp_path: Path) -> None:
    _, where = flags(tmp_path, "--push", settings=BuildSettings(image="ghcr.io/team/shop"))

    assert str(where.name) == "ghcr.io/team/shop:latest"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--push",), "--push where to"),
        (("-t", "shop@sha256:" + "a" * 64), "a tag, not a digest"),
        (("--output", "tar:x"), "'tar:x' is none of oci:DIR"),
        (("--platform", "arm64"), "'arm64' is not a platform"),
        (("--label", "x"), "'x' is not K=V"),
        (("--secret", "npm"), "'npm' is not id=ID,src=FILE"),
        (("--secret", "id=npm,src=/nowhere"), "/nowhere is not a file"),
        (("--dockerfile", "Nowhere"), "there is no file Nowhere"),
        (("--dockerfile", "/etc/passwd"), "/etc/passwd is outside of the project"),
    ],
)
def test_an_option_that_says_nothing_valid_is_misuse(tmp_path: Path, arguments: tuple[str, ...], message: str) -> None:
    with pytest.raises(click.UsageError, match=message):
        flags(tmp_path, *arguments)


def test_the_builders_are_those_of_the_settings() -> None:
    assert project_options.BUILDERS == BUILDERS == get_args(BuilderName)


@pytest.mark.parametrize("text", ["", "oci", "oci:", "docker:x", "docker:", "OCI:x", "docker-archive", "x"])
def test_what_is_no_output(text: str) -> None:
    with pytest.raises(ValueError, match="is none of oci:DIR"):
        parse_output(text)


@given(
    st.sampled_from(["oci", "oci-archive", "docker-archive"]), st.text(min_size=1).filter(lambda text: "\0" not in text)
)
def test_an_output_reads_back_as_it_is_written(kind: str, path: str) -> None:
    output = parse_output(f"{kind}:{path}")

    assert (output.kind, output.path) == (kind, Path(path))
