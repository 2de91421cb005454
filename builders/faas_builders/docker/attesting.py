"""SBOM and provenance of an image whose Dockerfile was made here: of others nobody knows what is in them."""

from __future__ import annotations

import tarfile
import tempfile
from pathlib import Path, PurePosixPath

from faas_builders.builder import BuildRequest, BuiltImage
from faas_builders.deps.runtime import runtime_layer
from faas_builders.docker.generated import Generated
from faas_builders.oci import references
from faas_builders.oci.attestations.attesting import attest
from faas_builders.oci.attestations.ingredients import Ingredients
from faas_builders.oci.attestations.version_control import REVISION, SOURCE, describe_sources
from faas_builders.oci.image_layers import DEPS, source_epoch
from faas_builders.oci.store import ImageStore


def attest_generated(store: ImageStore, image: BuiltImage, made: Generated, request: BuildRequest) -> None:
    """Attach both; what pip has installed inside of the build is read from the layer that it made."""
    said = describe_sources(request.project)
    descriptor = store.descriptor(f"{references.HOST}/{request.name}@{image.digest}")
    with tempfile.TemporaryDirectory(prefix="faas-attest-") as folder:
        deps = Path(folder)
        for layer in image.layers:
            if layer.name == "deps":
                _extract_metadata(store.blob(layer.digest), deps)
        made_of = Ingredients(
            name=request.name,
            platform=image.platform,
            python=made.python.version,
            base=made.base if "@" in made.base else "",  # only of this engine: it has no address
            project=request.project,
            deps=deps,
            runtime=runtime_layer(made.target),
            pins=made.pins,
            epoch=source_epoch(),
            commit=said.get(REVISION, ""),
            repository=said.get(SOURCE, ""),
            parameters={"groups": list(request.groups), "extras": list(request.extras)},
        )
        attest(store, descriptor, made_of, builder="docker")


def _extract_metadata(layer: Path, folder: Path) -> None:
    """The METADATA of each distribution, and nothing else of the layer."""
    with tarfile.open(layer, "r:*") as tar:
        for member in tar:
            path = PurePosixPath(member.name)
            if not (member.isfile() and path.name == "METADATA" and path.parent.suffix == ".dist-info"):
                continue
            content = tar.extractfile(member)
            if content is not None and str(path.parent.parent).lstrip("/") == DEPS:
                target = folder / path.parent.name / path.name
                target.parent.mkdir(exist_ok=True)
                target.write_bytes(content.read())
