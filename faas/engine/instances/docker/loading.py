"""Images of the engine's own store, loaded into the Docker engine, and taken away when the store has them no more."""

from __future__ import annotations

import contextlib
import threading

from faas_builders.errors import ImageMissing
from faas_builders.oci import archive, references
from faas_builders.oci.references import Reference
from faas_builders.oci.store import ImageStore, StoredImage

from faas.engine.instances.docker.connection import Api
from faas.engine.instances.docker.ownership import Ownership


class Loader:
    """Blocking. In Docker an image is called `faas.local/NAME:ENGINE-DIGEST`, so each state takes away its own."""

    def __init__(self, store: ImageStore, ownership: Ownership) -> None:
        self._store, self._prefix = store, f"{ownership.engine}-"
        self._loading = threading.Lock()

    def load(self, api: Api, reference: str) -> tuple[StoredImage, str]:
        """Returns: the image, and by what Docker knows it.

        Raises: BuilderError: it is not in the store, or cannot be read; docker's APIError.
        """
        stored = self._store.platform_image(reference)
        parsed = references.parse(reference)
        if parsed is None:
            raise ImageMissing(reference, "it is not an image of this machine")
        name = f"{parsed.registry}/{parsed.name}:{self._prefix}{stored.digest.removeprefix('sha256:')}"
        with self._loading:
            if not _has(api, name):
                pieces = archive.docker_archive(self._store, reference, stored.platform, tags=[name])
                for said in api.load_image(pieces):
                    if "error" in said:
                        raise ImageMissing(reference, f"the Docker engine cannot load it: {said['error']}")
                self.sweep(api)
        return stored, name

    def sweep(self, api: Api) -> None:
        """Remove what the store does not have any more; what still runs stays until then."""
        for image in api.images(filters={"reference": f"{references.HOST}/*"}):
            for name in image["RepoTags"] or ():
                if (digest := self._digest_of(name)) and self._store.find(_by_digest(name, digest)) is None:
                    _remove(api, name)

    def remove_all(self, api: Api) -> None:
        """The state ends with the engine."""
        for image in api.images(filters={"reference": f"{references.HOST}/*"}):
            for name in image["RepoTags"] or ():
                if self._digest_of(name):
                    _remove(api, name)

    def _digest_of(self, name: str) -> str:
        """ "": another engine has loaded it."""
        tag = name.rpartition(":")[2]
        return f"sha256:{tag.removeprefix(self._prefix)}" if tag.startswith(self._prefix) else ""


def _by_digest(name: str, digest: str) -> Reference:
    return Reference(references.HOST, name.rpartition(":")[0].partition("/")[2], digest=digest)


def _has(api: Api, name: str) -> bool:
    from docker.errors import ImageNotFound

    try:
        api.inspect_image(name)
    except ImageNotFound:
        return False
    return True


def _remove(api: Api, name: str) -> None:
    from docker.errors import APIError

    with contextlib.suppress(APIError):  # a container of it is still there
        api.remove_image(name)
