"""What an image was made of: what its SBOM and its provenance tell. No addresses of indexes, no values, no paths."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any
from urllib.parse import quote

from faas_builders.builder import HOST_BASE
from faas_builders.deps.names import canonical
from faas_builders.oci.references import split
from faas_builders.target import Platform

_PIN = re.compile(r"(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)(?:\[[^\]]*\])?\s*(?:==\s*(?P<version>[^\s;]+)|(?=@|;|--|$))")
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")


@dataclass(frozen=True, slots=True)
class Ingredients:
    """Of the image of one platform."""

    name: str  # of the image
    platform: Platform
    python: str  # 3.12.4
    base: str  # REPOSITORY[:TAG]@DIGEST, or host
    project: Path
    deps: Path | None = None  # folders with installed distributions
    runtime: Path | None = None
    pins: Path | None = None  # what `deps` was installed from
    epoch: int = 0
    commit: str = ""  # of the sources, if all of them are in it
    repository: str = ""  # where that commit is
    parameters: dict[str, Any] = field(default_factory=dict)  # what else was asked for, without any secret

    @property
    def base_image(self) -> BaseImage | None:
        return None if self.base in ("", HOST_BASE) else BaseImage.parse(self.base)

    def pinned(self) -> tuple[Pin, ...]:
        return parse_pins(self.pins.read_text(encoding="utf-8")) if self.pins else ()

    def application(self) -> tuple[str, str]:
        """Name and version as the project declares them; without, the image's name and no version."""
        try:
            declared = tomllib.loads((self.project / "pyproject.toml").read_text(encoding="utf-8")).get("project", {})
        except (OSError, ValueError):
            declared = {}
        name, number = declared.get("name"), declared.get("version")
        return (name if isinstance(name, str) else self.name, number if isinstance(number, str) else "")


@dataclass(frozen=True, slots=True)
class BaseImage:
    repository: str  # docker.io/library/python
    tag: str
    digest: str

    @classmethod
    def parse(cls, reference: str) -> BaseImage:
        return cls(*split(reference))

    @property
    def name(self) -> str:
        return self.repository.rpartition("/")[2]


@dataclass(frozen=True, slots=True)
class Pin:
    name: str  # as indexes compare them
    version: str  # "" for one that is pinned by an address, which is not told: it may hold a password
    hashes: tuple[str, ...] = ()  # SHA-256 of its archives: those of all platforms, so of which it was one

    @property
    def purl(self) -> str:
        return pypi_purl(self.name, self.version)


def parse_pins(text: str) -> tuple[Pin, ...]:
    """Of a requirements file with pins, sorted by name."""
    pins = []
    for line in re.sub(r"\\\n", " ", text).splitlines():
        match = _PIN.match(line.strip())
        if match is not None:
            hashes = tuple(sorted(_HASH.findall(line)))
            pins.append(Pin(canonical(match["name"]), match["version"] or "", hashes))
    return tuple(sorted(set(pins), key=lambda pin: (pin.name, pin.version)))


def pypi_purl(name: str, number: str) -> str:
    return f"pkg:pypi/{canonical(name)}" + (f"@{quote(number, safe='')}" if number else "")


def oci_purl(name: str, digest: str, *, repository: str = "", tag: str = "", architecture: str = "") -> str:
    """Source: package URL type definitions, `oci`."""
    qualifiers = {"arch": architecture, "repository_url": repository, "tag": tag}
    written = "&".join(f"{key}={quote(value, safe='/:')}" for key, value in qualifiers.items() if value)
    return f"pkg:oci/{quote(name.lower(), safe='')}@{quote(digest, safe='')}" + (f"?{written}" if written else "")


def own_version(distribution: str) -> str:
    """The version of a part of ours that is installed here."""
    try:
        return version(distribution)
    except PackageNotFoundError:  # run from a source tree
        return "0"
