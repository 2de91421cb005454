"""Small images for tests of what stores, writes, imports and prunes them."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from faas_builders.oci import model
from faas_builders.oci.layers.layer import Written
from faas_builders.oci.model import Config, ContainerConfig, Descriptor, RootFs
from faas_builders.oci.references import Reference
from faas_builders.oci.store import ImageStore

Files = Mapping[str, bytes]


def tar_of(files: Files) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return out.getvalue()


def put_layer(store: ImageStore, files: Files) -> tuple[Descriptor, str]:
    """A gzip layer; its diff ID too."""
    plain = tar_of(files)
    data = gzip.compress(plain, mtime=0)
    written = store.put_layer(lambda out: Written(model.digest_of(data), model.digest_of(plain), out.write(data)))
    return Descriptor(media_type=model.LAYER, digest=written.digest, size=len(data)), written.diff_id


def put_manifest(store: ImageStore, *layers: Files, architecture: str = "amd64", variant: str = "") -> Descriptor:
    made = [put_layer(store, files) for files in layers]
    config = Config(
        architecture=architecture,
        os="linux",
        variant=variant,
        config=ContainerConfig(entrypoint=("/bin/true",), labels={model.BASE: "docker.io/library/python:3.12-slim"}),
        rootfs=RootFs(diff_ids=tuple(diff_id for _, diff_id in made)),
    )
    return store.put_manifest(config, tuple(descriptor for descriptor, _ in made))


def put_image(store: ImageStore, name: str, files: Files, tag: str = "latest") -> Reference:
    return store.tag(Reference("faas.local", name, tag=tag), put_manifest(store, files))


def put_index(store: ImageStore, name: str, files: Files, *architectures: str) -> Reference:
    images = tuple(
        put_manifest(store, {**files, "architecture": architecture.encode()}, architecture=architecture)
        for architecture in architectures
    )
    return store.put_index(Reference("faas.local", name, tag="latest"), images)


def saved(images: list[tuple[str, list[bytes], dict[str, Any]]], **changes: bytes) -> dict[str, bytes]:
    """The files of a `docker save` archive of 20.10: name, layers as tars, more of the config; and what to change."""
    files: dict[str, bytes] = {}
    manifest = []
    for name, layers, config in images:
        diff_ids = ["sha256:" + hashlib.sha256(layer).hexdigest() for layer in layers]
        data = json.dumps(
            {"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": diff_ids}, **config}
        ).encode()
        path = hashlib.sha256(data).hexdigest() + ".json"
        paths = [f"{diff_id[7:]}/layer.tar" for diff_id in diff_ids]
        files[path] = data
        files.update(zip(paths, layers, strict=True))
        manifest.append({"Config": path, "RepoTags": [name], "Layers": paths})
    return {**files, "manifest.json": json.dumps(manifest).encode(), **changes}


def write_tar(path: Path, files: Files, *members: tarfile.TarInfo) -> Path:
    with tarfile.open(path, "w") as tar:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
        for member in members:
            tar.addfile(member, io.BytesIO(bytes(member.size)))
    return path


def member(name: str, kind: bytes = tarfile.REGTYPE, link: str = "", size: int = 0) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.size = kind, link, size
    return info
