"""What is installed in a layer, and what of it needs what: worked out once for the same metadata."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import msgspec

from faas_builders.cache import cache_dir, cached, key_of
from faas_builders.oci.attestations.distributions import Distribution, dependency_graph, find_distributions
from faas_builders.target import Platform

_FORMAT = "1"  # part of every key: raise it when something else is read from the same metadata


class Inventory(msgspec.Struct, frozen=True):
    distributions: tuple[Distribution, ...] = ()
    needs: Mapping[str, tuple[str, ...]] = {}  # by name


def take_inventory(
    folder: Path | None, platform: Platform, python: str, also: tuple[Distribution, ...] = ()
) -> Inventory:
    """Of a folder of `deps.install`. Args: also: what has no metadata there."""
    if folder is None:
        return Inventory()
    files = sorted(folder.glob("*.dist-info/METADATA"))
    contents = [part for file in files for part in (file.parent.name, file.read_bytes())]
    key = key_of(_FORMAT, str(platform), python, msgspec.json.encode(also), *contents)

    def fill(made: Path) -> None:
        distributions = (*find_distributions(folder), *also)
        taken = Inventory(distributions, dependency_graph(distributions, platform, python))
        (made / "inventory.json").write_bytes(msgspec.json.encode(taken))

    return msgspec.json.decode(
        (cached(cache_dir() / "inventories" / key, fill) / "inventory.json").read_bytes(), type=Inventory
    )
