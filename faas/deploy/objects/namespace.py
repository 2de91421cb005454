"""The namespace of a deploy, where it is missing."""

from __future__ import annotations

import contextlib

from faas.client.errors import AlreadyExists
from faas.client.protocol import Client
from faas.project.manifests.labels import MANAGED_BY_LABEL, MANAGER
from faas.resources.kinds import NAMESPACE


async def create(client: Client, name: str) -> None:
    """Make it, unless somebody was faster. No deploy ever deletes it: others may be in it. Raises: ApiError."""
    metadata = {"name": name, "labels": {MANAGED_BY_LABEL: MANAGER}}
    with contextlib.suppress(AlreadyExists):
        await client.create(NAMESPACE, {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})
