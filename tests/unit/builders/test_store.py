"""The image store: references, bundles, several writers, pruning."""

from __future__ import annotations

import sys
import threading
from pathlib import Path

import pytest
from faas_builders.builder import BuildRequest, BuildResult
from faas_builders.bundle import Bundle
from faas_builders.errors import ImageMissing
from faas_builders.oci import references
from faas_builders.oci.host import HostBuilder
from faas_builders.oci.prune import prune
from faas_builders.oci.references import Reference
from faas_builders.oci.store import ImageStore
from hypothesis import given
from hypothesis import strategies as st

PYTHON = Path(sys.executable)
HEX = "ab" * 32


def build(store: ImageStore, project: Path, name: str = "shop", tag: str = "latest") -> BuildResult:
    return HostBuilder(store).build(BuildRequest(project, name, PYTHON, tag))


@pytest.fixture
def store(tmp_path: Path) -> ImageStore:
    return ImageStore(tmp_path / "images")


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("faas.local/shop:v1", Reference("faas.local", "shop", "v1")),
        ("faas.local/shop", Reference("faas.local", "shop")),
        (f"faas.local/shop@sha256:{HEX}", Reference("faas.local", "shop", digest=f"sha256:{HEX}")),
        (f"dev.local/my-shop@sha256:{HEX}", Reference("dev.local", "my-shop", digest=f"sha256:{HEX}")),
        ("docker.io/library/python:3.11", None),
        ("faas.local/../x", None),
        ("faas.local/shop@sha256:abc", None),
    ],
)
def test_references(text: str, parts: Reference | None) -> None:
    assert references.parse(text) == parts


@given(st.from_regex(r"[a-z0-9]{1,20}", fullmatch=True), st.from_regex(r"[A-Za-z0-9_]{1,20}", fullmatch=True))
def test_a_reference_reads_back_as_it_was_written(name: str, tag: str) -> None:
    reference = Reference("faas.local", name, tag)

    assert references.parse(str(reference)) == reference


@pytest.mark.usefixtures("cache")
def test_an_image_resolves_by_tag_and_by_digest_to_the_same_program(store: ImageStore, project: Path) -> None:
    result = build(store, project, tag="v1")

    by_digest, by_tag = store.resolve(result.reference), store.resolve("faas.local/shop:v1")

    assert by_digest == by_tag
    assert by_digest.digest == result.digest
    assert (by_digest.workdir / "main.py").read_text() == (project / "main.py").read_text()
    assert all(path.is_dir() for path in by_digest.sys_path)


@pytest.mark.parametrize(
    ("reference", "reason"),
    [
        (f"faas.local/shop@sha256:{HEX}", "not in this image store"),
        ("faas.local/shop:v9", "no image of this store has that name and tag"),
        ("docker.io/library/python:3.11", "process instances run images of this machine"),
        (f"dev.local/shop@sha256:{HEX}", "no running `faas run` has made it"),
    ],
    ids=["digest", "tag", "foreign", "dev"],
)
def test_what_is_not_there_is_missing_with_a_reason(store: ImageStore, reference: str, reason: str) -> None:
    with pytest.raises(ImageMissing) as error:
        store.resolve(reference)

    assert (error.value.reference, reason in error.value.reason) == (reference, True)


@pytest.mark.usefixtures("cache")
def test_a_damaged_layer_makes_the_image_missing(store: ImageStore, project: Path) -> None:
    result = build(store, project)
    store.blob(result.layers[-1].digest).unlink()

    with pytest.raises(ImageMissing, match="not in this image store"):
        store.resolve(result.reference)


def test_a_dev_bundle_reads_back(store: ImageStore) -> None:
    bundle = Bundle(
        reference=f"dev.local/shop@sha256:{HEX}",
        digest=f"sha256:{HEX}",
        python=PYTHON,
        sys_path=(Path("/a"), Path("/b")),
        workdir=Path("/a"),
        env=(("A", "1"),),
    )
    store.put_dev(bundle)

    assert store.resolve(bundle.reference) == bundle


@pytest.mark.usefixtures("cache")
def test_builds_at_the_same_time_all_get_into_the_index(store: ImageStore, project: Path) -> None:
    build(store, project, "first")
    builds = [threading.Thread(target=build, args=(store, project, f"name{n}")) for n in range(8)]
    for thread in builds:
        thread.start()
    for thread in builds:
        thread.join()

    for n in range(8):
        assert store.resolve(f"faas.local/name{n}:latest")


@pytest.mark.usefixtures("cache")
def test_pruning_keeps_what_is_tagged_in_use_or_new_and_deletes_the_rest(store: ImageStore, project: Path) -> None:
    results = []
    for n in range(8):
        (project / "main.py").write_text(f"n = {n}\n")
        results.append(build(store, project))
        store.resolve(results[-1].reference)
    in_use, gone = results[0], results[1]

    pruned = prune(store, [in_use.reference], now_s=2e9 * 2)

    assert pruned.images == 1  # seven have lost the tag, five of those stay, one of the others is in use
    assert store.resolve(in_use.reference)
    assert store.resolve(results[-1].reference)
    with pytest.raises(ImageMissing):
        store.resolve(gone.reference)
    assert not store.blob(gone.layers[-1].digest).exists()


@pytest.mark.usefixtures("cache")
def test_pruning_leaves_alone_what_a_build_may_be_writing(store: ImageStore, project: Path) -> None:
    build(store, project)
    blob = store.blobs / HEX
    blob.write_bytes(b"a layer whose manifest is not there yet")

    prune(store, [])

    assert blob.exists()
