"""Where bases come from: the engine's store, a file or folder of this machine, a registry."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from faas_builders.cache import cache_dir, cached, key_of
from faas_builders.errors import BaseImageError, RegistryUnreachable
from faas_builders.oci import references
from faas_builders.oci.bases.cache import BaseCache, RememberedTag
from faas_builders.oci.bases.fetching import Source
from faas_builders.oci.importing import import_archive
from faas_builders.oci.layout import Layout
from faas_builders.oci.model import Descriptor
from faas_builders.oci.store import ImageStore
from faas_builders.registry.names import ImageName

if TYPE_CHECKING:  # what it takes to speak to a registry is imported when one is spoken to
    from faas_builders.registry.client import Registry

Log = Callable[[str], None]

_ELSEWHERE = (
    "Name a base that can be had (--base, or base in [tool.faas.build]): a mirror's, MIRROR/library/python:3.12-slim,\n"
    "or this machine's: oci:FOLDER, docker-archive:FILE, faas.local/NAME. A registry of plain HTTP: insecure = true.\n"
    "For this machine's own engine alone:  --base host"
)
_SILENCE_S = 5.0  # with something to go on with, nobody waits long for a registry that is not there
_WORTH_A_LINE = 1_000_000  # bytes
_EACH_S = 2.0  # between two lines about a download


class NotHere(BaseImageError):
    """It takes a registry to have this, and none was to be asked."""


def open_source(
    reference: str,
    store: ImageStore,
    cache: BaseCache,
    *,
    pull: bool = False,
    insecure: bool = False,
    offline: bool = False,
    log: Log,
) -> Source:
    """Where `reference` is to be had; the caller closes it. Raises: BuilderError: it is no reference to an image.

    Args:
        pull: ask what a tag means also when that is known from less than a day ago, and fail without an answer.
        insecure: the registry may be plain HTTP, or have a certificate that nobody vouches for.
        offline: ask no registry, raise NotHere instead.
    """
    scheme, colon, path = reference.partition(":")
    if colon and scheme in ("oci", "oci-archive", "docker-archive"):
        return StoredSource(*_import(Path(path).expanduser()), name="")
    if (stored := references.parse(reference)) is not None:
        return StoredSource(store, reference, name=reference if stored.digest else stored.tagged)
    name = ImageName.parse(reference)
    return RegistrySource(name, cache, pull=pull, insecure=insecure, offline=offline, log=log)


class StoredSource:
    """A base that is in a store of this machine: whole, since a store names nothing that is not."""

    def __init__(self, store: ImageStore, reference: str, name: str) -> None:
        """Args: name: what it is called elsewhere too, "" when it is nothing but a file of this machine."""
        self.name = name
        self.layout: Layout = store.oci
        self._store, self._reference = store, reference

    def digest(self) -> str:
        return self._store.descriptor(self._reference).digest

    def fetch_document(self, digest: str) -> None:
        raise BaseImageError(f"base {self._reference} is not whole: {digest} is missing", "Put it there again")

    def fetch_blobs(self, blobs: Sequence[Descriptor]) -> None:
        for blob in blobs:
            self.fetch_document(blob.digest)

    def close(self) -> None:
        pass


class RegistrySource:
    """A base of a registry: fetched by digest into the cache; what its tag means is asked once a day."""

    def __init__(
        self, image: ImageName, cache: BaseCache, *, pull: bool, insecure: bool, offline: bool, log: Log
    ) -> None:
        self.name = str(image)
        self.layout: Layout = cache.layout
        self._image, self._cache, self._log = image, cache, log
        self._pull, self._insecure, self._offline = pull, insecure, offline
        self._asked = False

    def digest(self) -> str:
        if self._image.digest:
            return self._image.digest
        known = self._cache.tag(self.name)
        if known is not None and (self._offline or (known.is_fresh(time.time()) and not self._pull)):
            return known.digest
        return self._ask(known)

    def fetch_document(self, digest: str) -> None:
        from faas_builders.registry.pull import fetch_manifest

        with self._registry() as registry:
            fetch_manifest(registry, self._image.with_digest(digest), self.layout.folder / "blobs")

    def fetch_blobs(self, blobs: Sequence[Descriptor]) -> None:
        if not blobs:
            return
        from faas_builders.registry.pull import pull_blobs

        total = sum(blob.size for blob in blobs)
        if total > _WORTH_A_LINE:
            self._log(f"fetching {total / 1e6:.1f} MB of {self.name}")
        with self._registry() as registry:
            pull_blobs(registry, self._image.repository, blobs, self.layout.folder / "blobs", self._progress())

    def close(self) -> None:
        if self._asked:
            self._cache.trim()

    def _ask(self, known: RememberedTag | None) -> str:
        if self._offline:
            raise NotHere(f"{self.name} is not on this machine yet: a build fetches it")
        try:
            with self._registry(patient=known is None or self._pull) as registry:
                digest = registry.resolve(self._image.repository, self._image.tag).digest
        except RegistryUnreachable as error:
            if known is None or self._pull:
                raise BaseImageError(f"base {self.name} cannot be fetched: {error}", _ELSEWHERE) from error
            days = (time.time() - known.at_s) / 86400
            self._log(f"{error}; going on with {self.name} as it was {days:.1f} days ago")
            return known.digest
        self._cache.remember_tag(self.name, digest)
        return digest

    def _registry(self, *, patient: bool = True) -> Registry:
        """Args: patient: not for a question with an answer at hand that will do."""
        from faas_builders.registry.client import Registry
        from faas_builders.registry.retries import RetryPolicy

        if self._offline:
            raise NotHere(f"parts of {self.name} are not on this machine: a build fetches them")
        self._asked = True
        if patient:
            return Registry(self._image.registry, insecure=self._insecure)
        policy = RetryPolicy(attempts=2, attempts_after_silence=1)
        return Registry(
            self._image.registry,
            insecure=self._insecure,
            retry=policy,
            timeout_s=_SILENCE_S,
            connect_timeout_s=_SILENCE_S,
        )

    def _progress(self) -> Callable[[int, int], None]:
        said_s = time.monotonic()

        def progress(done: int, total: int) -> None:
            nonlocal said_s
            if time.monotonic() - said_s >= _EACH_S:
                said_s = time.monotonic()
                self._log(f"{done / 1e6:.1f} of {total / 1e6:.1f} MB")

        return progress


def _import(path: Path) -> tuple[ImageStore, str]:
    """A file or folder as a store of its own in the cache: read and verified once, and again when it changes."""
    marked = path / "index.json" if path.is_dir() else path
    try:
        state = marked.stat()
    except OSError as error:
        raise BaseImageError(f"base {path} cannot be read: {error.strerror}", "Name a file that is there") from error
    key = key_of(str(path.resolve()), str(state.st_ino), str(state.st_mtime_ns), str(state.st_size))

    def fill(folder: Path) -> None:
        import_archive(ImageStore(folder), path, "base", "latest")

    return ImageStore(cached(cache_dir() / "imported" / key, fill)), "faas.local/base:latest"
