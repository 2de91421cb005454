"""How images of the store look, as rows and as data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from faas_builders.oci import model
from faas_builders.oci.processes import has_host_base
from faas_builders.oci.store import Listed, StoredImage

from faas.cli.texts import size_text

_DIGEST_SHOWN = len("sha256:") + 12  # enough to name it, as everywhere


def image_row(listed: Listed, images: Sequence[StoredImage]) -> list[str]:
    name = f"{listed.reference.registry}/{listed.reference.name}"
    return [
        f"{name}:{listed.reference.tag}" if listed.reference.tag else f"{name} (no tag)",
        listed.descriptor.digest[:_DIGEST_SHOWN],
        ", ".join(str(image.platform) for image in images),
        runs_as(images),
        ", ".join(size_text(image.size_bytes) for image in images),
    ]


def image_document(listed: Listed, images: Sequence[StoredImage]) -> dict[str, Any]:
    return {
        "reference": str(listed.reference.with_digest(listed.descriptor.digest)),
        "tag": listed.reference.tag,
        "digest": listed.descriptor.digest,
        "runsAs": runs_as(images),
        "images": [
            {"platform": str(each.platform), "digest": each.digest, "sizeBytes": each.size_bytes} for each in images
        ],
    }


def inspected(reference: str, digest: str, images: Sequence[StoredImage], attached: Sequence[str]) -> dict[str, Any]:
    import msgspec

    return {
        "reference": reference,
        "digest": digest,
        "runsAs": runs_as(images),
        "attached": list(attached),
        "images": [
            {
                "platform": str(each.platform),
                "digest": each.digest,
                "sizeBytes": each.size_bytes,
                "config": msgspec.to_builtins(each.config.config),
                "layers": [
                    {"digest": layer.digest, "sizeBytes": layer.size, "mediaType": layer.media_type}
                    for layer in each.manifest.layers
                ],
            }
            for each in images
        ],
    }


def runs_as(images: Sequence[StoredImage]) -> str:
    """What the engine makes of it."""
    return "process" if images and all(map(has_host_base, images)) else "container"


def facts_of(image: StoredImage) -> list[tuple[str, str]]:
    config = image.config.config
    facts = [
        ("Digest", image.digest),
        ("Size", size_text(image.size_bytes)),
        ("Base", config.labels.get(model.BASE, "")),
        ("Entrypoint", " ".join(config.entrypoint)),
        ("Command", " ".join(config.cmd)),
        ("Directory", config.working_dir),
        ("User", config.user),
        ("Ports", ", ".join(config.exposed_ports)),
        ("Environment", ", ".join(config.env)),
    ]
    return [(title, value) for title, value in facts if value]


def layers_of(image: StoredImage) -> list[str]:
    """A line a layer, bottom first: digest, size, what made it."""
    made = [entry.created_by for entry in image.config.history if not entry.empty_layer]
    told = made if len(made) == len(image.manifest.layers) else [""] * len(image.manifest.layers)
    return [
        f"{layer.digest[:_DIGEST_SHOWN]}  {size_text(layer.size):>10}  {text[:80]}".rstrip()
        for layer, text in zip(image.manifest.layers, told, strict=True)
    ]
