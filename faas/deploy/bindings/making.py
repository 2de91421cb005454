"""One of what leads to Services, as it was planned: made, made anew, or deleted."""

from __future__ import annotations

import asyncio

from faas.client.errors import NotFound
from faas.client.protocol import Client
from faas.deploy.errors import DeployError
from faas.deploy.objects.applying import apply_change
from faas.deploy.objects.plan import Change
from faas.resources.kinds import TRIGGER, Kind

_GONE_S = 60.0  # to sign off from whatever it listened to
DONE = {"create": "created", "update": "changed", "replace": "replaced"}


async def make(client: Client, change: Change, namespace: str, *, force: bool) -> None:
    """Raises: FieldConflicts: somebody was faster; DeployError: what is to be made anew does not go; ApiError."""
    if change.action == "replace":
        await delete(client, change.kind, change.name, namespace, wait=True)
    if change.action != "unchanged":
        await apply_change(client, change, force=force)


async def delete(client: Client, kind: Kind, name: str, namespace: str, *, wait: bool = False) -> None:
    """A Trigger is waited for, and its Subscription with it; whatever else only if `wait` says so.

    Raises: DeployError: it does not go.
    """
    try:
        await client.delete(kind, name, namespace, propagation="Foreground" if kind == TRIGGER else "Background")
    except NotFound:
        return
    if wait or kind == TRIGGER:
        await _until_gone(client, kind, name, namespace)


async def _until_gone(client: Client, kind: Kind, name: str, namespace: str) -> None:
    """A source may have to undo something upstream first; what is applied to it until then would go with it.

    Raises: DeployError: it does not go.
    """
    only = f"metadata.name={name}"
    listed = await client.list(kind, namespace, field_selector=only)
    if not listed.items:
        return
    watch = client.watch(kind, namespace, resource_version=listed.resource_version, field_selector=only)
    try:
        async with asyncio.timeout(_GONE_S):
            async for event in watch:
                if event.type == "DELETED":
                    return
    except TimeoutError:
        raise DeployError(f"{kind.kind} {name} is deleted, and does not go", "See its metadata.finalizers") from None
