"""How controllers write: only what changed, and so that the caches know it as soon as it is acknowledged."""

from __future__ import annotations

from typing import Any

from faas.client.errors import AlreadyExists, NotFound
from faas.client.protocol import Client, Object
from faas.engine.controllers.cache import Cache, Key, V, key_of
from faas.engine.controllers.events import tell_ready
from faas.engine.controllers.means import Means
from faas.resources.duck import Status
from faas.resources.views import View, encode

MANAGER = "faas-controller"


async def write_status(client: Client, cache: Cache[V], raw: Object, status: View) -> bool:
    """Write a status that differs from the stored one; one commit. Raises Conflict when `raw` is not the newest."""
    encoded = encode(status)
    if raw.get("status", {}) == encoded:
        return False
    changed = {**raw, "status": encoded}
    cache.observe(await client.update(cache.kind, changed, subresource="status", field_manager=MANAGER))
    return True


async def report(means: Means, cache: Cache[V], raw: Object, before: Status, after: Status) -> None:
    """Write a status as `write_status` does, and tell when Ready has become another."""
    if await write_status(means.client, cache, raw, after):
        tell_ready(means.recorder, raw, before.conditions, after.conditions)


async def create(client: Client, cache: Cache[V], obj: Object) -> V | None:
    """Create what the cache does not have; when the API has it already, the cache learns of it."""
    try:
        cache.observe(await client.create(cache.kind, obj, field_manager=MANAGER))
    except AlreadyExists:
        key = key_of(obj)
        cache.observe(await client.get(cache.kind, key.name, key.namespace))
    return cache.get(key_of(obj))


async def update(client: Client, cache: Cache[V], obj: Object) -> None:
    cache.observe(await client.update(cache.kind, obj, field_manager=MANAGER))


async def patch_metadata(client: Client, cache: Cache[V], key: Key, metadata: dict[str, Any]) -> None:
    """Merge labels and annotations; None removes one. An object that is gone needs none."""
    try:
        patched = await client.patch(
            cache.kind, key.name, {"metadata": metadata}, key.namespace, type="merge", field_manager=MANAGER
        )
    except NotFound:
        return
    cache.observe(patched)


def is_controlled_by(raw: Object, owner: Object) -> bool:
    return any(
        reference.get("controller") and reference.get("uid") == owner["metadata"]["uid"]
        for reference in raw["metadata"].get("ownerReferences") or ()
    )
