"""Where an image of the store can go: a folder, an archive, a Docker engine. The same for every builder.

Registries are `registry.push`'s.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from faas_builders.errors import BuilderError
from faas_builders.oci import archive
from faas_builders.oci.layout import PART
from faas_builders.oci.store import ImageStore
from faas_builders.target import Platform

OutputKind = Literal["oci", "oci-archive", "docker-archive", "docker"]


@dataclass(frozen=True, slots=True)
class Output:
    kind: OutputKind
    path: Path | None = None  # of all but docker

    def __str__(self) -> str:
        return f"{self.kind}:{self.path}" if self.path else self.kind


def parse_output(text: str) -> Output:
    """`oci:DIR`, `oci-archive:FILE`, `docker-archive:FILE`, `docker`. Raises: ValueError."""
    kind, colon, path = text.partition(":")
    for known in get_args(OutputKind):
        if kind == known and bool(path) == bool(colon) == (kind != "docker"):
            return Output(known, Path(path) if path else None)
    raise ValueError(f"{text!r} is none of oci:DIR, oci-archive:FILE, docker-archive:FILE, docker")


def deliver(store: ImageStore, reference: str, output: Output, *, name: str, platform: Platform | None = None) -> None:
    """Write the image there; a file appears whole or not at all.

    Args:
        name: what a Docker engine calls it, and the tag of it in a layout.
        platform: the one that a Docker engine or its archive gets; this machine's without it.
    Raises: ImageMissing, NoSpace; ToolMissing: no Docker engine answers; BuilderError.
    """
    if output.path is None:
        _load(store, reference, name, platform)
    elif output.kind == "oci":
        archive.write_oci_layout(store, reference, output.path, tags=(name,))
    else:
        with _whole(output.path) as part:
            if output.kind == "oci-archive":
                archive.write_oci_layout(store, reference, part, tags=(name,))
            else:
                with open(part, "wb") as out:
                    archive.write_docker_archive(store, reference, platform, out, tags=(name,))


def _load(store: ImageStore, reference: str, name: str, platform: Platform | None) -> None:
    from docker.errors import APIError, DockerException

    from faas_builders.docker.engine import connect

    # Sent in the pieces that it comes in: an image never is in memory whole. The stubs do not know of that.
    pieces: Any = archive.docker_archive(store, reference, platform, tags=(name,))
    with closing(connect()) as client:
        try:
            client.images.load(pieces)
        except (APIError, DockerException) as error:
            raise BuilderError(f"the Docker engine does not take {name}: {error}") from error


@contextmanager
def _whole(path: Path) -> Iterator[Path]:
    """A file beside `path` to write to, which takes its name when the block has ended well."""
    if path.is_dir():
        raise BuilderError(f"{path} is a folder, and an archive is a file", f"Name one in it: {path / 'image.tar'}")
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=PART, dir=path.parent) as folder:
        part = Path(folder) / "image.tar"
        yield part
        os.replace(part, path)
