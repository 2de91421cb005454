"""The base of an image: found by its name, one image a platform, its blobs where ours can stand on them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import msgspec

from faas_builders.errors import BaseImageError, InvalidImage
from faas_builders.oci import model
from faas_builders.oci.bases.cache import BaseCache
from faas_builders.oci.bases.inspecting import BaseFacts, inspect_layers
from faas_builders.oci.layout import Layout
from faas_builders.oci.model import Config, Descriptor, Index, Manifest
from faas_builders.oci.references import by_digest
from faas_builders.oci.store import ImageStore
from faas_builders.target import Platform, Target


class Source(Protocol):
    """Where a base comes from: a registry, the store, an archive."""

    @property
    def name(self) -> str:
        """What others call the base too, docker.io/library/python:3.12-slim; "" for a file of this machine."""
        ...

    @property
    def layout(self) -> Layout:
        """Where its blobs are, once they were fetched."""
        ...

    def digest(self) -> str:
        """Of the manifest or index that the name means now. Raises: BuilderError."""
        ...

    def fetch_document(self, digest: str) -> None:
        """Have a manifest or an index in the layout. Raises: BuilderError."""
        ...

    def fetch_blobs(self, blobs: Sequence[Descriptor]) -> None:
        """Have these in the layout. Raises: BuilderError."""
        ...

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class BaseImage:
    """The base for one platform; its layers are in the store."""

    platform: Platform
    digest: str
    manifest: Manifest
    config: Config
    facts: BaseFacts
    fetched: frozenset[str] = field(default=frozenset(), compare=False)  # digests of layers that were not there before

    @property
    def target(self) -> Target:
        facts = self.facts
        return Target(self.platform, facts.version, facts.libc, facts.libc_version, facts.python)

    @property
    def layers(self) -> tuple[Descriptor, ...]:
        """As ours: OCI's media types, and nothing that was said of them elsewhere."""
        return tuple(
            Descriptor(media_type=model.oci_type(layer.media_type), digest=layer.digest, size=layer.size)
            for layer in self.manifest.layers
        )


@dataclass(frozen=True, slots=True)
class Base:
    name: str  # as `Source.name`
    digest: str
    images: tuple[BaseImage, ...]  # in the order in which the platforms were asked for

    @property
    def reference(self) -> str:
        """By digest: docker.io/library/python@sha256:HEX, local@sha256:HEX for a file of this machine."""
        return by_digest(self.written, self.digest)

    @property
    def written(self) -> str:
        """How it was named, or what stands for it."""
        return self.name or UNNAMED


UNNAMED = "local"
"""What stands for the name of a base that is a file of this machine: where it lies must not change the image."""


def fetch_base(
    source: Source, platforms: Sequence[Platform], store: ImageStore, cache: BaseCache, *, python: str = ""
) -> Base:
    """Have the base in the store, as far as it is not there yet, and look at it once.

    Args: python: the minor that is wanted of it, "" for any that will do.
    Raises: BuilderError: it cannot be had, is no image, or functions cannot run on it.
    """
    digest = source.digest()
    named = source.name or digest
    try:
        top = _document(source, digest)
        images = tuple(
            _fetch_image(source, named, digest, top, platform, store, cache, python)
            for platform in dict.fromkeys(platforms)
        )
    except InvalidImage as error:
        raise BaseImageError(f"base {named} is no image that can be used: {error}", error.hint) from error
    return Base(source.name, digest, images)


def _fetch_image(
    source: Source,
    named: str,
    digest: str,
    top: Manifest | Index,
    platform: Platform,
    store: ImageStore,
    cache: BaseCache,
    python: str,
) -> BaseImage:
    if isinstance(top, Index):
        digest = _entry_for(top, platform, named).digest
    manifest = _document(source, digest) if isinstance(top, Index) else top
    if not isinstance(manifest, Manifest):
        raise InvalidImage("its index names another index where an image should be")
    if foreign := [layer for layer in manifest.layers if model.is_foreign(layer)]:
        raise InvalidImage(f"{len(foreign)} of its layers may not be taken from their maker (an image of Windows?)")
    if not source.layout.has(manifest.config.digest):
        source.fetch_blobs([manifest.config])
    config = source.layout.config(manifest)
    if (config.os, config.architecture) != (platform.os, platform.architecture):
        raise _not_for(platform, named, [config.platform])
    missing = [layer for layer in manifest.layers if not store.has(layer.digest)]
    absent = [layer for layer in missing if not source.layout.has(layer.digest)]
    source.fetch_blobs(absent)
    for layer in missing:
        store.adopt_layer(source.layout.blob(layer.digest), layer.digest)
    facts = cache.facts(digest, python)
    if facts is None:
        paths: list[Path] = [store.blob(layer.digest) for layer in manifest.layers]
        diff_ids = config.rootfs.diff_ids
        facts = inspect_layers(paths, config.config.env, platform, named, python, diff_ids=diff_ids)
        cache.remember_facts(digest, python, facts)
    config = msgspec.structs.replace(config, variant=platform.variant or config.variant)
    return BaseImage(platform, digest, manifest, config, facts, frozenset(layer.digest for layer in absent))


def _document(source: Source, digest: str) -> Manifest | Index:
    if not source.layout.has(digest):
        source.fetch_document(digest)
    return source.layout.document(digest)


def _entry_for(index: Index, platform: Platform, named: str) -> Descriptor:
    """The entry to take for the platform; what is for an "unknown" one is an attestation."""
    images = [
        (entry.platform.platform, entry)
        for entry in index.manifests
        if entry.platform is not None and entry.platform.os != "unknown"
    ]
    there = [other for other, _ in images]
    picked = platform.pick(there)
    if picked is None:
        raise _not_for(platform, named, there)
    return next(entry for other, entry in images if other == picked)


def _not_for(platform: Platform, named: str, there: Sequence[Platform]) -> BaseImageError:
    listed = ", ".join(str(other) for other in dict.fromkeys(there)) or "nothing that says its platform"
    return BaseImageError(
        f"base {named} is not there for {platform} (it is for {listed})",
        "Leave that platform out, or name another base with --base",
    )
