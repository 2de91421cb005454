"""Asking a cluster what it has already that decides how objects for it are written."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Protocol

from faas.client.errors import Forbidden, NotFound, Unauthorized
from faas.client.protocol import Client, Object
from faas.client.visible import list_visible
from faas.deploy.bounded import each
from faas.deploy.objects.belonging import SOURCE_KINDS
from faas.project.manifests.surroundings import Surroundings
from faas.resources.kinds import BROKER, TRIGGER, Kind


class Discovering(Client, Protocol):
    async def ask(self, method: str, path: str, query: Mapping[str, str] | None = None) -> Object: ...


async def look_around(client: Discovering, namespace: str) -> Surroundings:
    """Asks, writes nothing; who may not see something gets what is written without knowing it.

    Raises: ApiError: the server is not there, or does not let this user in.
    """
    missing = await missing_kinds(client, (TRIGGER, *SOURCE_KINDS))
    return Surroundings(missing, {} if TRIGGER in missing else await broker_addresses(client, namespace))


async def missing_kinds(client: Discovering, kinds: Iterable[Kind]) -> frozenset[Kind]:
    """Those that the server does not serve in their version, by its own list of what it does."""
    wanted = tuple(kinds)
    versions = sorted({kind.api_version for kind in wanted})
    served = dict(zip(versions, await each(versions, lambda version: _served(client, version)), strict=True))

    def is_missing(kind: Kind) -> bool:
        names = served[kind.api_version]
        return names is not None and kind.plural not in names

    return frozenset(filter(is_missing, wanted))


async def broker_addresses(client: Client, namespace: str) -> dict[str, str]:
    """Where the Brokers that are there take events, as their status says."""
    found = {}
    for broker in await list_visible(client, BROKER, namespace, set()):
        address = (broker.get("status") or {}).get("address") or {}
        if url := address.get("url"):
            found[str(broker["metadata"]["name"])] = str(url)
    return found


async def _served(client: Discovering, api_version: str) -> frozenset[str] | None:
    """The plurals of a group in a version; None where that cannot be told."""
    try:
        listed = await client.ask("GET", f"/apis/{api_version}")
    except NotFound:
        return frozenset()
    except Unauthorized:
        raise
    except Forbidden:
        return None
    return frozenset(str(resource.get("name")) for resource in listed.get("resources") or ())
