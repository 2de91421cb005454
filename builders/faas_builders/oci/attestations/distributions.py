"""Installed distributions, as their dist-info folders describe them.

Source: core metadata 2.4 (Requires-Dist, License-Expression).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from faas_builders.deps.names import canonical
from faas_builders.target import Platform

if TYPE_CHECKING:  # imported where it is needed: it takes longer than the rest of a warm build's SBOM
    from packaging.metadata import RawMetadata
    from packaging.requirements import Requirement

_LONGEST_LICENSE = 100  # some put the whole text into the field
_MACHINES = {"amd64": "x86_64", "arm64": "aarch64", "arm": "armv7l", "386": "i686"}
_OSI = "License :: OSI Approved :: "


@dataclass(frozen=True, slots=True)
class Distribution:
    name: str  # as indexes compare them
    version: str
    summary: str = ""
    license_expression: str = ""  # SPDX
    licenses: tuple[str, ...] = ()  # names of licenses, where there is no expression
    requires: tuple[str, ...] = ()  # requirements as they are written


def find_distributions(folder: Path) -> tuple[Distribution, ...]:
    """Those in a folder of `deps.install`, sorted by name; what has no name or version is none."""
    from packaging.metadata import parse_email

    found = []
    for metadata in sorted(folder.glob("*.dist-info/METADATA")):
        fields, _ = parse_email(metadata.read_bytes())
        if fields.get("name") and fields.get("version"):
            found.append(_distribution(fields))
    return tuple(sorted(found, key=lambda one: one.name))


def dependency_graph(
    distributions: Iterable[Distribution], platform: Platform, python: str
) -> Mapping[str, tuple[str, ...]]:
    """Which of these needs which others, by name, on this platform and Python.

    A requirement under an extra counts when another distribution asks for that extra; only what is here is named.
    """
    by_name = {one.name: one for one in distributions}
    environment = _environment(platform, python)
    extras: dict[str, set[str]] = {name: {""} for name in by_name}
    graph: dict[str, set[str]] = {name: set() for name in by_name}
    waiting = list(by_name)
    while waiting:
        name = waiting.pop()
        for text in by_name[name].requires:
            needed = _needed(text, environment, extras[name])
            if needed is None or (other := canonical(needed.name)) not in by_name:
                continue
            graph[name].add(other)
            if not needed.extras <= extras[other]:
                extras[other] |= needed.extras
                waiting.append(other)
    return {name: tuple(sorted(needs - {name})) for name, needs in graph.items()}


def _distribution(fields: RawMetadata) -> Distribution:
    return Distribution(
        name=canonical(fields["name"]),
        version=fields["version"],
        summary=fields.get("summary", "").strip(),
        license_expression=fields.get("license_expression", "").strip(),
        licenses=_licenses(fields),
        requires=tuple(fields.get("requires_dist", ())),
    )


def _licenses(fields: RawMetadata) -> tuple[str, ...]:
    """Classifiers are from a list, what is in the field License is anything."""
    classified = [line.removeprefix(_OSI) for line in fields.get("classifiers", ()) if line.startswith(_OSI)]
    if classified:
        return tuple(sorted(set(classified)))
    written = fields.get("license", "").strip()
    return (written,) if written and len(written) <= _LONGEST_LICENSE and "\n" not in written else ()


def _needed(text: str, environment: dict[str, str], extras: set[str]) -> Requirement | None:
    from packaging.requirements import InvalidRequirement, Requirement

    try:
        requirement = Requirement(text)
    except InvalidRequirement:  # packages from before the syntax was fixed
        return None
    if requirement.marker is None:
        return requirement
    fits = any(requirement.marker.evaluate({**environment, "extra": extra}) for extra in extras)
    return requirement if fits else None


def _environment(platform: Platform, python: str) -> dict[str, str]:
    """Every variable of markers, so that nothing of this machine gets in."""
    full = python if python.count(".") >= 2 else f"{python}.0"
    return {
        "implementation_name": "cpython",
        "implementation_version": full,
        "os_name": "posix",
        "platform_machine": _MACHINES.get(platform.architecture, platform.architecture),
        "platform_release": "",
        "platform_system": "Linux",
        "platform_version": "",
        "python_full_version": full,
        "platform_python_implementation": "CPython",
        "python_version": ".".join(full.split(".")[:2]),
        "sys_platform": "linux",
    }
