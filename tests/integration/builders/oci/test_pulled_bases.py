"""Bases of a registry: fetched once, by digest; their tags asked about once a day, and without a network not at all."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from faas_builders.errors import BaseImageError, NotInRegistry
from faas_builders.oci.bases.cache import FRESH_S, BaseCache
from faas_builders.oci.bases.fetching import Base, fetch_base
from faas_builders.oci.bases.sources import open_source
from faas_builders.oci.store import ImageStore
from faas_builders.target import Platform

from tests.containers_world import MadeImage, RunningRegistry, running_registry

HERE = Platform.of_this_machine()


@pytest.fixture
def cache(tmp_path: Path) -> BaseCache:
    return BaseCache(tmp_path / "cache")


@pytest.fixture
def store(tmp_path: Path) -> ImageStore:
    return ImageStore(tmp_path / "images")


def fetch(
    store: ImageStore, cache: BaseCache, reference: str, *, pull: bool = False, log: list[str] | None = None
) -> Base:
    source = open_source(reference, store, cache, pull=pull, log=(log if log is not None else []).append)
    try:
        return fetch_base(source, [HERE], store, cache)
    finally:
        source.close()


def test_a_base_is_pulled_by_digest_and_its_python_found(
    store: ImageStore, cache: BaseCache, registry: RunningRegistry, debian_base: MadeImage
) -> None:
    by_digest = debian_base.push(registry, "python", "3.11-slim")

    base = fetch(store, cache, f"{registry.host}/python:3.11-slim")

    assert base.reference == by_digest
    (image,) = base.images
    assert (image.facts.python, image.facts.minor, image.facts.libc) == ("/usr/bin/python3.11", "3.11", "glibc")
    assert image.facts.libc_version >= (2, 36)
    (layer,) = image.layers
    assert store.blob(layer.digest).read_bytes() == debian_base.layer.read_bytes()
    # One copy on the disk for the cache and all stores of this user.
    assert store.blob(layer.digest).samefile(cache.layout.blob(layer.digest))


def test_without_a_network_a_base_that_was_pulled_is_used_and_that_is_said(
    tmp_path: Path, store: ImageStore, cache: BaseCache, debian_base: MadeImage
) -> None:
    with running_registry(tmp_path / "registry") as registry:
        debian_base.push(registry, "python", "3.11")
        reference = f"{registry.host}/python:3.11"
        first = fetch(store, cache, reference)

    said: list[str] = []
    assert fetch(store, cache, reference, log=said) == first
    assert said == []  # it was asked about less than a day ago

    cache.remember_tag(reference, first.digest, now_s=time.time() - 3 * FRESH_S)
    assert fetch(ImageStore(tmp_path / "another"), cache, reference, log=said) == first
    assert said[-1].endswith(f"going on with {reference} as it was 3.0 days ago")

    with pytest.raises(BaseImageError, match=f"base {reference} cannot be fetched") as error:
        fetch(store, cache, reference, pull=True)  # somebody wants to know for sure
    assert "docker-archive:FILE" in error.value.hint


def test_a_tag_that_moves_is_followed_after_a_day_or_when_asked(
    store: ImageStore, cache: BaseCache, registry: RunningRegistry, debian_base: MadeImage
) -> None:
    reference = f"{registry.host}/moving:1"
    debian_base.push(registry, "moving", "1")
    first = fetch(store, cache, reference)
    debian_base.reconfigured(Env=["PATH=/usr/bin", "NEW=1"]).push(registry, "moving", "1")

    assert fetch(store, cache, reference) == first
    pulled = fetch(store, cache, reference, pull=True)
    assert pulled.digest != first.digest
    assert fetch(store, cache, reference) == pulled

    cache.remember_tag(reference, first.digest, now_s=time.time() - 2 * FRESH_S)
    assert fetch(store, cache, reference) == pulled


def test_a_base_by_digest_is_never_asked_about_again(
    tmp_path: Path, store: ImageStore, cache: BaseCache, debian_base: MadeImage
) -> None:
    with running_registry(tmp_path / "registry") as registry:
        reference = debian_base.push(registry, "python", "3.11")
        first = fetch(store, cache, reference)

    assert fetch(store, cache, reference, pull=True) == first


def test_a_base_that_is_not_there_is_named(store: ImageStore, cache: BaseCache, registry: RunningRegistry) -> None:
    with pytest.raises(NotInRegistry, match="nothing:1"):
        fetch(store, cache, f"{registry.host}/nothing:1")


def test_blobs_that_left_the_cache_are_fetched_again(
    tmp_path: Path, cache: BaseCache, registry: RunningRegistry, debian_base: MadeImage
) -> None:
    debian_base.push(registry, "python", "3.11-slim")
    reference = f"{registry.host}/python:3.11-slim"
    first = fetch(ImageStore(tmp_path / "one"), cache, reference)
    cache.trim(limit_bytes=0)

    assert fetch(ImageStore(tmp_path / "two"), cache, reference) == first
