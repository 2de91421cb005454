"""What faas_runtime and the toolkit's programs say they need, read from those installed beside this builder."""

from __future__ import annotations

import importlib.metadata
import re
from collections.abc import Collection, Iterable
from functools import cache

from faas_builders.deps.names import canonical


def base_requirements() -> list[str]:
    """What it needs always, extras left out."""
    return sorted(line for line in _declared() if "extra ==" not in line)


def extra_requirements(extras: tuple[str, ...]) -> list[str]:
    """What an extra of faas-runtime (`traces`) stands for; one that there is not stands for nothing."""
    return sorted(line.partition(";")[0].strip() for line in _declared() if _extra_of(line) in extras)


def tested_pins() -> list[str]:
    """The versions that are installed here of all that faas-runtime needs, directly or not: those were tested."""
    return installed_pins(base_requirements())


def installed_pins(lines: Iterable[str]) -> list[str]:
    """The versions that are installed here of these requirements, and of all that they need."""
    pins: dict[str, str] = {}
    seen: set[str] = set()
    todo = list(lines)
    while todo:
        line = todo.pop()
        if line in seen:
            continue
        seen.add(line)
        try:
            distribution = importlib.metadata.distribution(_name_in(line))
        except importlib.metadata.PackageNotFoundError:  # its marker does not hold on this machine
            continue
        name = canonical(_name_in(line))
        pins[name] = f"{name}=={distribution.version}"
        extras = _extras_in(line)
        todo += [each for each in distribution.requires or () if not (extra := _extra_of(each)) or extra in extras]
    return sorted(pins.values())


def program_requirements(distributions: Iterable[str], modules: Collection[str], extra: str) -> list[str]:
    """What programs of these distributions need: the extra, and whatever provides one of the top-level `modules`."""
    declared = [line for name in distributions for line in importlib.metadata.requires(name) or ()]
    homes = importlib.metadata.packages_distributions()
    names = {canonical(name) for module in modules for name in homes.get(module, ())}
    wanted = [line for line in declared if not _extra_of(line) and canonical(_name_in(line)) in names]
    optional = [line.rpartition(";")[0].strip() for line in declared if _extra_of(line) == extra]
    return sorted({*wanted, *optional})


@cache
def _declared() -> tuple[str, ...]:
    return tuple(importlib.metadata.requires("faas-runtime") or ())


def _extra_of(line: str) -> str:
    """The extra that a requirement belongs to; "" when it is needed always."""
    found = re.search(r"extra\s*==\s*['\"]([^'\"]+)['\"]", line.partition(";")[2])
    return found[1] if found else ""


def _extras_in(line: str) -> list[str]:
    found = re.match(r"[\w.-]+\s*\[([^\]]*)\]", line)
    return [extra.strip() for extra in found[1].split(",")] if found else []


def _name_in(line: str) -> str:
    return re.split(r"[\s;<>=!~\[(]", line, maxsplit=1)[0]
