"""The documents of an OCI image, as far as we write and read them."""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
INDEX = "application/vnd.oci.image.index.v1+json"

REF_NAME = "org.opencontainers.image.ref.name"

BASE = "faas.dev/base"  # label: host
PYTHON = "faas.dev/python"  # label: the interpreter's path
PYTHON_ABI = "faas.dev/python-abi"
SYS_PATH = "faas.dev/sys-path"  # label: folders inside the image, separated by ":"


class Descriptor(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    media_type: str
    digest: str
    size: int
    annotations: dict[str, str] = {}


class Manifest(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    schema_version: int = 2
    media_type: str = MANIFEST
    config: Descriptor
    layers: tuple[Descriptor, ...]
    annotations: dict[str, str] = {}


class Index(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    schema_version: int = 2
    media_type: str = INDEX
    manifests: tuple[Descriptor, ...] = ()


class RootFs(msgspec.Struct, frozen=True, kw_only=True):
    type: str = "layers"
    diff_ids: tuple[str, ...]


class History(msgspec.Struct, frozen=True, kw_only=True):
    created: str
    created_by: str


class ContainerConfig(msgspec.Struct, frozen=True, kw_only=True, rename="pascal", omit_defaults=True):
    env: tuple[str, ...] = ()
    entrypoint: tuple[str, ...] = ()
    working_dir: str = ""
    labels: dict[str, str] = {}
    exposed_ports: dict[str, dict[str, Any]] = {}
    stop_signal: str = ""


class Config(msgspec.Struct, frozen=True, kw_only=True):
    created: str
    architecture: str
    os: str
    config: ContainerConfig
    rootfs: RootFs
    history: tuple[History, ...] = ()


def digest_of(data: bytes) -> str:
    return "sha256:" + hashlib.sha256(data).hexdigest()


def encode(document: msgspec.Struct) -> bytes:
    """Canonical enough: the same document always gives the same bytes."""
    return msgspec.json.encode(document, order="deterministic")
