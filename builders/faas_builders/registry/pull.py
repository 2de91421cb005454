"""Pull images into a folder of blobs, FOLDER/sha256/HEX as in an OCI layout; it may have many users at once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import msgspec

from faas_builders.cache import write_atomically
from faas_builders.errors import NotInRegistry, RegistryError
from faas_builders.registry.client import Registry, digest_of
from faas_builders.registry.downloads import blob_path, pull_blob, storing
from faas_builders.registry.manifests import Document, Entry, UnusableManifest, choose, parse_document, platforms_of
from faas_builders.registry.names import ImageName
from faas_builders.registry.parallel import Progress, Tally, each
from faas_builders.target import Platform


@dataclass(frozen=True, slots=True)
class Pulled:
    """An image of one platform; all that it names lies in the folder it was pulled to."""

    name: ImageName  # by digest, of the index where there is one: this pulls the same again
    manifest: Document
    config: bytes
    layers: tuple[Path, ...]  # bottom first


class _Config(msgspec.Struct, frozen=True):
    os: str = ""
    architecture: str = ""


def nothing(done: int, total: int) -> None:
    """The progress of who does not want one."""


def pull_image(
    registry: Registry, name: ImageName, platform: Platform, folder: Path, progress: Progress = nothing
) -> Pulled:
    """Bring what `folder` lacks of an image; a name by digest of which all is there asks the registry nothing.

    Raises: NotInRegistry, also when there is no image for `platform`; DigestMismatch; StorageError; RegistryError.
    """
    found = fetch_manifest(registry, name, folder)
    manifest = found
    if found.is_index:
        entry = choose(found.manifests, platform)
        if entry is None:
            offered = ", ".join(str(one) for one in platforms_of(found.manifests)) or "nothing that runs"
            raise NotInRegistry(registry.name, f"has no {name.repository}:{name.reference} for {platform}: {offered}")
        manifest = fetch_manifest(registry, name.with_digest(entry.digest), folder)
    if manifest.config is None:
        raise RegistryError(registry.name, f"has an index of indexes under {name}, which is no image")
    paths = pull_blobs(registry, name.repository, manifest.blobs, folder, progress)
    config = paths[manifest.config.digest].read_bytes()
    _check_platform(registry, name, config, platform)
    layers = tuple(paths[layer.digest] for layer in manifest.layers)
    return Pulled(name.with_digest(found.digest), manifest, config, layers)


def fetch_manifest(registry: Registry, name: ImageName, folder: Path) -> Document:
    """A manifest or index, from `folder` when it is known by digest and there, else from the registry."""
    if name.digest:
        kept = _kept(blob_path(folder, name.digest), name.digest)
        if kept is not None:
            return kept
    document = registry.manifest(name.repository, name.reference)
    path = blob_path(folder, document.digest)
    with storing(path):
        write_atomically(path, document.data)
    return document


def pull_blobs(
    registry: Registry, repository: str, entries: Iterable[Entry], folder: Path, progress: Progress = nothing
) -> dict[str, Path]:
    """`pull_blob` for several at a time, by digest. The first failure ends the others."""
    wanted = {entry.digest: entry for entry in entries}
    tally = Tally(sum(entry.size for entry in wanted.values()), progress)

    def pull(entry: Entry) -> Path:
        report = tally.reporter(entry.digest)
        return pull_blob(registry, repository, entry.digest, entry.size, folder, report)

    return dict(zip(wanted, each(wanted.values(), pull, tally.stop), strict=True))


def _kept(path: Path, digest: str) -> Document | None:
    try:
        data = path.read_bytes()
        if digest_of(data, digest.partition(":")[0]) == digest:
            return parse_document(data, digest=digest)
    except (FileNotFoundError, UnusableManifest):
        pass
    return None


def _check_platform(registry: Registry, name: ImageName, config: bytes, platform: Platform) -> None:
    try:
        found = msgspec.json.decode(config, type=_Config)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise RegistryError(registry.name, f"has {name} with a config that is none: {error}") from None
    if (found.os, found.architecture) != (platform.os, platform.architecture):
        made_for = f"{found.os}/{found.architecture}"
        raise NotInRegistry(registry.name, f"has {name.repository}:{name.reference} for {made_for}, not for {platform}")
