"""What pack is asked, how its output is read, and that its image arrives; pack itself is a record of its interface."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from faas_builders.builder import BuildRequest
from faas_builders.errors import BuildError, StepFailed, ToolMissing
from faas_builders.oci.store import ImageStore
from faas_builders.pack.builder import PackBuilder
from faas_builders.pack.command import PackOptions
from faas_builders.target import Platform

from tests.integration.builders.running import answer_of

pytestmark = pytest.mark.usefixtures("cache")

Asked = Callable[[], dict[str, Any]]
RECORDED = PackOptions(builder="recorded/success", buildpacks=())


@pytest.fixture
def name(docker: Any) -> Iterator[str]:
    name = f"test-{uuid4().hex[:8]}"
    yield name
    for image in docker.images.list(f"faas.local/{name}"):
        for tag in image.tags:
            if tag.startswith(f"faas.local/{name}:"):  # the image itself is the base of other tests too
                docker.images.remove(tag, noprune=True)


def test_the_image_of_pack_is_in_the_store_and_runs(
    asked: Asked, docker: Any, name: str, project: Path, tmp_path: Path
) -> None:
    store, lines = ImageStore(tmp_path / "images"), []

    result = PackBuilder(store, RECORDED).build(
        BuildRequest(project, name), lambda step, line: lines.append((step, line))
    )

    assert (result.builder, result.base) == ("pack", "recorded/success")
    assert result.reference == f"faas.local/{name}@{result.digest}"
    assert result.images[0].platform == Platform.of_this_machine()
    assert store.platform_image(f"faas.local/{name}:latest").digest == result.digest
    assert [step for step, _ in result.timings_s] == ["layers", "build", "write"]
    steps = [line for step, line in lines if step == "build" and line.startswith("===>")]
    assert steps == ["===> ANALYZING", "===> DETECTING", "===> RESTORING", "===> BUILDING", "===> EXPORTING"]
    assert ("build", "[builder] done") in lines
    assert answer_of(docker, f"faas.local/{name}:latest") == "hello from a shell\n"


def test_pack_gets_the_project_without_what_is_in_no_image(
    asked: Asked, name: str, project: Path, tmp_path: Path
) -> None:
    (project / ".env").write_text("PASSWORD=1")
    (project / ".git").mkdir()
    (project / ".git/config").write_text("")
    (project / ".gitignore").write_text("*.log\n")
    (project / "a.log").write_text("")
    (project / "static").mkdir()
    (project / "static/a.css").write_text("")

    PackBuilder(ImageStore(tmp_path / "images"), RECORDED).build(BuildRequest(project, name))

    assert asked()["files"] == ["main.py", "static/a.css"]


def test_every_option_becomes_packs_own(
    asked: Asked, name: str, project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    (project / "beside").mkdir()
    (tmp_path / "more.env").write_text("BP_CPYTHON_VERSION=3.12\n")
    options = PackOptions(
        builder="recorded/success",
        buildpacks=("docker.io/paketobuildpacks/cpython", "/some/folder", "./beside"),
        trust_builder=True,
        cache="type=build;format=bind;source=/var/cache/pack",
        clear_cache=True,
        pull_policy="if-not-present",
        run_image="run:1",
        lifecycle_image="lifecycle:1",
        network="host",
        docker_host="inherit",
        volumes=(f"{tmp_path}/bin:/certificates:ro",),
        env_files=(tmp_path / "more.env",),
        sbom_dir=tmp_path / "sbom",
    )

    PackBuilder(ImageStore(tmp_path / "images"), options).build(
        BuildRequest(
            project, name, tag="v1", env={"FAAS_FUNCTION": "main:hello"}, platforms=(Platform("linux", "amd64"),)
        )
    )

    got = asked()
    assert got["image"] == f"faas.local/{name}:v1"
    assert got["buildpack"] == ["docker.io/paketobuildpacks/cpython", "/some/folder", f"{project}/beside"]
    expected = {
        "builder": "recorded/success", "platform": "linux/amd64", "creation_time": "1700000000",
        "pull_policy": "if-not-present", "run_image": "run:1", "lifecycle_image": "lifecycle:1", "network": "host",
        "docker_host": "inherit", "sbom_output_dir": f"{tmp_path}/sbom", "trust_builder": True,
        "trust_extra_buildpacks": True, "clear_cache": True, "no_color": True,
        "cache": ["type=build;format=bind;source=/var/cache/pack"],
        "variables": {
            "BP_CPYTHON_VERSION": "3.12", "FAAS_FUNCTION": "main:hello", "BPE_FAAS_FUNCTION": "main:hello",
        },
    }  # fmt: skip
    assert {key: got[key] for key in expected} == expected


def test_secrets_are_mounted_as_a_binding_and_in_no_argument_or_variable(
    asked: Asked, name: str, project: Path, tmp_path: Path
) -> None:
    (tmp_path / "netrc").write_text("machine index login me password hunter2")

    PackBuilder(ImageStore(tmp_path / "images"), RECORDED).build(
        BuildRequest(project, name, secrets={"netrc": tmp_path / "netrc"})
    )

    got = asked()
    assert got.pop("mounted") == {
        "/platform/bindings/faas": {"type": "faas", "netrc": "machine index login me password hunter2"}
    }
    assert got["variables"] == {"SERVICE_BINDING_ROOT": "/platform/bindings"}
    assert "hunter2" not in str(got)
    assert got["volume"][0].endswith(":/platform/bindings/faas:ro")
    assert not Path(got["volume"][0].split(":")[0]).exists()


@pytest.mark.parametrize(
    ("record", "step", "reason", "output"),
    [
        pytest.param(
            "detection",
            "pack build, DETECTING",
            "no group of buildpacks wants this project",
            "[detector] ERROR: No buildpack groups passed detection.",
            id="nobody-wants-it",
        ),
        pytest.param(
            "buildpack",
            "pack build, BUILDING",
            "a buildpack failed",
            "[builder] nothing-like-this was not found in the package registry",
            id="a-buildpack-fails",
        ),
        pytest.param(
            "unknown",
            "pack build, EXPORTING",
            "the lifecycle ended with status code 77",
            "[exporter] something new",
            id="a-code-of-the-future",
        ),
        pytest.param(
            "no-builder",
            "pack build",
            "failed to build: failed to fetch builder image 'recorded/no-builder': not found",
            "ERROR: failed to build",
            id="pack-itself",
        ),
    ],
)
def test_a_failure_is_told_with_its_step_and_its_last_lines(
    record: str, step: str, reason: str, output: str, asked: Asked, name: str, project: Path, tmp_path: Path
) -> None:
    store = ImageStore(tmp_path / "images")

    with pytest.raises(StepFailed) as failed:
        PackBuilder(store, PackOptions(f"recorded/{record}", ())).build(BuildRequest(project, name))

    assert (failed.value.step, failed.value.reason) == (step, reason)
    assert output in failed.value.output
    assert store.find(f"faas.local/{name}:latest") is None


def test_without_pack_there_is_one_error_that_says_how_to_get_it(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("PACK", raising=False)
    builder = PackBuilder(ImageStore(tmp_path / "images"))

    with pytest.raises(ToolMissing, match="the pack CLI is not on PATH") as missing:
        builder.build(BuildRequest(project, "shop"))
    assert "buildpacks.io/docs/install-pack" in missing.value.hint
    monkeypatch.setenv("PACK", "/no/such/pack")
    with pytest.raises(ToolMissing, match="PACK=/no/such/pack is no program"):
        builder.explain(BuildRequest(project, "shop"))


def test_what_pack_cannot_do_is_refused_before_it_starts(
    asked: Asked, name: str, project: Path, tmp_path: Path
) -> None:
    builder = PackBuilder(ImageStore(tmp_path / "images"), RECORDED)

    with pytest.raises(BuildError, match="pack makes one platform at a time, not linux/amd64, linux/arm64"):
        builder.build(BuildRequest(project, name, platforms=(Platform("linux", "amd64"), Platform("linux", "arm64"))))
    with pytest.raises(BuildError, match="the value of KEY has several lines"):
        builder.build(BuildRequest(project, name, env={"KEY": "a\nb"}))
    with pytest.raises(BuildError, match=f"secret token: {tmp_path}/none: No such file"):
        builder.build(BuildRequest(project, name, secrets={"token": tmp_path / "none"}))


def test_explaining_names_builder_image_buildpacks_and_pack(asked: Asked, project: Path, tmp_path: Path) -> None:
    choices = PackBuilder(ImageStore(tmp_path / "images")).explain(BuildRequest(project, "shop"))

    found = {choice.what: choice.value for choice in choices}
    assert found["builder"] == "pack"
    assert found["builder image"] == "docker.io/paketobuildpacks/builder-jammy-base"
    assert found["buildpacks"] == "docker.io/paketobuildpacks/cpython, faas"
