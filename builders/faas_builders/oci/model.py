"""The documents of an OCI image, as far as we write and read them; what a base image says beyond that survives.

Docker's own media types (schema 2) are read as what they are the same as; documents of others keep their bytes.
Source: OCI image format 1.1; Docker image manifest version 2, schema 2.
"""

from __future__ import annotations

import hashlib
import re
from typing import Annotated, Any, Self, TypeVar

import msgspec
from msgspec import Meta, Struct

from faas_builders.errors import InvalidImage
from faas_builders.target import Platform

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
LAYER_TAR = "application/vnd.oci.image.layer.v1.tar"
LAYER_ZSTD = "application/vnd.oci.image.layer.v1.tar+zstd"
EMPTY = "application/vnd.oci.empty.v1+json"

DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_INDEX = "application/vnd.docker.distribution.manifest.list.v2+json"
DOCKER_CONFIG = "application/vnd.docker.container.image.v1+json"

MANIFESTS = frozenset({MANIFEST, DOCKER_MANIFEST})
INDEXES = frozenset({INDEX, DOCKER_INDEX})
CONFIGS = frozenset({CONFIG, DOCKER_CONFIG})

_SAME_AS = {
    DOCKER_MANIFEST: MANIFEST,
    DOCKER_INDEX: INDEX,
    DOCKER_CONFIG: CONFIG,
    "application/vnd.docker.image.rootfs.diff.tar": LAYER_TAR,
    "application/vnd.docker.image.rootfs.diff.tar.gzip": LAYER,
    "application/vnd.docker.image.rootfs.diff.tar.zstd": LAYER_ZSTD,
}

REF_NAME = "org.opencontainers.image.ref.name"
CONTAINERD_NAME = "io.containerd.image.name"

BASE = "faas.dev/base"  # label: host, or the base by digest
PYTHON = "faas.dev/python"  # label: the interpreter's path
PYTHON_ABI = "faas.dev/python-abi"
SYS_PATH = "faas.dev/sys-path"  # label: folders inside the image, separated by ":"

MOST_DOCUMENT_BYTES = 4 << 20  # what registries take as a manifest; also many times the largest config seen

_DIGEST = r"^sha256:[0-9a-f]{64}$"
Digest = Annotated[str, Meta(pattern=_DIGEST)]
Size = Annotated[int, Meta(ge=0)]

EMPTY_BLOB = b"{}"  # what an artifact has for a config

_Document = TypeVar("_Document", bound=Struct)


class PlatformFields(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A platform as an index has it."""

    architecture: str
    os: str
    variant: str = ""

    @classmethod
    def of(cls, platform: Platform) -> Self:
        return cls(architecture=platform.architecture, os=platform.os, variant=platform.variant)

    @property
    def platform(self) -> Platform:
        return _platform(self.os, self.architecture, self.variant)


class Descriptor(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    media_type: str
    digest: Digest
    size: Size
    platform: PlatformFields | None = None
    artifact_type: str = ""
    annotations: dict[str, str] = {}


class Manifest(Struct, frozen=True, kw_only=True, rename="camel"):
    schema_version: int = 2
    media_type: str = MANIFEST
    artifact_type: str = ""
    config: Descriptor
    layers: tuple[Descriptor, ...] = ()
    subject: Descriptor | None = None
    annotations: dict[str, str] = {}

    @property
    def kind(self) -> str:
        """What a list of referrers calls it."""
        return self.artifact_type or self.config.media_type


class Index(Struct, frozen=True, kw_only=True, rename="camel"):
    schema_version: int = 2
    media_type: str = INDEX
    artifact_type: str = ""
    manifests: tuple[Descriptor, ...] = ()
    subject: Descriptor | None = None
    annotations: dict[str, str] = {}

    @property
    def kind(self) -> str:
        return self.artifact_type


class RootFs(Struct, frozen=True, kw_only=True):
    type: str = "layers"
    diff_ids: tuple[Digest, ...] = ()


class History(Struct, frozen=True, kw_only=True, omit_defaults=True):
    created: str = ""
    created_by: str = ""
    author: str = ""
    comment: str = ""
    empty_layer: bool = False


class ContainerConfig(Struct, frozen=True, kw_only=True, rename="pascal", omit_defaults=True):
    user: str = ""
    exposed_ports: dict[str, dict[str, Any]] = {}
    env: tuple[str, ...] = ()
    entrypoint: tuple[str, ...] = ()
    cmd: tuple[str, ...] = ()
    volumes: dict[str, dict[str, Any]] = {}
    working_dir: str = ""
    labels: dict[str, str] = {}
    stop_signal: str = ""
    unknown: dict[str, Any] = {}
    """Fields that are not ours to understand (Healthcheck, Shell, OnBuild, ...), by their names on the wire."""


class Config(Struct, frozen=True, kw_only=True):
    created: str = ""
    architecture: str
    os: str
    variant: str = ""
    config: ContainerConfig = ContainerConfig()
    rootfs: RootFs
    history: tuple[History, ...] = ()
    unknown: dict[str, Any] = {}
    """Fields that are not ours to understand (os.version, author, ...), by their names on the wire."""

    @property
    def platform(self) -> Platform:
        return _platform(self.os, self.architecture, self.variant)


def digest_of(data: bytes) -> str:
    return "sha256:" + hashlib.sha256(data).hexdigest()


def hex_of(digest: str) -> str:
    """The part of a digest that names its blob. Raises: InvalidImage: no SHA-256, the only kind we have."""
    if re.match(_DIGEST, digest) is None or len(digest) != 71:
        raise InvalidImage(f"{digest[:80]!r} is not a digest that can be used: it has to be sha256:HEX")
    return digest[7:]


def oci_type(media_type: str) -> str:
    """OCI's name for one of Docker's media types; any other as it is."""
    return _SAME_AS.get(media_type, media_type)


def is_foreign(layer: Descriptor) -> bool:
    """Whether its content is nowhere but at its maker's (layers of Windows)."""
    return ".foreign." in layer.media_type or ".nondistributable." in layer.media_type


def encode(document: Struct) -> bytes:
    """The same document always gives the same bytes; what is optional and empty is left out."""
    fields = msgspec.to_builtins(document)
    if isinstance(document, Config):
        container = fields["config"]
        fields["config"] = {**container.pop("Unknown", {}), **container}
        fields = {**fields.pop("unknown"), **fields}
        _leave_out(fields, "created", "variant")
    elif isinstance(document, Manifest):
        _leave_out(fields, "artifactType", "subject")
    elif isinstance(document, Index):
        _leave_out(fields, "artifactType", "subject", "annotations")
    return msgspec.json.encode(fields, order="deterministic")


def decode(data: bytes) -> Manifest | Index:
    """A manifest or an index of any maker. Raises: InvalidImage."""
    fields = _fields(data)
    if fields.get("schemaVersion") == 1:
        raise InvalidImage("a manifest of schema 1, which Docker gave up in 2017", "Push the image again")
    is_index = "manifests" in fields
    if is_index and ("layers" in fields or "config" in fields):
        # Readers differ in what they take this for (CVE-2021-41190), so nobody may.
        raise InvalidImage("a document that is a manifest and an index at once")
    media_type = fields.get("mediaType")
    if media_type and media_type not in (INDEXES if is_index else MANIFESTS):
        raise InvalidImage(f"{media_type} is not a manifest or index that can be used")
    return _convert(fields, Index) if is_index else _convert(fields, Manifest)


def decode_index(data: bytes) -> Index:
    """Raises: InvalidImage."""
    document = decode(data)
    if not isinstance(document, Index):
        raise InvalidImage("a manifest, where an index has to be")
    return document


def decode_config(data: bytes) -> Config:
    """Raises: InvalidImage."""
    fields = _fields(data)
    inner = fields.get("config") or {}
    if not isinstance(inner, dict):
        raise InvalidImage("the config of the image is no object")
    fields["config"] = _split(inner, ContainerConfig, "Unknown")
    return _convert(_split(fields, Config, "unknown"), Config)


def inherited(base: Config) -> Config:
    """What an image on top of this base begins with: all of it but what was said to, or of, the base alone."""
    container = msgspec.structs.replace(
        base.config, unknown={name: value for name, value in base.config.unknown.items() if name not in _BASE_ONLY}
    )
    return msgspec.structs.replace(
        base, config=container, unknown={name: value for name, value in base.unknown.items() if name not in _BASE_ONLY}
    )


# OnBuild is orders to whoever builds from a Dockerfile; the rest is how `docker commit` describes its container.
_BASE_ONLY = frozenset({"OnBuild", "Image", "Hostname", "Domainname", "AttachStdin", "AttachStdout", "AttachStderr",
                        "Tty", "OpenStdin", "StdinOnce", "container", "container_config", "docker_version", "id",
                        "parent", "author", "moby.buildkit.buildinfo.v1", "moby.buildkit.cache.v0"})  # fmt: skip


def _platform(os: str, architecture: str, variant: str) -> Platform:
    # v8 is the only variant of arm64, and indexes leave it out as often as not.
    return Platform(os, architecture, "" if (architecture, variant) == ("arm64", "v8") else variant)


def _fields(data: bytes) -> dict[str, Any]:
    if len(data) > MOST_DOCUMENT_BYTES:
        raise InvalidImage(f"a document of {len(data)} bytes, more than any image has ({MOST_DOCUMENT_BYTES})")
    try:
        fields = _without_nulls(msgspec.json.decode(data))
    except (msgspec.DecodeError, RecursionError) as error:
        raise InvalidImage(f"a document that is no JSON: {error}") from error
    if not isinstance(fields, dict):
        raise InvalidImage("a document that is no JSON object")
    return fields


def _convert(fields: dict[str, Any], kind: type[_Document]) -> _Document:
    try:
        return msgspec.convert(fields, kind)
    except msgspec.ValidationError as error:
        raise InvalidImage(f"no {kind.__name__.lower()} that can be used: {error}") from error


def _without_nulls(value: Any) -> Any:
    """Go writes null for what is empty."""
    if isinstance(value, dict):
        return {name: _without_nulls(inner) for name, inner in value.items() if inner is not None}
    if isinstance(value, list):
        return [_without_nulls(inner) for inner in value if inner is not None]
    return value


def _split(fields: dict[str, Any], kind: type[Struct], rest: str) -> dict[str, Any]:
    """Move what `kind` does not name into its field `rest`."""
    known = {name: value for name, value in fields.items() if name in kind.__struct_encode_fields__ and name != rest}
    return {**known, rest: {name: value for name, value in fields.items() if name not in known}}


def _leave_out(fields: dict[str, Any], *names: str) -> None:
    for name in names:
        if not fields[name]:
            del fields[name]
