"""Names of distributions, and which of them are ours."""

from __future__ import annotations

import re
from collections.abc import Iterable

OURS = ("faas", "faas-runtime", "faas-builders")
"""Never looked up in an index: the runtime layer brings faas_runtime, and a function needs no toolkit."""

# Name and extras of a PEP 508 line. (packaging would parse it all, but its import takes a third of a warm build.)
_NAMED = re.compile(r"^\s*([A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)\s*(?:\[([^\]]*)\])?\s*(?=$|[\s;@,(<>=!~\\])")


def canonical(name: str) -> str:
    """A distribution's name as indexes compare it. Source: PEP 503."""
    return re.sub(r"[-_.]+", "-", name).lower()


def name_of(line: str) -> str:
    """The canonical name that a requirement starts with; "" when it starts with none."""
    match = _NAMED.match(line)
    return canonical(match[1]) if match else ""


def extras_of_ours(lines: Iterable[str]) -> tuple[str, ...]:
    """What is asked for as `faas[traces]`."""
    found = [match for line in lines if (match := _NAMED.match(line)) and canonical(match[1]) in OURS]
    return tuple(sorted({extra.strip() for match in found for extra in (match[2] or "").split(",") if extra.strip()}))
