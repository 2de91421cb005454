"""Image stores with something to push in them."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path

from faas_builders.oci import model
from faas_builders.oci.model import Config, ContainerConfig, Descriptor, RootFs
from faas_builders.oci.references import Reference
from faas_builders.oci.store import ImageStore

SBOM = "application/vnd.cyclonedx+json"


def put_layer(store: ImageStore, content: bytes) -> Descriptor:
    """Bytes as a layer: registries do not look inside."""
    return Descriptor(media_type=model.LAYER_TAR, digest=store.put_blob(content), size=len(content))


def put_random_layer(store: ImageStore, size: int) -> Descriptor:
    """A layer of any size, a megabyte at a time."""
    hashed = hashlib.sha256()
    store.blobs.mkdir(parents=True, exist_ok=True)
    part = store.blobs / ".part-random"
    with open(part, "wb") as file:
        for start in range(0, size, 1 << 20):
            chunk = os.urandom(min(1 << 20, size - start))
            hashed.update(chunk)
            file.write(chunk)
    digest = "sha256:" + hashed.hexdigest()
    part.rename(store.blob(digest))
    return Descriptor(media_type=model.LAYER_TAR, digest=digest, size=size)


def put_image(
    store: ImageStore, layers: tuple[Descriptor, ...], *, architecture: str = "amd64", labels: Mapping[str, str] = {}
) -> Descriptor:
    config = Config(
        architecture=architecture,
        os="linux",
        config=ContainerConfig(labels=dict(labels)),
        rootfs=RootFs(diff_ids=tuple(layer.digest for layer in layers)),
    )
    return store.put_manifest(config, layers)


def store_with_image(folder: Path, *contents: bytes, labels: Mapping[str, str] = {}) -> tuple[ImageStore, str]:
    """A store and the reference, by digest, of the image in it."""
    store = ImageStore(folder / "images")
    layers = tuple(put_layer(store, content) for content in contents or (b"base" * 1000, b"app" * 1000))
    named = Reference("faas.local", "shop", tag="latest")
    return store, str(store.tag(named, put_image(store, layers, labels=labels)))


def store_with_index(folder: Path) -> tuple[ImageStore, str]:
    """Two platforms, and an SBOM for each and for both."""
    store = ImageStore(folder / "images")
    shared = put_layer(store, b"shared" * 1000)
    images = tuple(
        put_image(store, (shared, put_layer(store, architecture.encode() * 1000)), architecture=architecture)
        for architecture in ("amd64", "arm64")
    )
    reference = str(store.put_index(Reference("faas.local", "shop", tag="latest"), images))
    for subject in (*images, store.descriptor(reference)):
        store.put_referrer(subject, SBOM, b'{"of": "' + subject.digest.encode() + b'"}')
    return store, reference
