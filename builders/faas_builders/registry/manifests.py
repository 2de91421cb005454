"""The documents that a registry keeps about images, as others wrote them: read with care, kept byte for byte."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

import msgspec

from faas_builders.oci.model import INDEX, MANIFEST
from faas_builders.registry.names import is_digest
from faas_builders.target import Platform

DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
_SCHEMA_1 = "application/vnd.docker.distribution.manifest.v1+"  # json, prettyjws
ACCEPTED = (INDEX, MANIFEST, DOCKER_LIST, DOCKER_MANIFEST)
_INDEXES = frozenset({INDEX, DOCKER_LIST})

# A processor of one variant runs what was made for these, best first. Source: containerd's platform matching.
_RUNS_ARM = ("v8", "v7", "v6", "v5")


class UnusableManifest(ValueError):
    """Not a manifest or index that we can use; the message says why."""


class _Platform(msgspec.Struct, frozen=True):
    os: str = ""
    architecture: str = ""
    variant: str = ""


class Entry(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """A descriptor, of a blob or of another document."""

    media_type: str = ""
    digest: str
    size: int
    artifact_type: str = ""
    platform: _Platform | None = None
    annotations: dict[str, str] | None = None


class _Wire(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    schema_version: int = 0
    media_type: str = ""
    artifact_type: str = ""
    config: Entry | None = None
    layers: tuple[Entry, ...] | None = None
    manifests: tuple[Entry, ...] | None = None
    subject: Entry | None = None
    annotations: dict[str, str] | None = None
    signatures: msgspec.Raw = msgspec.Raw()


@dataclass(frozen=True, slots=True)
class Document:
    """A manifest, or an index of manifests."""

    media_type: str
    digest: str
    data: bytes
    config: Entry | None = None
    layers: tuple[Entry, ...] = ()
    manifests: tuple[Entry, ...] = ()
    subject: Entry | None = None
    artifact_type: str = ""
    annotations: tuple[tuple[str, str], ...] = ()

    @property
    def is_index(self) -> bool:
        return self.media_type in _INDEXES

    @property
    def blobs(self) -> tuple[Entry, ...]:
        """What must be there for it to be whole, each once."""
        found = {entry.digest: entry for entry in (*([self.config] if self.config else []), *self.layers)}
        return tuple(found.values())


def parse_document(data: bytes, content_type: str = "", digest: str = "") -> Document:
    """Args: content_type: what the registry says that it is. digest: under which it was asked for, if it was.

    Raises: UnusableManifest.
    """
    try:
        wire = msgspec.json.decode(data, type=_Wire)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise UnusableManifest(f"it is no manifest: {error}") from None
    media_type = wire.media_type or content_type.partition(";")[0].strip()
    if wire.schema_version == 1 or media_type.startswith(_SCHEMA_1):
        raise UnusableManifest(
            "it is in Docker's schema 1, which ended in 2017; whoever made the image must push it again"
        )
    if wire.manifests is not None and (wire.layers is not None or wire.config is not None):
        # Two readers could see two different images in it (CVE-2021-41190).
        raise UnusableManifest("it is a manifest and an index at once")
    if media_type not in ACCEPTED:
        media_type = _guess(wire, media_type)
    if (media_type in _INDEXES) != (wire.manifests is not None):
        raise UnusableManifest(f"its type is {media_type}, and its content is not")
    if media_type not in _INDEXES and (wire.config is None or wire.layers is None):
        raise UnusableManifest("it has no config or no layers")
    entries = (
        *(wire.layers or ()),
        *(wire.manifests or ()),
        *(entry for entry in (wire.config, wire.subject) if entry),
    )
    for entry in entries:
        if not is_digest(entry.digest) or entry.size < 0:
            raise UnusableManifest(
                f"it names something by {entry.digest[:80]!r}, which is no digest that we can verify"
            )
    return Document(
        media_type,
        digest or "sha256:" + hashlib.sha256(data).hexdigest(),
        data,
        wire.config,
        wire.layers or (),
        wire.manifests or (),
        wire.subject,
        wire.artifact_type,
        tuple((wire.annotations or {}).items()),
    )


def choose(entries: Iterable[Entry], platform: Platform) -> Entry | None:
    """What of an index runs on `platform`, best first; None: nothing."""
    ranked = [
        (rank, at, entry) for at, entry in enumerate(entries) if (rank := _rank(entry.platform, platform)) is not None
    ]
    return min(ranked)[2] if ranked else None


def platforms_of(entries: Iterable[Entry]) -> tuple[Platform, ...]:
    """For an error: what there would be. Attestations, which have the platform `unknown`, are no images."""
    named = (entry.platform for entry in entries if entry.platform)
    return tuple(Platform(one.os, one.architecture, one.variant) for one in named if one.os != "unknown")


def _guess(wire: _Wire, media_type: str) -> str:
    # The OCI specification leaves it to the Content-Type, and some registries say application/json.
    if media_type in ("", "application/json", "text/plain", "application/octet-stream"):
        return INDEX if wire.manifests is not None else MANIFEST
    raise UnusableManifest(f"it is a {media_type}, and no image")


def _rank(offered: _Platform | None, wanted: Platform) -> int | None:
    if offered is None or (offered.os, offered.architecture) != (wanted.os, wanted.architecture):
        return None
    if wanted.architecture == "arm":
        runs = _RUNS_ARM[_RUNS_ARM.index(wanted.variant) :] if wanted.variant in _RUNS_ARM else _RUNS_ARM[1:]
        variant = offered.variant or "v7"  # what Docker takes it for
        return runs.index(variant) if variant in runs else None
    if offered.variant == wanted.variant or (wanted.architecture == "arm64" and offered.variant in ("", "v8")):
        return 0
    if not offered.variant:
        return 1  # the plainest runs everywhere
    return None if wanted.variant or wanted.architecture == "amd64" else 2
