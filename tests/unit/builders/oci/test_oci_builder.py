"""Images with a base of their own: what is in them, that it is the same each time, and that little is made twice."""

from __future__ import annotations

import os
import shutil
import sys
import tarfile
import time
from pathlib import Path

import pytest
from faas_builders.builder import BuildRequest, BuildResult
from faas_builders.errors import BaseImageError, BuildError, DependencyError
from faas_builders.oci.builder import OciBuilder
from faas_builders.oci.model import Config, Index, Manifest
from faas_builders.oci.store import ImageStore
from faas_builders.target import Platform

from tests.made_bases import put_base

BASE = "faas.local/base"
BOTH = (Platform("linux", "amd64"), Platform("linux", "arm64"))

pytestmark = pytest.mark.usefixtures("cache")


@pytest.fixture
def store(tmp_path: Path) -> ImageStore:
    store = ImageStore(tmp_path / "images")
    put_base(store, "base", ["linux/amd64", "linux/arm64"])
    return store


def request_for(project: Path, **options: object) -> BuildRequest:
    return BuildRequest(project, "shop", **{"base": BASE, "platforms": BOTH[:1], **options})  # type: ignore[arg-type]


def build(store: ImageStore, project: Path, **options: object) -> BuildResult:
    return OciBuilder(store).build(request_for(project, **options))


def config_of(store: ImageStore, result: BuildResult) -> Config:
    (image,) = store.images(result.reference)
    return image.config


def names_in(store: ImageStore, digest: str) -> list[str]:
    with tarfile.open(store.blob(digest)) as tar:
        return tar.getnames()


def test_an_image_starts_the_runtime_as_nobody_on_port_8080(store: ImageStore, project: Path) -> None:
    result = build(store, project, env={"FAAS_FUNCTION": "main:hello"})

    config = config_of(store, result)
    assert config.config.entrypoint == ("/usr/local/bin/python3.11", "-P", "-m", "faas_runtime")
    assert config.config.user == "65532:65532"
    assert config.config.working_dir == "/app"
    assert config.config.exposed_ports == {"8080/tcp": {}}
    assert config.config.stop_signal == "SIGTERM"
    assert dict(line.split("=", 1) for line in config.config.env) == {
        "PATH": "/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin",
        "HOME": "/tmp",
        "PYTHONUNBUFFERED": "1",
        "FAAS_HOST": "0.0.0.0",
        "FAAS_FUNCTION": "main:hello",
        "PYTHONPATH": "/opt/faas/runtime/.own:/app:/opt/faas/runtime",
    }
    assert [layer.name for layer in result.layers] == ["base", "runtime", "app"]
    assert result.builder == "oci"
    assert result.base.startswith("faas.local/base@sha256:")
    assert [step for step, _ in result.timings_s] == ["base", "resolve", "layers", "config", "write"]


def test_an_image_says_what_it_is_and_what_it_was_made_of(store: ImageStore, project: Path) -> None:
    result = build(store, project, labels={"team": "orders"})

    (image,) = store.images(result.reference)
    base = store.images(BASE)[0]
    described = {
        "org.opencontainers.image.title": "shop",
        "org.opencontainers.image.created": "1970-01-01T00:00:00Z",
        "org.opencontainers.image.base.name": "faas.local/base:latest",
        "org.opencontainers.image.base.digest": base.digest,
    }
    assert image.manifest.annotations == described
    assert image.config.config.labels == {
        **described, "team": "orders", "faas.dev/base": result.base, "faas.dev/python": "/usr/local/bin/python3.11",
    }  # fmt: skip
    assert image.config.rootfs.diff_ids[0] == base.config.rootfs.diff_ids[0]
    assert [entry.created_by for entry in image.config.history] == ["faas runtime", "faas app"]


def test_what_a_base_says_of_its_own_program_goes_and_its_variables_stay(store: ImageStore, project: Path) -> None:
    put_base(
        store, "other", env=("PATH=/usr/local/bin", "LANG=C.UTF-8", "PYTHONPATH=/opt/lib", "HOME=/srv"),
        cmd=("python3",), entrypoint=("/entry.sh",), user="root", exposed_ports={"80/tcp": {}}, volumes={"/data": {}},
        labels={"vendor": "acme", "org.opencontainers.image.title": "base", "org.opencontainers.image.licenses": "MIT"},
        unknown={"Healthcheck": {"Test": ["CMD", "true"]}, "Shell": ["/bin/bash"]},
    )  # fmt: skip

    config = config_of(store, build(store, project, base="faas.local/other")).config

    assert (config.cmd, config.user, config.exposed_ports) == ((), "65532:65532", {"8080/tcp": {}})
    assert config.volumes == {"/data": {}}
    assert config.unknown == {"Shell": ["/bin/bash"]}
    assert {"LANG=C.UTF-8", "HOME=/srv"} <= set(config.env)
    assert "PYTHONPATH=/opt/faas/runtime/.own:/app:/opt/faas/runtime:/opt/lib" in config.env
    assert config.labels["vendor"] == "acme"
    assert config.labels["org.opencontainers.image.title"] == "shop"
    assert "org.opencontainers.image.licenses" not in config.labels


def test_dependencies_are_a_layer_between_base_and_runtime(store: ImageStore, project: Path) -> None:
    (project / "requirements.txt").write_text("six==1.16.0\n")

    result = build(store, project)

    assert [layer.name for layer in result.layers] == ["base", "deps", "runtime", "app"]
    names = names_in(store, result.layers[1].digest)
    assert {"opt/faas/deps/six.py", "opt/faas/deps/__pycache__/six.cpython-311.pyc"} <= set(names)
    assert any(line.endswith(":/app:/opt/faas/deps:/opt/faas/runtime") for line in config_of(store, result).config.env)


def test_a_src_layout_is_on_the_path_and_modules_come_compiled(store: ImageStore, project: Path) -> None:
    (project / "src").mkdir()
    (project / "src/orders.py").write_text("total = 1\n")

    result = build(store, project)

    env = config_of(store, result).config.env
    assert "PYTHONPATH=/opt/faas/runtime/.own:/app:/app/src:/opt/faas/runtime" in env
    assert names_in(store, result.layers[-1].digest) == [
        "app", "app/__pycache__", "app/__pycache__/main.cpython-311.pyc", "app/main.py",
        "app/src", "app/src/__pycache__", "app/src/__pycache__/orders.cpython-311.pyc", "app/src/orders.py",
    ]  # fmt: skip


def test_a_change_of_code_rewrites_only_the_last_layer(store: ImageStore, project: Path) -> None:
    first = build(store, project)
    (project / "main.py").write_text("changed = True\n")

    second = build(store, project)

    assert first.digest != second.digest
    assert [(one.name, one.reused) for one in second.layers] == [("base", True), ("runtime", True), ("app", False)]
    assert all(one.reused for one in build(store, project).layers)


def test_the_same_inputs_give_the_same_image_wherever_and_whoever_builds_it(
    tmp_path: Path, store: ImageStore, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (project / "requirements.txt").write_text("six==1.16.0\n")
    (project / "run.sh").write_text("#!/bin/sh\n")
    (project / "run.sh").chmod(0o755)
    first = build(store, project)

    copied = Path(shutil.copytree(project, tmp_path / "elsewhere" / "a copy"))
    os.utime(copied / "main.py", (1, 1))
    (copied / "main.py").chmod(0o600)
    (copied / "run.sh").chmod(0o700)
    other = ImageStore(tmp_path / "other")
    put_base(other, "base", ["linux/amd64", "linux/arm64"])
    # What uv has compiled and downloaded is kept: that is not what is made twice here.
    monkeypatch.setenv("UV_CACHE_DIR", os.environ.get("UV_CACHE_DIR") or str(Path(os.environ["XDG_CACHE_HOME"]) / "uv"))
    for name, value in {"TZ": "Asia/Tokyo", "LC_ALL": "C", "PYTHONHASHSEED": "7", "HOME": str(tmp_path)}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cold"))
    time.tzset()
    before = os.umask(0o077)
    try:
        second = build(other, copied)
    finally:
        os.umask(before)
        monkeypatch.undo()
        time.tzset()

    assert [one.digest for one in second.layers] == [one.digest for one in first.layers]
    assert second.digest == first.digest
    assert [one.digest for one in other.referrers(second.digest)] == [
        one.digest for one in store.referrers(first.digest)
    ]


def test_several_platforms_make_an_index_and_share_the_app(store: ImageStore, project: Path) -> None:
    (project / "requirements.txt").write_text("markupsafe==3.0.2\n")

    result = build(store, project, platforms=BOTH)

    index = store.manifest(result.reference)
    assert isinstance(index, Index)
    assert [entry.platform.platform for entry in index.manifests if entry.platform] == list(BOTH)
    assert index.annotations["org.opencontainers.image.title"] == "shop"
    assert index.annotations["org.opencontainers.image.base.digest"] == result.base.partition("@")[2]
    assert [str(image.platform) for image in result.images] == ["linux/amd64", "linux/arm64"]
    amd64, arm64 = (image.layers for image in result.images)
    assert amd64[-1].digest == arm64[-1].digest
    assert amd64[1].digest != arm64[1].digest
    machines = [
        next(name for name in names_in(store, layers[1].digest) if "_speedups.cpython" in name)
        for layers in (amd64, arm64)
    ]
    assert [name.split("-")[2] for name in machines] == ["x86_64", "aarch64"]
    for image in result.images:
        child = store.manifest(image.digest)
        assert isinstance(child, Manifest)
        assert len(store.referrers(image.digest)) == 2


def test_the_epoch_of_the_sources_is_that_of_image_and_files(
    store: ImageStore, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "86400")

    result = build(store, project)

    assert config_of(store, result).created == "1970-01-02T00:00:00Z"
    with tarfile.open(store.blob(result.layers[-1].digest)) as tar:
        assert {(member.mtime, member.uid, member.gid) for member in tar} == {(86400, 0, 0)}


def test_what_an_image_was_made_of_is_attached_unless_nobody_wants_it(store: ImageStore, project: Path) -> None:
    plain = build(store, project, attest=False, tag="plain")
    assert store.referrers(plain.digest) == ()

    attested = build(store, project)

    types = {referrer.artifact_type for referrer in store.referrers(attested.digest)}
    assert types == {"application/vnd.cyclonedx+json", "application/vnd.in-toto+json"}
    assert attested.digest == plain.digest


def test_a_project_that_wants_another_python_than_the_base_has_is_told(store: ImageStore, project: Path) -> None:
    (project / "pyproject.toml").write_text('[project]\nname = "x"\nversion = "1"\nrequires-python = ">=3.12"\n')

    with pytest.raises(DependencyError, match=r"requires Python >=3\.12, and this would be Python 3\.11"):
        build(store, project)
    with pytest.raises(BaseImageError, match=r"has Python 3\.11 .*; Python 3\.12 was asked for"):
        build(store, project, python_version="3.12")
    assert store.find("faas.local/shop") is None


def test_secrets_are_refused_as_nothing_could_read_them(store: ImageStore, project: Path) -> None:
    with pytest.raises(BuildError, match="oci runs nothing that could read secret npm"):
        build(store, project, secrets={"npm": project / "main.py"})


def test_explaining_says_each_choice_and_its_reason(store: ImageStore, project: Path) -> None:
    choices = OciBuilder(store).explain(request_for(project, platforms=BOTH))

    said = {choice.what: choice.value for choice in choices}
    assert list(said) == ["builder", "base", "python", "platforms", "dependencies", "bytecode", "user"]
    assert said["base"] == BASE
    assert said["python"] == "3.11 at /usr/local/bin/python3.11"
    assert said["platforms"] == "linux/amd64, linux/arm64"
    assert said["dependencies"] == "no dependencies file"
    assert said["user"] == "65532:65532"
    assert all(choice.why for choice in choices)


def test_explaining_asks_no_registry(store: ImageStore, project: Path, tmp_path: Path) -> None:
    choices = OciBuilder(store).explain(BuildRequest(project, "shop", python_version="3.13"))

    base = next(choice for choice in choices if choice.what == "base")
    assert base.value == "docker.io/library/python:3.13-slim"
    assert "not on this machine yet" in base.why


def test_explaining_the_base_host_names_the_python_of_this_machine(store: ImageStore, project: Path) -> None:
    choices = OciBuilder(store).explain(request_for(project, base="host", python=Path(sys.executable)))

    said = {choice.what: choice.value for choice in choices}
    assert said["base"] == "host"
    assert said["python"].startswith(f"{sys.version_info[0]}.{sys.version_info[1]}.")
