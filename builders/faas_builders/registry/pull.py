"""Pull into a folder of blobs, FOLDER/sha256/HEX as in an OCI layout; it may have many users at once."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from faas_builders.disk import space_on, write_atomically
from faas_builders.errors import InvalidImage
from faas_builders.oci import model
from faas_builders.oci.model import Descriptor
from faas_builders.registry.client import Document, Registry
from faas_builders.registry.downloads import blob_path, pull_blob
from faas_builders.registry.names import ImageName
from faas_builders.registry.parallel import Progress, Tally, each, unseen


def fetch_manifest(registry: Registry, name: ImageName, folder: Path) -> Document:
    """A manifest or index, from `folder` when it is named by digest and there, else from the registry.

    Raises: NotInRegistry, DigestMismatch, NoSpace, RegistryError.
    """
    kept = _kept(folder, name.digest) if name.digest else None
    if kept is not None:
        return kept
    document = registry.manifest(name.repository, name.reference)
    with space_on(folder):
        write_atomically(blob_path(folder, document.digest), document.data)
    return document


def pull_blobs(
    registry: Registry, repository: str, blobs: Iterable[Descriptor], folder: Path, progress: Progress = unseen
) -> dict[str, Path]:
    """`pull_blob` for several at a time; returns them by digest. The first failure ends the others."""
    wanted = {blob.digest: blob for blob in blobs}
    tally = Tally(sum(blob.size for blob in wanted.values()), progress)

    def pull(blob: Descriptor) -> Path:
        return pull_blob(registry, repository, blob.digest, blob.size, folder, tally.reporter(blob.digest))

    return dict(zip(wanted, each(wanted.values(), pull, tally.stop), strict=True))


def _kept(folder: Path, digest: str) -> Document | None:
    try:
        data = blob_path(folder, digest).read_bytes()
        return Document(digest, data, model.decode(data)) if model.digest_of(data) == digest else None
    except (FileNotFoundError, InvalidImage):
        return None
