"""What faas_runtime says it needs, read from the one that is installed beside this builder."""

from __future__ import annotations

import importlib.metadata
import re
from functools import cache

from faas_builders.deps.names import canonical


def base_requirements() -> list[str]:
    """What it needs always, extras left out."""
    return sorted(line for line in _declared() if "extra ==" not in line)


def extra_requirements(extras: tuple[str, ...]) -> list[str]:
    """What an extra of faas-runtime (`traces`) stands for; one that there is not stands for nothing."""
    wanted = [(line.partition(";")[0], line.partition(";")[2]) for line in _declared()]
    return sorted(
        requirement.strip()
        for requirement, marker in wanted
        for extra in extras
        if re.search(rf"extra\s*==\s*['\"]{re.escape(extra)}['\"]", marker)
    )


def tested_pins() -> list[str]:
    """The versions that are installed here of all that faas-runtime needs, directly or not: those were tested."""
    pins: dict[str, str] = {}
    todo = [_name_in(line) for line in base_requirements()]
    while todo:
        name = canonical(todo.pop())
        if name in pins:
            continue
        try:
            distribution = importlib.metadata.distribution(name)
        except importlib.metadata.PackageNotFoundError:  # its marker does not hold on this machine
            continue
        pins[name] = f"{name}=={distribution.version}"
        todo += [_name_in(line) for line in distribution.requires or () if "extra ==" not in line]
    return sorted(pins.values())


@cache
def _declared() -> tuple[str, ...]:
    return tuple(importlib.metadata.requires("faas-runtime") or ())


def _name_in(line: str) -> str:
    return re.split(r"[\s;<>=!~\[(]", line, maxsplit=1)[0]
