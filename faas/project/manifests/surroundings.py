"""What a cluster has already that decides how a project's objects are written for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from faas.resources.kinds import Kind


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Without a word of it: a cluster of which nothing is known."""

    missing_kinds: frozenset[Kind] = frozenset()  # of sources: our adapters do the same where they can
    broker_addresses: Mapping[str, str] = field(default_factory=dict)  # URLs by the names of Brokers that have one
