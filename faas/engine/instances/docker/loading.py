"""Images of the engine's own store, loaded into the Docker engine, and taken away when nobody has asked for a day.

Engines share them, as each `faas run` is an engine of its own. An image that one of them took from another is loaded
again when it is needed.
"""

from __future__ import annotations

import contextlib
import threading
from datetime import UTC, datetime, timedelta
from itertools import takewhile

import msgspec
from faas_builders.errors import ImageMissing, InvalidImage
from faas_builders.oci import archive, references
from faas_builders.oci.store import ImageStore, StoredImage

from faas.engine.instances.docker.connection import Api

KEPT = timedelta(days=1)
COMPARED = 50  # images; a look at one takes a millisecond
LOAD_S = 600.0  # without a word from the Docker engine, which says nothing before it is done


class Loader:
    """Blocking. In Docker an image is called `faas.local/NAME:HEX`, with the hex digits of its manifest's digest."""

    def __init__(self, store: ImageStore) -> None:
        self._store = store
        self._loading = threading.Lock()
        self._may_leave_out = True  # containerd, as Docker's image store, wants everything

    def load(self, api: Api, reference: str) -> tuple[StoredImage, str]:
        """Returns: the image, and what Docker calls it.

        Raises: BuilderError: it is not in the store, or cannot be read; docker's APIError.
        """
        stored = self._store.platform_image(reference)
        parsed = references.parse(reference)
        if parsed is None:
            raise ImageMissing(reference, "it is not an image of this machine")
        repository, tag = f"{parsed.registry}/{parsed.name}", stored.digest.removeprefix("sha256:")
        name = f"{repository}:{tag}"
        with self._loading:
            if not _has(api, name):
                self._send(api, reference, stored, name)
                self.sweep(api)
            api.tag(name, repository, tag)  # again: Docker remembers when
        return stored, name

    def _send(self, api: Api, reference: str, stored: StoredImage, name: str) -> None:
        """Without the layers that Docker has from images before, mostly all but one; whole if it does not take that."""
        known = self._known(api, stored) if self._may_leave_out else ()
        said = self._try(api, reference, stored, name, known)
        if said and known:
            self._may_leave_out = False
            said = self._try(api, reference, stored, name, ())
        if said:
            raise ImageMissing(reference, f"the Docker engine cannot load it: {said}")

    def _try(self, api: Api, reference: str, stored: StoredImage, name: str, known: tuple[str, ...]) -> str:
        """Returns: what the Docker engine says against it, "" when it has it."""
        pieces = archive.docker_archive(self._store, reference, stored.platform, tags=[name], known=known)
        # Not the SDK's load_image: that leaves a connection open until it is collected.
        url = f"{api.base_url}/v{api.api_version}/images/load"
        answer = api.post(url, params={"quiet": "1"}, data=pieces, timeout=LOAD_S)
        for line in answer.text.splitlines():
            said = msgspec.json.decode(line)
            if error := said.get("error") or (answer.status_code >= 400 and said.get("message")):
                return str(error)
        return ""

    def _known(self, api: Api, stored: StoredImage) -> tuple[str, ...]:
        """The layers, from the lowest on, that one of the images loaded before has too."""
        wanted, most = stored.config.rootfs.diff_ids, 0
        for image in api.images(filters={"reference": f"{references.HOST}/*"})[:COMPARED]:
            others = api.inspect_image(image["Id"])["RootFS"].get("Layers") or ()
            same = takewhile(lambda pair: pair[0] == pair[1], zip(wanted, others, strict=False))
            most = max(most, sum(1 for _ in same))
        return tuple(layer.digest for layer in stored.manifest.layers[:most])

    def sweep(self, api: Api) -> None:
        """Remove what was loaded and not asked for since; what still runs stays."""
        oldest = datetime.now(UTC) - KEPT
        for image in api.images(filters={"reference": f"{references.HOST}/*"}):
            if _last_asked(api, image["Id"]) < oldest:
                for name in image["RepoTags"] or ():
                    if not self._is_stored(name):
                        _remove(api, name)

    def _is_stored(self, name: str) -> bool:
        try:
            return self._store.find(references.by_digest(name, f"sha256:{references.split(name).tag}")) is not None
        except InvalidImage:
            return False


def _last_asked(api: Api, id: str) -> datetime:
    from docker.errors import ImageNotFound

    try:
        text = str(api.inspect_image(id)["Metadata"]["LastTagTime"])
        # Nanoseconds, of which Python takes six digits.
        return datetime.fromisoformat(text[:19]).replace(tzinfo=UTC)
    except (ImageNotFound, KeyError, ValueError):
        return datetime.now(UTC)


def _has(api: Api, name: str) -> bool:
    from docker.errors import ImageNotFound

    try:
        api.inspect_image(name)
    except ImageNotFound:
        return False
    return True


def _remove(api: Api, name: str) -> None:
    from docker.errors import APIError

    with contextlib.suppress(APIError):  # a container of it is still there, or somebody else removed it
        api.remove_image(name)
