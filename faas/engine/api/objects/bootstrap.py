"""What has to be there before anybody asks: definitions of kinds, namespaces, Knative's config maps."""

from __future__ import annotations

from contextlib import suppress

from faas.client.errors import AlreadyExists
from faas.engine.api.objects.backend import Backend
from faas.engine.api.objects.removing import SYSTEM_NAMESPACES
from faas.resources import kinds
from faas.resources.config import DEFAULT_CONFIG_MAPS
from faas.resources.definitions import make_definition


async def bootstrap(backend: Backend) -> None:
    """Make what is not there; whatever a user has made of it stays."""
    await _define(backend)
    namespaces = [{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}} for name in SYSTEM_NAMESPACES]
    for obj in (*namespaces, *DEFAULT_CONFIG_MAPS):
        kind = kinds.NAMESPACE if obj["kind"] == "Namespace" else kinds.CONFIG_MAP
        metadata = obj["metadata"]
        if (
            backend.records.store.get(backend.records.key(kind, metadata["name"], metadata.get("namespace", "")))
            is None
        ):
            with suppress(AlreadyExists):
                await backend.create(kind, dict(obj))


async def _define(backend: Backend) -> None:
    """Definitions are kept in memory only: they say what this release serves."""
    now = backend.records.now()
    for kind in backend.kinds if kinds.CUSTOM_RESOURCE_DEFINITION in backend.kinds else ():
        if kind.custom:
            with suppress(AlreadyExists):  # a second start over the same memory, as tests have it
                await backend.create(kinds.CUSTOM_RESOURCE_DEFINITION, make_definition(kind, kinds.versions(kind), now))
