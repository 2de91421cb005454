"""Bases by their names: from the store, from files and folders; one image a platform, looked at once."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from faas_builders.errors import BaseImageError, BuilderError
from faas_builders.oci.archive import write_docker_archive, write_oci_layout
from faas_builders.oci.bases.cache import LIMIT_BYTES, BaseCache
from faas_builders.oci.bases.fetching import Base, fetch_base
from faas_builders.oci.bases.sources import NotHere, open_source
from faas_builders.oci.store import ImageStore
from faas_builders.target import Platform

from tests.made_bases import layer, put_base, python_files

AMD64, ARM64, ARM7 = Platform("linux", "amd64"), Platform("linux", "arm64"), Platform("linux", "arm", "v7")

pytestmark = pytest.mark.usefixtures("own_cache")


@pytest.fixture
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def store(tmp_path: Path) -> ImageStore:
    return ImageStore(tmp_path / "images")


def fetch(store: ImageStore, reference: str, *platforms: Platform, python: str = "") -> Base:
    cache = BaseCache()
    source = open_source(reference, store, cache, log=lambda line: None)
    return fetch_base(source, platforms or (AMD64,), store, cache, python=python)


def test_a_base_in_the_store_is_found_by_its_name(store: ImageStore) -> None:
    reference = put_base(store, "base")

    base = fetch(store, reference)

    assert base.name == "faas.local/base:latest"
    assert base.reference == f"faas.local/base@{base.digest}"
    assert base.images[0].target.minor == "3.11"
    assert base.images[0].target.libc_version == (2, 36)


def test_an_index_gives_an_image_for_each_platform(store: ImageStore) -> None:
    put_base(store, "base", ["linux/amd64", "linux/arm64", "linux/arm/v7"])

    base = fetch(store, "faas.local/base", ARM64, AMD64, ARM7)

    assert [str(image.platform) for image in base.images] == ["linux/arm64", "linux/amd64", "linux/arm/v7"]
    assert len({image.digest for image in base.images} | {base.digest}) == 4
    assert base.images[2].config.variant == "v7"


def test_a_platform_that_is_not_there_is_named_with_those_that_are(store: ImageStore) -> None:
    put_base(store, "base", ["linux/amd64", "linux/arm64"])
    put_base(store, "single")

    with pytest.raises(
        BaseImageError,
        match=r"base faas.local/base:latest is not there for linux/arm/v7 \(it is for linux/amd64, linux/arm64\)",
    ):
        fetch(store, "faas.local/base", ARM7)
    with pytest.raises(BaseImageError, match=r"single:latest is not there for linux/arm64 \(it is for linux/amd64\)"):
        fetch(store, "faas.local/single", AMD64, ARM64)


def test_a_base_of_several_layers_is_seen_as_they_leave_it(store: ImageStore) -> None:
    upper = layer({"usr/local/bin/.wh.python3.11": b"", **python_files("3.12")})
    put_base(store, "base", layers={"linux/amd64": [layer(python_files("3.11")), upper]})

    base = fetch(store, "faas.local/base")

    assert base.images[0].facts.version == "3.12"
    assert len(base.images[0].layers) == 2


def test_a_base_is_looked_into_once(store: ImageStore) -> None:
    put_base(store, "base")
    first = fetch(store, "faas.local/base")
    for descriptor in first.images[0].layers:
        store.blob(descriptor.digest).write_bytes(b"not read again")

    assert fetch(store, "faas.local/base") == first


@pytest.mark.parametrize("kind", ["oci", "oci-archive", "docker-archive"])
def test_a_file_or_folder_can_be_a_base(tmp_path: Path, store: ImageStore, kind: str) -> None:
    elsewhere = ImageStore(tmp_path / "elsewhere")
    reference = put_base(elsewhere, "base")
    path = tmp_path / ("base" if kind == "oci" else "base.tar")
    if kind == "docker-archive":
        with path.open("wb") as out:
            write_docker_archive(elsewhere, reference, AMD64, out)
    else:
        write_oci_layout(elsewhere, reference, path)

    base = fetch(store, f"{kind}:{path}")

    assert base.images[0].facts.python == "/usr/local/bin/python3.11"
    assert (base.name, base.reference) == ("", f"local@{base.digest}")  # no path: it must not change the image
    assert all(store.has(descriptor.digest) for descriptor in base.images[0].layers)


def test_a_file_is_read_again_when_it_changes(tmp_path: Path, store: ImageStore) -> None:
    elsewhere = ImageStore(tmp_path / "elsewhere")
    path = tmp_path / "base"
    write_oci_layout(elsewhere, put_base(elsewhere, "base"), path)
    first = fetch(store, f"oci:{path}")
    newer = put_base(elsewhere, "base", layers={"linux/amd64": [layer(python_files("3.12"))]})
    write_oci_layout(elsewhere, newer, path)

    assert fetch(store, f"oci:{path}").images[0].facts.version == "3.12" != first.images[0].facts.version


@pytest.mark.parametrize(
    ("reference", "said"),
    [
        pytest.param("faas.local/nothing", "no image of this store has that name", id="no such image"),
        pytest.param("oci:/does/not/exist", "base /does/not/exist cannot be read", id="no such folder"),
        pytest.param("docker-archive:/does/not/exist.tar", "cannot be read: No such file", id="no such file"),
        pytest.param("Python:3.12", "Python", id="no reference"),
        pytest.param("https://example.com/python", "https", id="an address"),
    ],
)
def test_what_is_no_base_is_refused(store: ImageStore, reference: str, said: str) -> None:
    with pytest.raises(BuilderError, match=said) as error:
        fetch(store, reference)

    assert error.value.hint


def test_an_archive_that_is_none_leaves_nothing_behind(tmp_path: Path, store: ImageStore) -> None:
    broken = tmp_path / "base.tar"
    broken.write_bytes(b"this is no archive")

    for _ in range(2):
        with pytest.raises(BuilderError):
            fetch(store, f"docker-archive:{broken}")
    assert not [path for path in (tmp_path / "cache/faas/imported").iterdir() if path.is_dir()]


def test_a_host_image_is_no_base(store: ImageStore) -> None:
    put_base(store, "mine", layers={"linux/amd64": [layer({"app/main.py": b""})]})

    with pytest.raises(BaseImageError, match=r"base faas\.local/mine:?\w* has no Python") as error:
        fetch(store, "faas.local/mine")

    assert "python:3.12-slim" in error.value.hint


def test_offline_a_base_that_was_never_fetched_is_not_here(store: ImageStore) -> None:
    cache = BaseCache()
    source = open_source("python:3.12-slim", store, cache, offline=True, log=lambda line: None)

    with pytest.raises(NotHere, match=r"docker\.io/library/python:3\.12-slim is not on this machine yet"):
        fetch_base(source, [AMD64], store, cache)


@pytest.mark.parametrize(
    ("name", "named"),
    [
        ("docker.io/library/python:3.12-slim", "docker.io/library/python@sha256:1"),
        ("", "local@sha256:1"),
    ],
)
def test_a_base_is_named_by_digest_or_as_local(name: str, named: str) -> None:
    assert Base(name, "sha256:1", ()).reference == named


def test_a_tag_is_fresh_for_a_day() -> None:
    cache = BaseCache()
    cache.remember_tag("docker.io/library/python:3.12-slim", "sha256:" + "1" * 64, now_s=1000.0)
    tag = cache.tag("docker.io/library/python:3.12-slim")

    assert tag is not None
    assert (tag.is_fresh(1000.0 + 86_399), tag.is_fresh(1000.0 + 86_400), tag.is_fresh(999.0)) == (True, False, False)


def test_the_least_recently_used_blobs_go_beyond_the_limit() -> None:
    cache = BaseCache()
    old, used, new = (cache.layout.put_blob(bytes([number]) * 100) for number in range(3))
    for age, digest in enumerate((new, used, old)):
        os.utime(cache.layout.blob(digest), (10_000 - age, 10_000 - age))
    cache.layout.has(used)

    assert cache.trim(limit_bytes=250) == 100
    assert [cache.layout.blob(digest).exists() for digest in (old, used, new)] == [False, True, True]
    assert cache.trim(limit_bytes=100) == 100
    assert cache.layout.blob(used).exists()
    assert LIMIT_BYTES == 10 * 2**30
