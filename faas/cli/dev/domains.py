"""The domains that the code gives its services, while it is written."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from faas.client.protocol import Client, Object
from faas.deploy.bindings.settled import wait_settled
from faas.deploy.objects.applying import apply
from faas.project.manifests.labels import PROJECT_LABEL
from faas.resources.kinds import DOMAIN_MAPPING

_READY_S = 5.0  # the engine needs a moment; a domain that somebody else has goes on waiting by itself
_PATIENCE_S = 1.0


async def bring_domains(
    client: Client, mappings: Sequence[Object], *, project: str, namespace: str
) -> tuple[dict[str, str], list[str]]:
    """Make the project's mappings what the code says, once it serves.

    Returns: what is in the way of each domain, "" where nothing is; domains that are gone.
    Raises: ApiError: a name that is no domain.
    """
    await asyncio.gather(*(apply(client, mapping, kind=DOMAIN_MAPPING) for mapping in mappings))
    wanted = [mapping["metadata"]["name"] for mapping in mappings]
    found = await client.list(DOMAIN_MAPPING, namespace, label_selector=f"{PROJECT_LABEL}={project}")
    gone = [item["metadata"]["name"] for item in found.items if item["metadata"]["name"] not in wanted]
    for name in gone:
        await client.delete(DOMAIN_MAPPING, name, namespace)
    verdicts = await wait_settled(
        client, namespace, [(DOMAIN_MAPPING, name) for name in wanted], timeout_s=_READY_S, patience_s=_PATIENCE_S
    )
    obstacles = {
        name: "" if verdict.state == "ready" else verdict.message or "not ready yet"
        for (_, name), verdict in verdicts.items()
    }
    return obstacles, gone
