"""An OCI image layout on disk: blobs that are named by their digests, and an index that names only what is whole.

Source: OCI image layout 1.0.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from faas_builders.disk import space_on, sync_folder, write_atomically
from faas_builders.errors import InvalidImage
from faas_builders.oci import model
from faas_builders.oci.layers.layer import Written
from faas_builders.oci.model import Config, Index, Manifest

LAYOUT_MARK = b'{"imageLayoutVersion":"1.0.0"}'
PART = ".part-"
"""Prefix of what is being written; a process that was killed leaves it behind for `prune`."""


@dataclass(frozen=True, slots=True)
class Reached:
    """What documents lead to."""

    blobs: set[str] = field(default_factory=set)  # digests, also of the documents themselves
    manifests: set[str] = field(default_factory=set)  # digests of manifests and indexes that are there
    diff_ids: set[str] = field(default_factory=set)


class Layout:
    """The folder `folder`. A blob is there whole or not at all, also after a crash; several processes may write."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.blobs = folder / "blobs" / "sha256"

    def blob(self, digest: str) -> Path:
        """Where the blob is, if it is there. Raises: InvalidImage: this is no digest of ours."""
        return self.blobs / model.hex_of(digest)

    def has(self, digest: str) -> bool:
        """Whether the blob is there; it then counts as new, so that pruning leaves it to who asked."""
        try:
            os.utime(self.blob(digest))
        except FileNotFoundError:
            return False
        except PermissionError:  # somebody else's layout, read-only: nobody prunes it
            return self.blob(digest).exists()
        return True

    def put_blob(self, data: bytes) -> str:
        """Raises: NoSpace."""
        digest = model.digest_of(data)
        if not self.has(digest):
            with space_on(self.folder):
                write_atomically(self.blob(digest), data)
        return digest

    def put_layer(self, write: Callable[[IO[bytes]], Written]) -> Written:
        """Let `write` fill a new blob; it gets its name, its digest, only when it is whole and on disk.

        What `write` raises goes through, and nothing stays. Raises: NoSpace.
        """
        with space_on(self.folder):
            self.blobs.mkdir(parents=True, exist_ok=True)
            descriptor, name = tempfile.mkstemp(prefix=PART, dir=self.blobs)
            try:
                with os.fdopen(descriptor, "wb", buffering=1 << 20) as file:
                    written = write(file)
                    file.flush()
                    os.fchmod(file.fileno(), 0o644)
                    os.fsync(file.fileno())
                os.replace(name, self.blob(written.digest))
            except BaseException:
                Path(name).unlink(missing_ok=True)
                raise
            sync_folder(self.blobs)
        return written

    def adopt_layer(self, source: Path, digest: str) -> None:
        """Take in a finished blob from elsewhere on this machine: as a link where that works, else as a copy.

        Raises: NoSpace.
        """
        if self.has(digest):
            return
        with space_on(self.folder):
            self.blobs.mkdir(parents=True, exist_ok=True)
            try:
                os.link(source, self.blob(digest))
            except FileExistsError:
                return
            except OSError:  # another file system, or one without links
                self.put_layer(copier(source, digest))
            sync_folder(self.blobs)

    def index(self) -> Index:
        """What the layout holds, oldest first. Raises: InvalidImage: index.json was damaged."""
        try:
            return model.decode_index((self.folder / "index.json").read_bytes())
        except FileNotFoundError:
            return Index()
        except InvalidImage as error:
            raise InvalidImage(f"{self.folder / 'index.json'}: {error}") from error

    def write_index(self, index: Index) -> None:
        """Replace index.json; whoever shares the layout with others holds a lock. Raises: NoSpace."""
        marker = self.folder / "oci-layout"
        with space_on(self.folder):
            if not marker.exists():
                write_atomically(marker, LAYOUT_MARK)
            write_atomically(self.folder / "index.json", model.encode(index))

    def document(self, digest: str) -> Manifest | Index:
        """The manifest or index that the digest names. Raises: FileNotFoundError, InvalidImage."""
        return model.decode(self._small(digest))

    def config(self, manifest: Manifest) -> Config:
        """The config of an image. Raises: FileNotFoundError, InvalidImage: also when it is an artifact, no image."""
        if manifest.config.media_type not in model.CONFIGS:
            raise InvalidImage(f"{manifest.kind} is no image that can run")
        config = model.decode_config(self._small(manifest.config.digest))
        if len(config.rootfs.diff_ids) != len(manifest.layers):
            counts = f"{len(manifest.layers)} layers and {len(config.rootfs.diff_ids)} diff IDs"
            raise InvalidImage(f"the manifest and the config do not fit: {counts}")
        return config

    def reach(self, digests: Iterable[str]) -> Reached:
        """All that these documents lead to; what is missing or damaged leads nowhere."""
        reached = Reached()
        waiting = list(digests)
        while waiting:
            digest = waiting.pop()
            if digest in reached.manifests:
                continue
            reached.blobs.add(digest)
            try:
                document = self.document(digest)
            except (FileNotFoundError, InvalidImage):
                continue
            reached.manifests.add(digest)
            if isinstance(document, Index):
                waiting += [child.digest for child in document.manifests]
                continue
            reached.blobs.add(document.config.digest)
            reached.blobs.update(layer.digest for layer in document.layers if not model.is_foreign(layer))
            with contextlib.suppress(FileNotFoundError, InvalidImage):
                reached.diff_ids.update(self.config(document).rootfs.diff_ids)
        return reached

    def _small(self, digest: str) -> bytes:
        with open(self.blob(digest), "rb") as file:
            return file.read(model.MOST_DOCUMENT_BYTES + 1)


def referring(subjects: Mapping[str, str], here: Iterable[str]) -> list[str]:
    """What refers to what is here, and what refers to that.

    Args: subjects: digests of referrers, and of what each is about.
    """
    reached, waiting, found = set(here), dict(subjects), []
    while more := [digest for digest, subject in waiting.items() if subject in reached]:
        found += more
        reached.update(more)
        waiting = {digest: subject for digest, subject in waiting.items() if digest not in reached}
    return found


def copier(source: Path, digest: str) -> Callable[[IO[bytes]], Written]:
    """For `put_layer`: the blob as it is, which is known to have this digest."""

    def copy(out: IO[bytes]) -> Written:
        with open(source, "rb") as file:
            shutil.copyfileobj(file, out, 1 << 20)
            return Written(digest, "", file.tell())

    return copy
