"""The seam to whatever makes images: what it is asked, what it answers, and the steps it goes through.

`oci` (with and without base `host`), `docker` and `pack` are behind it. Each leaves its image in the image store, as an
OCI image or index; pushing it, and writing it as an archive, is the same for all of them (`delivery`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

from faas_builders.target import Platform

Step = Literal["resolve", "base", "layers", "build", "config", "write", "push"]

Report = Callable[[Step, str], None]
"""Called with the step and one line of what it does, in the order of the steps."""

HOST_BASE = "host"


@dataclass(frozen=True, slots=True)
class BuildRequest:
    """An image of the project in folder `project`, to be called `faas.local/NAME:TAG`."""

    project: Path
    name: str
    python: Path | None = None  # base host: the interpreter that will run it
    tag: str = "latest"
    labels: Mapping[str, str] = field(default_factory=dict)
    base: str = ""  # an image reference, or `host`; "": the builder's own default
    python_version: str = ""  # 3.12: of the default base; "": what the project and this machine have
    platforms: tuple[Platform, ...] = ()  # (): this machine's
    env: Mapping[str, str] = field(default_factory=dict)  # of the image; for pack and docker also while it is built
    groups: tuple[str, ...] = ()  # dependency groups (PEP 735) that the functions need too
    extras: tuple[str, ...] = ()  # of the project itself
    secrets: Mapping[str, Path] = field(default_factory=dict)  # id -> file: seen while building, in no image
    insecure: bool = False  # registries may be plain HTTP, or have a certificate nobody vouches for
    attest: bool = True  # make an SBOM and a provenance beside the image


@dataclass(frozen=True, slots=True)
class BuiltLayer:
    name: str  # base, deps, runtime, app
    digest: str
    size_bytes: int  # compressed
    reused: bool  # it was there already


@dataclass(frozen=True, slots=True)
class BuiltImage:
    """One platform's image."""

    platform: Platform
    digest: str
    layers: tuple[BuiltLayer, ...]  # bottom first

    @property
    def size_bytes(self) -> int:
        return sum(layer.size_bytes for layer in self.layers)


@dataclass(frozen=True, slots=True)
class BuildResult:
    """What every builder answers. One image has the digest of its manifest, several that of their index."""

    reference: str  # with the digest: what a manifest names, faas.local/NAME@sha256:HEX or a registry's
    digest: str
    builder: str  # oci, docker, pack
    base: str  # host, or the base by digest, or the name of the builder image
    images: tuple[BuiltImage, ...]
    timings_s: tuple[tuple[Step, float], ...] = ()

    @property
    def layers(self) -> tuple[BuiltLayer, ...]:
        """Of the first platform."""
        return self.images[0].layers


class Builder(Protocol):
    def build(self, request: BuildRequest, report: Report = ...) -> BuildResult:
        """Make the image. The same inputs give the same digest. Raises: BuildError."""
        ...

    def explain(self, request: BuildRequest) -> tuple[Choice, ...]:
        """What `build` would use, without building. Raises: BuildError."""
        ...


@dataclass(frozen=True, slots=True)
class Choice:
    """One thing that a builder has decided, and what made it so."""

    what: str  # builder, base, python, platforms, dependencies, ...
    value: str
    why: str


def silent(step: Step, line: str) -> None:
    """The report of who does not want one."""
