"""Pushing to a real docker-registry."""

from __future__ import annotations

from pathlib import Path

import pytest
from faas_builders.errors import ImageNameError
from faas_builders.oci.store import ImageStore
from faas_builders.registry.client import Registry
from faas_builders.registry.names import ImageName
from faas_builders.registry.pull import fetch_manifest, pull_blobs
from faas_builders.registry.push import push

from tests.containers_world import RunningRegistry, registry
from tests.integration.builders.registry.listing import list_referrers
from tests.integration.builders.registry.stores import (
    SBOM,
    put_image,
    put_random_layer,
    store_with_image,
    store_with_index,
)

__all__ = ["registry"]


def named(registry: RunningRegistry, rest: str) -> ImageName:
    return ImageName.parse(f"{registry.host}/{rest}")


def test_what_was_pushed_is_pulled_as_it_was(registry: RunningRegistry, tmp_path: Path) -> None:
    store, reference = store_with_image(tmp_path)
    name = named(registry, "as-it-was/shop:1.0")
    digest = push(store, reference, name)
    assert reference == f"faas.local/shop@{digest}"
    assert registry.tags("as-it-was/shop") == ["1.0"]
    with Registry(name.registry) as client:
        document = fetch_manifest(client, name, tmp_path / "cache")
        assert document.data == store.blob(digest).read_bytes()
        image = store.manifest(digest)
        paths = pull_blobs(client, name.repository, [image.config, *image.layers], tmp_path / "cache")
    assert {digest: path.read_bytes() for digest, path in paths.items()} == {
        digest: store.blob(digest).read_bytes() for digest in paths
    }


def test_an_index_is_pushed_with_all_its_images_and_what_refers_to_them(
    registry: RunningRegistry, tmp_path: Path
) -> None:
    store, reference = store_with_index(tmp_path)
    digest = push(store, reference, named(registry, "indexed/shop:1.0"))
    index = registry.manifest("indexed/shop", "1.0")
    assert [entry["platform"]["architecture"] for entry in index["manifests"]] == ["amd64", "arm64"]
    for subject in (digest, *(entry["digest"] for entry in index["manifests"])):
        (sbom,) = list_referrers(registry.host, "indexed/shop", subject)
        assert (sbom.artifact_type, sbom.digest) == (SBOM, store.referrers(subject)[0].digest)
        assert registry.manifest("indexed/shop", sbom.digest)["subject"]["digest"] == subject


def test_a_second_push_adds_to_what_refers_to_the_image_already(registry: RunningRegistry, tmp_path: Path) -> None:
    store, reference = store_with_image(tmp_path)
    image = store.descriptor(reference)
    store.put_referrer(image, SBOM, b"{}")
    name = named(registry, "attested/shop:1.0")
    push(store, reference, name)
    other = ImageStore(tmp_path / "other")
    for blob in store.blobs.iterdir():
        other.adopt_layer(blob, f"sha256:{blob.name}")
    other.put_referrer(image, "application/vnd.in-toto+json", b"{}")
    push(other, reference, name)
    listed = list_referrers(registry.host, "attested/shop", image.digest)
    assert sorted(entry.artifact_type for entry in listed) == sorted([SBOM, "application/vnd.in-toto+json"])


def test_layers_of_the_base_are_taken_over_from_its_repository(registry: RunningRegistry, tmp_path: Path) -> None:
    base, of_base = store_with_image(tmp_path / "base", b"a base" * 1000)
    push(base, of_base, named(registry, "bases/python:3.12"))
    labels = {"faas.dev/base": f"{registry.host}/bases/python@{base.descriptor(of_base).digest}"}
    store, reference = store_with_image(tmp_path / "app", b"a base" * 1000, b"an app" * 1000, labels=labels)
    lines: list[str] = []
    push(store, reference, named(registry, "mounting/shop:1"), report=lambda step, line: lines.append(line))
    assert sum("taken over from its base" in line for line in lines) == 1
    assert sum(line.endswith("sent") for line in lines) == 2  # the app and the config


def test_what_is_there_is_not_sent_again(registry: RunningRegistry, tmp_path: Path) -> None:
    store, reference = store_with_image(tmp_path)
    lines: list[str] = []
    seen: list[tuple[int, int]] = []
    for _ in range(2):
        lines.clear()
        name = named(registry, "twice/shop:1")
        push(store, reference, name, report=lambda step, line: lines.append(line), progress=lambda *at: seen.append(at))
    assert sum("already there" in line for line in lines) == 3
    assert (
        seen[-1][0]
        == seen[-1][1]
        == sum(blob.stat().st_size for blob in store.blobs.iterdir())
        - len(store.blob(store.descriptor(reference).digest).read_bytes())
    )


def test_without_a_tag_it_is_there_by_digest(registry: RunningRegistry, tmp_path: Path) -> None:
    store, reference = store_with_image(tmp_path)
    digest = store.descriptor(reference).digest
    assert push(store, reference, named(registry, f"untagged/shop@{digest}")) == digest
    assert registry.tags("untagged/shop") == []
    with pytest.raises(ImageNameError, match="has the digest"):
        push(store, reference, named(registry, f"untagged/shop@sha256:{'0' * 64}"))


def test_a_large_layer_goes_and_comes_in_parts(registry: RunningRegistry, tmp_path: Path) -> None:
    store = ImageStore(tmp_path)
    layer = put_random_layer(store, 40 << 20)
    image = put_image(store, (layer,))
    push(store, f"faas.local/large@{image.digest}", named(registry, "large/shop:1"))
    with Registry(registry.host) as client:
        (pulled,) = pull_blobs(client, "large/shop", [layer], tmp_path / "cache").values()
    assert pulled.stat().st_size == 40 << 20
