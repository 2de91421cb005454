"""A package index of this machine alone, caches that start empty, and Pythons to install for."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from faas_builders.target import Platform, Target

from tests.made_distributions import THIS_MINOR, PackageIndex, package_index

ARM = Target(Platform("linux", "arm64"), "3.12", "glibc", (2, 36), "/usr/local/bin/python3.12")
AMD = Target(Platform("linux", "amd64"), "3.12", "glibc", (2, 36))
HERE = Target(Platform.of_this_machine(), THIS_MINOR, "glibc", (2, 36), f"/usr/bin/python{THIS_MINOR}")


@pytest.fixture(scope="session")
def known_pythons(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the tests share: finding Pythons takes longer than most of them."""
    return tmp_path_factory.mktemp("pythons")


@pytest.fixture(autouse=True)
def caches(tmp_path: Path, known_pythons: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Our cache, empty; uv's is keyed by the address of the index, and each test has another."""
    (tmp_path / "cache" / "faas").mkdir(parents=True)
    (tmp_path / "cache" / "faas" / "interpreters").symlink_to(known_pythons)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("UV_CACHE_DIR", str(known_pythons / "uv"))
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    for name in ("UV_INDEX", "UV_INDEX_URL", "UV_EXTRA_INDEX_URL", "UV_FIND_LINKS"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path / "cache" / "faas"


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[PackageIndex]:
    folder = tmp_path / "packages"
    folder.mkdir()
    with package_index(folder) as served:
        monkeypatch.setenv("UV_DEFAULT_INDEX", served.url)
        yield served


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "shop"
    folder.mkdir()
    return folder
