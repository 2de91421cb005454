"""Bases with no more in them than a builder looks at: no program in them runs."""

from __future__ import annotations

import gzip
import io
import struct
import tarfile
from collections.abc import Mapping, Sequence
from typing import Any

from faas_builders.oci import model
from faas_builders.oci.model import Config, ContainerConfig, Descriptor, RootFs
from faas_builders.oci.references import HOST, Reference
from faas_builders.oci.store import ImageStore
from faas_builders.target import Platform

MACHINES = {"amd64": 62, "arm64": 183, "arm": 40}
GLIBC = b"\0GNU C Library (Debian GLIBC 2.36-9) stable release version 2.36.\n"
MUSL = b"musl libc\0\x001.2.4\0Dynamic Program Loader"
PATH = "PATH=/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin"

Entry = bytes | str | None
"""Content of a file, target of a symbolic link, or None for a folder."""


def program(architecture: str = "amd64", loader: str = "/lib64/ld-linux-x86-64.so.2") -> bytes:
    """The head of an ELF program, as far as it says what machine and loader it wants."""
    name = loader.encode() + b"\0"
    entries = 1 if loader else 0
    if architecture == "arm":  # 32 bits: offsets of 4 bytes, and the flags of a program header near its end
        fields = (3, MACHINES[architecture], 1, 0, 52, 0, 0, 52, 32, entries, 0, 0, 0)
        header = b"\x7fELF\1\1\1" + bytes(9) + struct.pack("<HHIIIIIHHHHHH", *fields)
        return header + struct.pack("<8I", 3, 52 + 32, 0, 0, len(name), len(name), 4, 1) + name
    fields = (3, MACHINES[architecture], 1, 0, 64, 0, 0, 64, 56, entries, 0, 0, 0)
    header = b"\x7fELF\2\1\1" + bytes(9) + struct.pack("<HHIQQQIHHHHHH", *fields)
    interpreter = struct.pack("<IIQQQQQQ", 3, 4, 64 + 56, 0, 0, len(name), len(name), 1)
    return header + interpreter + name


def layer(entries: Mapping[str, Entry]) -> bytes:
    """A tar with these, in this order."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for path, entry in entries.items():
            info = tarfile.TarInfo(path)
            if entry is None:
                info.type, info.mode = tarfile.DIRTYPE, 0o755
                tar.addfile(info)
            elif isinstance(entry, str):
                info.type, info.linkname = tarfile.SYMTYPE, entry
                tar.addfile(info)
            else:
                info.size, info.mode = len(entry), 0o755
                tar.addfile(info, io.BytesIO(entry))
    return out.getvalue()


def python_files(minor: str = "3.11", architecture: str = "amd64") -> dict[str, Entry]:
    """What python:3.11-slim has, of what is looked at."""
    return {
        f"usr/local/bin/python{minor}": program(architecture),
        "usr/local/bin/python3": f"python{minor}",
        "usr/local/bin/python": "python3",
        f"usr/local/lib/python{minor}/os.py": b"",
        "usr/lib/x86_64-linux-gnu/libc.so.6": GLIBC,
        "etc/ssl/certs/ca-certificates.crt": b"-----BEGIN",
        "etc/passwd": b"root:x:0:0:root:/root:/bin/sh\n",
    }


def put_base(
    store: ImageStore,
    name: str,
    platforms: Sequence[str] = ("linux/amd64",),
    layers: Mapping[str, Sequence[bytes]] | None = None,
    **config: Any,
) -> str:
    """Have the store know a base of that name; returns its reference. Args: layers: tars, by platform."""
    images = []
    for text in platforms:
        platform = Platform.parse(text)
        tars = (layers or {}).get(text) or [layer(python_files(architecture=platform.architecture))]
        images.append(_put_image(store, platform, tars, config))
    reference = Reference(HOST, name, tag="latest")
    if len(images) > 1:
        store.put_index(reference, tuple(images))
    else:
        store.tag(reference, images[0])
    return str(reference)


def _put_image(store: ImageStore, platform: Platform, tars: Sequence[bytes], config: Mapping[str, Any]) -> Descriptor:
    blobs = [gzip.compress(tar, 1, mtime=0) for tar in tars]
    descriptors = tuple(
        Descriptor(media_type=model.LAYER, digest=store.put_blob(blob), size=len(blob)) for blob in blobs
    )
    document = Config(
        architecture=platform.architecture,
        os=platform.os,
        variant=platform.variant,
        created="2024-01-01T00:00:00Z",
        config=ContainerConfig(**{"env": (PATH,), **config}),
        rootfs=RootFs(diff_ids=tuple(model.digest_of(tar) for tar in tars)),
    )
    return store.put_manifest(document, descriptors)
