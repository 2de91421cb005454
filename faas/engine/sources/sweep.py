"""What sources that are gone have left behind."""

from __future__ import annotations

import shutil
from collections.abc import Set
from pathlib import Path

from faas.client.errors import ApiError, NotFound
from faas.client.protocol import Client
from faas.engine.contract.sources import SourcePlan
from faas.resources.kinds import SOURCES


async def living_uids(client: Client) -> set[str]:
    """Of every source object that there is. Raises: ApiError."""
    return {item["metadata"]["uid"] for kind in SOURCES for item in (await client.list(kind)).items}


async def is_gone(client: Client, plan: SourcePlan) -> bool:
    """Whether the object of a plan is deleted; when nobody can tell, it is not."""
    kind = next(kind for kind in SOURCES if str(kind) == plan.key.resource)
    try:
        found = await client.get(kind, plan.key.name, plan.key.namespace)
    except NotFound:
        return True
    except ApiError:
        return False
    return bool(found["metadata"]["uid"] != plan.uid)


def remove_forgotten(folder: Path, kept: Set[str]) -> None:
    """Args: kept: names of the folders in it that somebody needs."""
    for entry in folder.iterdir():
        if entry.name not in kept:
            shutil.rmtree(entry, ignore_errors=True)
