"""What has to be there before anybody asks: the namespaces, and Knative's config maps with every setting explained."""

from __future__ import annotations

from contextlib import suppress

from faas.client.errors import AlreadyExists
from faas.engine.api.backend import SYSTEM_NAMESPACES, Backend
from faas.resources import kinds
from faas.resources.config import DEFAULT_CONFIG_MAPS


async def bootstrap(backend: Backend) -> None:
    """Make what is not there; whatever a user has made of it stays."""
    namespaces = [{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}} for name in SYSTEM_NAMESPACES]
    for obj in (*namespaces, *DEFAULT_CONFIG_MAPS):
        kind = kinds.NAMESPACE if obj["kind"] == "Namespace" else kinds.CONFIG_MAP
        metadata = obj["metadata"]
        if backend.store.get(backend.key(kind, metadata["name"], metadata.get("namespace", ""))) is None:
            with suppress(AlreadyExists):
                await backend.create(kind, dict(obj))
