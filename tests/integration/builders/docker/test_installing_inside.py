"""Dependencies that pip of the base installs while the image is built, from an index that wants to know who asks."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from faas_builders.builder import BuildRequest
from faas_builders.docker.builder import DockerBuilder, DockerOptions
from faas_builders.docker.buildkit import find_frontend
from faas_builders.errors import ToolMissing
from faas_builders.oci.model import Manifest
from faas_builders.oci.store import ImageStore

from tests.integration.builders.running import answer_of
from tests.made_distributions import make_wheel, package_index

pytestmark = pytest.mark.usefixtures("cache")

_BASE = "faas-test-pip:1"


@pytest.fixture
def base_with_pip(docker: Any, base: str) -> Iterator[str]:
    """Debian's Python, with the pip of the environment that runs the tests."""
    pip = pytest.importorskip("pip")
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(Path(pip.__file__).parent, Path(folder) / "pip", ignore=shutil.ignore_patterns("__pycache__"))
        (Path(folder) / "Dockerfile").write_text(f"FROM {base}\nCOPY pip /usr/lib/python3/dist-packages/pip\n")
        docker.images.build(path=folder, tag=_BASE, rm=True, forcerm=True)
    yield _BASE
    docker.images.remove(_BASE, force=True)


def test_pip_inside_sees_the_secrets_and_the_image_does_not(
    docker: Any, base_with_pip: str, project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    try:
        find_frontend("this test")
    except ToolMissing as missing:
        pytest.skip(f"{missing.message}; Docker's CLI up to 22 or its buildx plugin")
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    make_wheel(wheels, "greeting", "1.0", files={"greeting.py": "TEXT = 'hi from a private index'\n"})
    (project / "requirements.txt").write_text("greeting\n")
    (project / "main.py").write_text(
        "import greeting\nfrom faas import function\n\n\n@function\ndef hello() -> str:\n    return greeting.TEXT\n"
    )
    store = ImageStore(tmp_path / "images")
    with package_index(wheels, user="me:hunter2") as index:
        (tmp_path / "netrc").write_text("machine 127.0.0.1 login me password hunter2\n")
        (tmp_path / "netrc").chmod(0o600)
        (tmp_path / "pip.conf").write_text(f"[global]\nindex-url = {index.url}\n")
        monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
        monkeypatch.setenv("UV_INDEX", index.url)
        request = BuildRequest(
            project,
            "test-inside",
            base=base_with_pip,
            env={"FAAS_FUNCTION": "main:hello"},
            secrets={"netrc": tmp_path / "netrc", "pip.conf": tmp_path / "pip.conf"},
        )
        builder = DockerBuilder(store, DockerOptions(network="host", no_cache=True))
        choices = {choice.what: choice for choice in builder.explain(request)}
        asked_before = len(index.asked)

        result = builder.build(request)

        assert len(index.asked) > asked_before
    try:
        assert answer_of(docker, "faas.local/test-inside:latest") == "hi from a private index"
    finally:
        docker.images.remove("faas.local/test-inside:latest", force=True)
    assert choices["dependencies"].value == "pip"
    assert choices["frontend"].why == "a build secret needs BuildKit"
    assert [layer.name for layer in result.layers] == ["base", "base", "deps", "runtime", "app", "WORKDIR /app"]
    assert "pkg:pypi/greeting@1.0" in _sbom(store, result.digest)
    image = store.platform_image(result.reference)
    assert b"hunter2" not in store.blob(image.manifest.config.digest).read_bytes()
    assert not any(b"hunter2" in store.blob(layer.digest).read_bytes() for layer in image.manifest.layers)


def _sbom(store: ImageStore, digest: str) -> str:
    (referrer,) = store.referrers(digest, "application/vnd.cyclonedx+json")
    document = store.manifest(referrer.digest)
    assert isinstance(document, Manifest)
    return store.blob(document.layers[0].digest).read_text()
