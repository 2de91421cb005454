"""From a reference to an image that the Docker engine has."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from faas_builders.errors import BuilderError
from faas_builders.oci import references
from faas_builders.oci.model import BASE
from faas_builders.registry.names import ImageName

from faas.engine.instances.docker import failures, pulling
from faas.engine.instances.docker.connection import Api, Docker, DockerError
from faas.engine.instances.docker.loading import Loader
from faas.engine.instances.docker.place import DockerUnavailable
from faas.engine.instances.docker.pulling import RegistrySilent
from faas.engine.instances.driver import Image, ImageUnavailable, Pull

# Tools that build for one machine name images so; they are in no registry. Source: config-deployment,
# registries-skipping-tag-resolving.
NEVER_PULLED = frozenset({"kind.local", "ko.local", references.DEV})
NOT_FOUND = 404
PULLS = 3  # at the same time
RETRY_S = 1.0
_DEFAULT_STOP = "SIGTERM"


@dataclass(frozen=True, slots=True)
class DockerImage:
    """What a container of it is made with."""

    id: str
    user: str
    stop_signal: str
    has_our_runtime: bool
    reference: str = ""  # where to get it again, should somebody remove it: exactly this one


class Images:
    def __init__(self, docker: Docker, loader: Loader) -> None:
        self._docker, self._loader = docker, loader
        self._failures: dict[str, int] = {}  # in a row
        self._pulling = asyncio.Semaphore(PULLS)
        self._loading = asyncio.Lock()  # here, not in threads: those that wait would be missing to everybody else

    async def resolve(self, reference: str, pull: Pull) -> Image:
        """Raises: ImageUnavailable."""
        try:
            if references.parse(reference) is not None and not reference.startswith(f"{references.DEV}/"):
                found = await self._from_store(reference)
            else:
                found = await self._from_registry(reference, pull)
        except (DockerUnavailable, DockerError) as error:
            raise self.unavailable(reference, error) from error
        self._failures.pop(reference, None)
        return found

    def unavailable(self, reference: str, error: Exception) -> ImageUnavailable:
        """Because of the Docker engine, not of the image."""
        return ImageUnavailable(str(error), retry_after_s=failures.retry_after(self._failed(reference)))

    def _failed(self, reference: str) -> int:
        self._failures[reference] = count = self._failures.get(reference, 0) + 1
        return count

    async def _from_store(self, reference: str) -> Image:
        try:
            async with self._loading:
                stored, id = await self._docker.call(lambda api: self._loader.load(api, reference))
        except (BuilderError, OSError) as error:
            raise ImageUnavailable(str(error)) from error
        found = await self._inspect(id)
        if found is None:
            raise ImageUnavailable(f"{reference} was removed from the Docker engine", retry_after_s=RETRY_S)
        return make_image(found, stored.digest, references.by_digest(reference, stored.digest))

    async def _from_registry(self, reference: str, pull: Pull) -> Image:
        try:
            name = ImageName.parse(reference)
        except BuilderError as error:
            raise ImageUnavailable(f'Unable to fetch image "{reference}": {error}') from error
        local = await self._inspect(str(name))
        if local is None and name.digest:  # what was built here has no digest of a registry's: its own id stands for it
            local = await self._inspect(name.digest)
        if name.registry in NEVER_PULLED or pull.policy == "Never":
            if local is None:
                never = failures.never_pulled(reference)
                raise never if pull.policy == "Never" else failures.only_local(reference, name.registry)
            return make_image(local, _digest_in(local, name), "")
        if name.digest and local is not None:
            return make_image(local, name.digest, str(name))
        try:
            return await self._fetched(name, local, pull)
        except (DockerError, RegistrySilent) as error:
            if local is not None and pull.policy != "Always" and not name.digest:
                return make_image(local, _digest_in(local, name), "")  # built here, or the network is away
            count = self._failed(reference)
            raise failures.unavailable(reference, name.registry, str(error), failures=count) from error

    async def _fetched(self, name: ImageName, local: dict[str, Any] | None, pull: Pull) -> Image:
        """As its registry has it now. A tag is asked for once: a Revision keeps the image that it began with."""
        credentials = await asyncio.to_thread(pulling.credentials_for, name.registry, pull.credentials)
        exact = name
        if not name.digest:
            try:
                exact = name.with_digest(await pulling.digest_of(self._docker, name, credentials))
            except DockerError as error:
                if "page not found" not in str(error).lower():  # Podman cannot ask: it has to pull what the tag means
                    raise
            if local is not None and _digest_in(local, name) == exact.digest:
                return make_image(local, exact.digest, str(exact))
        found = await self._inspect(str(exact)) if exact.digest else None
        if found is None:
            async with self._pulling:
                await pulling.pull(self._docker, exact, credentials)
            found = await self._inspect(str(exact))
        if found is None:
            raise DockerError(NOT_FOUND, "the Docker engine has pulled it, and does not have it")
        return make_image(found, exact.digest or _digest_in(found, name), str(exact))

    async def restore(self, image: DockerImage) -> bool:
        """Get it again, as somebody has removed it. False: there is no way."""
        if not image.reference:
            return False
        try:
            again = await self.resolve(image.reference, Pull("IfNotPresent"))
        except ImageUnavailable:
            return False
        return isinstance(again.handle, DockerImage) and again.handle.id == image.id

    async def _inspect(self, reference: str) -> dict[str, Any] | None:
        def inspect(api: Api) -> dict[str, Any]:
            return dict(api.inspect_image(reference))

        try:
            return await self._docker.call(inspect)
        except DockerError as error:
            if error.status == NOT_FOUND:
                return None
            raise


def make_image(found: Mapping[str, Any], digest: str, reference: str) -> Image:
    """Args: found: what the Docker engine says of it; reference: by which it can be had again, "": it cannot."""
    config = found.get("Config") or {}
    labels = config.get("Labels") or {}
    ours = BASE in labels
    env = tuple((name, value) for name, _, value in (line.partition("=") for line in config.get("Env") or ()))
    handle = DockerImage(
        str(found["Id"]), config.get("User") or "", config.get("StopSignal") or _DEFAULT_STOP, ours, reference
    )
    return Image(digest, env, handle, in_container=True, has_our_runtime=ours)


def _digest_in(found: Mapping[str, Any], name: ImageName) -> str:
    """By which its repository knows it; its own id when it was built here."""
    for known in found.get("RepoDigests") or ():
        repository, _, digest = known.partition("@")
        other = ImageName.parse(repository)
        if (other.registry, other.repository) == (name.registry, name.repository):
            return str(digest)
    return str(found["Id"])
