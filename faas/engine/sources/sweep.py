"""Which folders below STATE/sources belong to nobody any more."""

from __future__ import annotations

import shutil
from collections.abc import Set
from pathlib import Path

from faas.client.protocol import Client
from faas.resources.kinds import SOURCES


async def living_uids(client: Client) -> set[str]:
    """Of every source object that there is. Raises: ApiError."""
    return {item["metadata"]["uid"] for kind in SOURCES for item in (await client.list(kind)).items}


def remove_forgotten(folder: Path, living: Set[str]) -> None:
    """A folder is named by its source's UID."""
    for entry in folder.iterdir():
        if entry.name not in living:
            shutil.rmtree(entry, ignore_errors=True)
