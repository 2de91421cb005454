"""Archives between our store and a real Docker engine, both ways."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from faas_builders.oci.archive import docker_archive, write_docker_archive, write_oci_layout
from faas_builders.oci.importing import import_archive
from faas_builders.oci.prune import prune
from faas_builders.oci.store import ImageStore

from tests.containers_world import MadeImage

NAME = "faas-archives-test"


@pytest.fixture
def store(tmp_path: Path) -> ImageStore:
    return ImageStore(tmp_path / "images")


@pytest.fixture
def tags(docker: Any) -> Iterator[list[str]]:
    """Tags that a test makes in the engine; they go with it."""
    made: list[str] = []
    yield made
    for tag in made:
        docker.images.remove(tag, force=True)


def taken(store: ImageStore, image: MadeImage, folder: Path) -> str:
    import_archive(store, image.layout(folder), NAME)
    return f"faas.local/{NAME}:latest"


def test_an_image_with_gzip_layers_loads_and_runs(
    docker: Any, busybox: MadeImage, store: ImageStore, tags: list[str], tmp_path: Path
) -> None:
    reference = taken(store, busybox, tmp_path / "layout")
    tags.append(reference)
    with open(tmp_path / "image.tar", "wb") as out:
        write_docker_archive(store, reference, None, out)

    with open(tmp_path / "image.tar", "rb") as archive:
        (image,) = docker.images.load(archive)

    assert image.id == store.platform_image(reference).manifest.config.digest
    assert reference in image.tags  # other tests may know the same image by other names
    assert docker.containers.run(image.id, ["echo", "hello"], remove=True) == b"hello\n"


def test_an_image_streams_into_the_engine_under_any_names_or_none(
    docker: Any, busybox: MadeImage, store: ImageStore, tags: list[str], tmp_path: Path
) -> None:
    unlike = busybox.reconfigured(Labels={"only": "this test's"})  # so that removing it removes nobody else's
    reference = taken(store, unlike, tmp_path / "layout")
    names = [f"{NAME}:one", f"{NAME}:two"]

    docker.images.load(docker_archive(store, reference, tags=names))
    tags += names
    (again,) = docker.images.load(docker_archive(store, reference, tags=()))

    assert sorted(again.tags) == names


def test_what_the_engine_has_built_comes_into_the_store_and_back_as_the_same_image(
    docker: Any, busybox: MadeImage, store: ImageStore, tags: list[str], tmp_path: Path
) -> None:
    base = f"{NAME}:base"
    busybox.load(docker, base)
    tags.append(base)
    dockerfile = f'FROM {base}\nRUN echo one > /one && ln -s one /two\nENV A=1\nRUN true\nCMD ["cat", "/two"]\n'
    built, _ = docker.images.build(fileobj=io.BytesIO(dockerfile.encode()), rm=True, forcerm=True)
    built.tag(NAME, "built")
    built.reload()
    (tmp_path / "saved.tar").write_bytes(b"".join(built.save(named=f"{NAME}:built")))
    docker.images.remove(f"{NAME}:built", force=True)

    stored = import_archive(store, tmp_path / "saved.tar", NAME, "built")
    prune(store, [], now_s=4e9)
    docker.images.load(docker_archive(store, f"faas.local/{NAME}:built"))
    tags.append(f"faas.local/{NAME}:built")

    image = store.platform_image(str(stored))
    assert image.manifest.config.digest == built.id
    assert "A=1" in image.config.config.env
    assert docker.containers.run(built.id, remove=True) == b"one\n"


def test_the_engine_writes_a_base_that_the_store_has_and_the_store_keeps_its_own(
    docker: Any, busybox: MadeImage, store: ImageStore, tags: list[str], tmp_path: Path
) -> None:
    reference = taken(store, busybox, tmp_path / "layout")
    base = store.platform_image(reference).manifest.layers
    docker.images.load(docker_archive(store, reference, tags=[f"{NAME}:base"]))
    tags.append(f"{NAME}:base")
    (tmp_path / "saved.tar").write_bytes(b"".join(docker.images.get(f"{NAME}:base").save(named=True)))

    import_archive(store, tmp_path / "saved.tar", NAME, "back")

    assert store.platform_image(f"faas.local/{NAME}:back").manifest.layers == base


def test_a_layout_that_is_written_is_one_for_whoever_reads_it(
    busybox: MadeImage, store: ImageStore, tmp_path: Path
) -> None:
    reference = taken(store, busybox, tmp_path / "layout")
    before = store.descriptor(reference)

    for path in (tmp_path / "again", tmp_path / "again.tar"):
        write_oci_layout(store, reference, path)
        other = ImageStore(tmp_path / f"store-of-{path.name}")
        assert import_archive(other, path, "back").digest == before.digest
        assert other.blob(before.digest).read_bytes() == busybox.manifest
