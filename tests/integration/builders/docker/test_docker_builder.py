"""Images that a real Docker engine builds, from Dockerfiles of a project and from the one that is made."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from faas_builders.builder import BuildRequest, BuildResult
from faas_builders.docker.builder import DockerBuilder, DockerOptions
from faas_builders.docker.buildkit import find_frontend
from faas_builders.errors import BuildError, ProjectFileError, StepFailed, ToolMissing
from faas_builders.oci.store import ImageStore, StoredImage
from faas_builders.target import Platform

from tests.containers_world import MadeImage
from tests.integration.builders.running import answer_of

pytestmark = pytest.mark.usefixtures("cache")


class Builds:
    """Builds projects, and takes the images out of the engine at the end."""

    def __init__(self, client: Any, images: Path) -> None:
        self.client, self.store, self.lines = client, ImageStore(images), [""]
        self.name = f"test-{uuid4().hex[:8]}"
        self.made: list[str] = []  # ids of images in the engine, oldest first

    def __call__(self, project: Path, options: DockerOptions | None = None, **request: Any) -> BuildResult:
        self.lines.clear()
        result = DockerBuilder(self.store, options).build(
            BuildRequest(project, self.name, **request), lambda step, line: self.lines.append(f"{step}: {line}")
        )
        self.made.append(self.image(result).manifest.config.digest)
        return result

    def image(self, result: BuildResult) -> StoredImage:
        return self.store.platform_image(result.reference)

    def answer(self, **run: Any) -> str:
        return answer_of(self.client, f"faas.local/{self.name}:latest", **run)


@pytest.fixture
def builds(docker: Any, tmp_path: Path) -> Iterator[Builds]:
    builds = Builds(docker, tmp_path / "images")
    yield builds
    for image_id in reversed(dict.fromkeys(builds.made)):
        docker.images.remove(image_id, force=True)


def test_a_project_without_a_dockerfile_becomes_an_image_that_docker_runs(
    builds: Builds, base: str, project: Path
) -> None:
    (project / "requirements.txt").write_text("iniconfig\n")
    (project / "main.py").write_text(
        "import iniconfig\nfrom faas import function\n\n\n@function\ndef hello() -> str:\n    return 'hi'\n"
    )
    (project / ".env").write_text("PASSWORD=1")

    result = builds(project, base=base, env={"FAAS_FUNCTION": "main:hello"}, labels={"team": "shop"})

    assert builds.answer(read_only=True, tmpfs={"/tmp": ""}) == "hi"
    assert result.reference == f"faas.local/{builds.name}@{result.digest}"
    assert (result.builder, result.base) == ("docker", base)
    assert result.images[0].platform == Platform.of_this_machine()
    assert [layer.name for layer in result.layers] == ["base", "deps", "runtime", "app"]
    assert [step for step, _ in result.timings_s] == ["base", "build", "write"]
    config = builds.image(result).config.config
    assert config.user == "65532:65532"
    assert config.working_dir == "/app"
    assert config.entrypoint == ("/usr/bin/python3.11", "-P", "-m", "faas_runtime")
    assert (config.labels["team"], config.labels["faas.dev/base"]) == ("shop", base)
    assert "build: Step 1/" in "\n".join(builds.lines)
    kinds = [referrer.artifact_type for referrer in builds.store.referrers(result.digest)]
    assert sorted(kinds) == ["application/vnd.cyclonedx+json", "application/vnd.in-toto+json"]


def test_a_change_of_code_reuses_every_layer_below_it(builds: Builds, base: str, project: Path) -> None:
    builds(project, base=base, env={"FAAS_FUNCTION": "main:hello"})
    (project / "main.py").write_text("from faas import function\n\n\n@function\ndef hello() -> str:\n    return 'ho'\n")

    result = builds(project, base=base, env={"FAAS_FUNCTION": "main:hello"})

    assert [(layer.name, layer.reused) for layer in result.layers] == [
        ("base", True), ("runtime", True), ("app", False),
    ]  # fmt: skip
    assert builds.answer() == "ho"


def test_the_image_in_the_store_is_the_one_in_the_engine(builds: Builds, shell: str, project: Path) -> None:
    (project / "Dockerfile").write_text(f"FROM {shell}\nCOPY main.py /www/\n")

    result = builds(project)

    image = builds.image(result)
    there = builds.client.images.get(f"faas.local/{builds.name}:latest")
    assert image.manifest.config.digest == there.id
    assert list(image.config.rootfs.diff_ids) == there.attrs["RootFS"]["Layers"]


def test_the_projects_own_dockerfile_is_used_and_what_is_ignored_is_not_sent(
    builds: Builds, shell: str, project: Path
) -> None:
    (project / "Dockerfile").write_text(
        f"FROM {shell}\nARG GREETING=none\nCOPY . /www/\n"
        "RUN ls -A /www > /www/index.html && echo $GREETING >> /www/index.html\n"
    )
    (project / ".dockerignore").write_text("*.md\n")
    (project / ".faasignore").write_text("notes/\n")
    for name in ("README.md", "notes/a.txt", ".env", ".git/config", "kept.txt"):
        (project / name).parent.mkdir(exist_ok=True)
        (project / name).write_text(name)

    result = builds(project, DockerOptions(build_args={"GREETING": "hello"}), env={"COLOUR": "$blue"})

    assert builds.answer().split() == ["Dockerfile", "index.html", "kept.txt", "main.py", "hello"]
    assert "COLOUR=$blue" in builds.image(result).config.config.env
    assert result.base == "Dockerfile"


def test_a_dockerfile_may_be_elsewhere_and_a_stage_of_it_wanted(builds: Builds, shell: str, project: Path) -> None:
    (project / "deploy").mkdir()
    (project / "deploy/web.Dockerfile").write_text(
        f"FROM {shell} AS first\nRUN echo first > /www/index.html\nFROM {shell}\nRUN exit 1\n"
    )

    builds(project, DockerOptions(dockerfile=Path("deploy/web.Dockerfile"), target="first"))

    assert builds.answer() == "first\n"


def test_a_failing_step_is_named_with_its_last_lines_and_no_tag_is_left(
    builds: Builds, shell: str, project: Path
) -> None:
    (project / "Dockerfile").write_text(f"FROM {shell}\nRUN echo all well\nRUN echo no compiler >&2; exit 3\n")

    with pytest.raises(StepFailed) as failed:
        builds(project)

    assert failed.value.step == "Step 3/3 : RUN echo no compiler >&2; exit 3"
    assert failed.value.output == "no compiler"
    assert "non-zero code: 3" in failed.value.reason
    assert builds.client.images.list(f"faas.local/{builds.name}") == []
    assert builds.store.find(f"faas.local/{builds.name}:latest") is None


def test_a_dockerfile_that_does_not_parse_is_one_clear_error(builds: Builds, project: Path) -> None:
    (project / "Dockerfile").write_text("FORM base\n")

    with pytest.raises(StepFailed, match=r"(?i)unknown instruction: FORM"):
        builds(project)


def test_secrets_are_seen_while_building_and_in_nothing_that_remains(
    builds: Builds, shell: str, project: Path, tmp_path: Path
) -> None:
    _needs_buildkit()
    (tmp_path / "token").write_text("hunter2-very-secret\n")
    (project / "Dockerfile").write_text(
        f"FROM {shell}\nRUN --mount=type=secret,id=token read token < /run/secrets/token; "
        "echo ${#token} letters > /www/index.html\n"
    )

    result = builds(project, secrets={"token": tmp_path / "token"})

    assert builds.answer() == "19 letters\n"
    image = builds.image(result)
    assert b"hunter2" not in builds.store.blob(image.manifest.config.digest).read_bytes()
    assert all(b"hunter2" not in builds.store.blob(layer.digest).read_bytes() for layer in image.manifest.layers)
    assert "hunter2" not in "\n".join(builds.lines)


def test_a_failing_step_of_buildkit_is_named_with_its_last_lines(builds: Builds, shell: str, project: Path) -> None:
    _needs_buildkit()
    (project / "Dockerfile").write_text(f"FROM {shell}\nRUN --mount=type=tmpfs,target=/x echo no room; exit 4\n")

    with pytest.raises(StepFailed) as failed:
        builds(project)

    assert "RUN --mount=type=tmpfs,target=/x echo no room; exit 4" in failed.value.step
    assert failed.value.output == "no room"


def test_a_secret_without_a_file_is_one_clear_error(builds: Builds, shell: str, project: Path, tmp_path: Path) -> None:
    _needs_buildkit()
    (project / "Dockerfile").write_text(f"FROM {shell}\n")

    with pytest.raises(BuildError, match=f"secret token: there is no file {tmp_path}/none"):
        builds(project, secrets={"token": tmp_path / "none"})


def test_without_buildkit_secrets_are_refused_and_never_arguments(
    builds: Builds, shell: str, project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "token").write_text("hunter2")
    (project / "Dockerfile").write_text(f"FROM {shell}\n")
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(ToolMissing, match="a build secret needs BuildKit, and there is no docker buildx here"):
        builds(project, secrets={"token": tmp_path / "token"})


def test_a_base_without_python_is_one_clear_error(builds: Builds, shell: str, project: Path) -> None:
    with pytest.raises(BuildError, match=f"base {shell} has no Python"):
        builds(project, base=shell)
    asked = [c for c in builds.client.containers.list(all=True, ignore_removed=True) if "-I" in c.attrs["Args"]]
    assert asked == []


def test_a_base_that_cannot_be_pulled_is_one_clear_error(builds: Builds, project: Path) -> None:
    with pytest.raises(StepFailed, match=r"pulling 127\.0\.0\.1:1/nothing:here"):
        builds(project, base="127.0.0.1:1/nothing:here")


def test_a_named_dockerfile_that_is_not_there_is_an_error(builds: Builds, project: Path) -> None:
    with pytest.raises(ProjectFileError, match="there is no such Dockerfile"):
        builds(project, DockerOptions(dockerfile=Path("other.Dockerfile")))


def test_several_platforms_are_refused_with_who_can(builds: Builds, shell: str, project: Path) -> None:
    (project / "Dockerfile").write_text(f"FROM {shell}\n")
    both = (Platform("linux", "amd64"), Platform("linux", "arm64"))

    with pytest.raises(BuildError, match="one platform at a time, not linux/amd64, linux/arm64") as refused:
        builds(project, platforms=both)
    assert "oci" in refused.value.hint


def test_no_engine_is_an_error_that_names_where_it_was_looked_for(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("docker")
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/no.sock")

    with pytest.raises(ToolMissing) as missing:
        DockerBuilder(ImageStore(tmp_path / "images")).build(BuildRequest(project, "shop"))

    assert missing.value.message == f"no Docker engine answers at unix://{tmp_path}/no.sock: No such file or directory"
    assert "DOCKER_HOST" in missing.value.hint


def test_explaining_shows_the_dockerfile_that_would_be_made_and_builds_nothing(
    builds: Builds, base: str, project: Path
) -> None:
    choices = DockerBuilder(builds.store).explain(BuildRequest(project, builds.name, base=base))

    found = {choice.what: choice.value for choice in choices}
    assert found["builder"] == "docker"
    assert found["base"] == base
    assert found["python"].endswith(" at /usr/bin/python3.11")
    assert found["dockerfile"].startswith(f"FROM {base}\n")
    assert found["frontend"] == "the engine's API"
    assert builds.client.images.list(f"faas.local/{builds.name}") == []


def test_the_image_is_the_oci_builders_but_for_when_its_layers_were_made(
    builds: Builds, base: str, project: Path, tmp_path: Path, debian_base: MadeImage
) -> None:
    from faas_builders.oci.builder import OciBuilder

    layout = debian_base.layout(tmp_path / "base")
    env = {"FAAS_FUNCTION": "main:hello", "B": "2"}
    oci = ImageStore(tmp_path / "oci")
    other = OciBuilder(oci).build(BuildRequest(project, builds.name, base=f"oci:{layout}", env=env))
    made = builds(project, base=base, env=env)

    ours = builds.image(made).config.config
    theirs = oci.platform_image(other.reference).config.config
    for field in ("user", "env", "entrypoint", "working_dir", "exposed_ports", "stop_signal", "cmd"):
        assert getattr(ours, field) == getattr(theirs, field), field
    assert ours.labels.keys() >= {"faas.dev/base", "faas.dev/python", "org.opencontainers.image.title"}


def _needs_buildkit() -> None:
    try:
        find_frontend("this test")
    except ToolMissing as missing:
        pytest.skip(f"{missing.message}; Docker's CLI up to 22 or its buildx plugin")


def test_the_dockerfile_is_not_kept_from_a_build_by_its_own_ignore_file(
    builds: Builds, shell: str, project: Path
) -> None:
    (project / "Dockerfile").write_text(f"FROM {shell}\nRUN echo built > /www/index.html\n")
    (project / ".dockerignore").write_text("*\n")

    builds(project)

    assert builds.answer() == "built\n"
