"""What refers to an image in a registry. Source: OCI distribution specification 1.1, Referrers.

Registries list it themselves; for those that do not, clients keep the list under the tag `sha256-HEX`.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress

from faas_builders.errors import InvalidImage, NotInRegistry, RegistryError
from faas_builders.oci import model
from faas_builders.oci.model import Descriptor, Index
from faas_builders.registry.client import Registry, pull_scopes


def note_referrers(registry: Registry, repository: str, subject: str, referrers: Iterable[Descriptor]) -> None:
    """Add to the list under the tag; for referrers that the registry has not noticed itself."""
    kept = _kept(registry, repository, subject)
    known = {entry.digest for entry in kept.manifests}
    missing = tuple(entry for entry in referrers if entry.digest not in known)
    if missing:
        index = Index(manifests=(*kept.manifests, *missing), annotations=kept.annotations)
        registry.put_manifest(repository, tag_of(subject), model.encode(index), model.INDEX)


def referrers_of(registry: Registry, repository: str, digest: str) -> tuple[Descriptor, ...]:
    """What the registry lists, or whoever pushed it has noted under the tag. Raises: RegistryError."""
    answer = registry.transport.request("GET", f"{repository}/referrers/{digest}", pull_scopes(repository))
    if answer.status == 200:
        with suppress(InvalidImage):  # some answer to whatever they do not know
            return model.decode_index(answer.body).manifests
    return _kept(registry, repository, digest).manifests


def tag_of(digest: str) -> str:
    return digest.replace(":", "-")


def _kept(registry: Registry, repository: str, digest: str) -> Index:
    try:
        return _index(registry, registry.manifest(repository, tag_of(digest)).data)
    except NotInRegistry:
        return Index()


def _index(registry: Registry, data: bytes) -> Index:
    try:
        return model.decode_index(data)
    except InvalidImage as error:
        raise RegistryError(registry.name, f"has something else for a list of referrers: {error}") from error
