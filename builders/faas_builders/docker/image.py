"""From a Docker engine's image store into ours."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from faas_builders.builder import BuiltImage, BuiltLayer
from faas_builders.errors import StepFailed
from faas_builders.oci.importing import import_archive
from faas_builders.oci.model import Config
from faas_builders.oci.store import ImageStore
from faas_builders.target import Platform

if TYPE_CHECKING:
    from docker import DockerClient
    from docker.models.images import Image


def import_image(
    client: DockerClient, image_id: str, store: ImageStore, name: str, tag: str, base_layers: Sequence[str] = ()
) -> BuiltImage:
    """Take in what the engine has built, layers and config as they are.

    Args: base_layers: diff ids of the base, which are the same layers at the bottom of the image.
    Raises: StepFailed: the engine cannot give it out; BuilderError: what it gives cannot be used.
    """
    from docker.errors import APIError, ImageNotFound

    store.root.mkdir(parents=True, exist_ok=True)
    try:
        image = client.images.get(image_id)
        was_there = store.layers_by_diff_id().keys()
        with tempfile.NamedTemporaryFile(prefix=".save-", suffix=".tar", dir=store.root) as file:
            for chunk in image.save(named=f"faas.local/{name}:{tag}"):
                file.write(chunk)
            file.flush()
            stored = import_archive(store, Path(file.name), name, tag)
    except (APIError, ImageNotFound) as error:
        raise StepFailed("docker save", error.explanation or str(error)) from error
    made = store.platform_image(str(stored))
    names = layer_names(made.config, base_layers)
    layers = tuple(
        BuiltLayer(layer_name, layer.digest, layer.size, diff_id in was_there)
        for layer_name, layer, diff_id in zip(names, made.manifest.layers, made.config.rootfs.diff_ids, strict=True)
    )
    return BuiltImage(made.platform, stored.digest, layers)


def diff_ids(image: Image) -> list[str]:
    return list(image.attrs["RootFS"].get("Layers") or ())


def platform_of(image: Image) -> Platform:
    attributes = image.attrs
    parts = (attributes["Os"], attributes["Architecture"], attributes.get("Variant", ""))
    return Platform.parse("/".join(part for part in parts if part))


def layer_names(config: Config, base_layers: Sequence[str]) -> list[str]:
    """What each layer is, bottom first: `base`, what our own Dockerfile copies, else the instruction that made it."""
    made = [entry.created_by for entry in config.history if not entry.empty_layer]
    count = len(config.rootfs.diff_ids)
    made = [*made, *["layer"] * count][:count]  # histories may be shorter than images
    below = tuple(base_layers)
    base = len(below) if below and config.rootfs.diff_ids[: len(below)] == below else 0
    return ["base"] * base + [_name_of(instruction) for instruction in made[base:]]


def _name_of(instruction: str) -> str:
    """`COPY /x /app # buildkit` and `/bin/sh -c #(nop) COPY dir:HASH in /app ` are the two ways to say so."""
    plain = instruction.removeprefix("/bin/sh -c ").removeprefix("#(nop) ").removesuffix(" # buildkit").strip()
    target = plain.rsplit(" ", 1)[-1].rstrip("/")
    if plain.startswith("COPY ") and target in _OURS:
        return _OURS[target]
    return plain[:60] or "layer"


_OURS = {"/opt/faas/deps": "deps", "/opt/faas/runtime": "runtime", "/app": "app"}
