"""Whether the store of dead letters that a deploy made runs. A deploy whose functions serve does not fail for it.

Events do not go through it: what cannot be delivered is tried again first, and only comes here when all tries are over.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from faas.client.errors import ApiError, Gone
from faas.client.protocol import Client, Object
from faas.client.services.store import COMPONENT, COMPONENT_LABEL, NAME
from faas.client.visible import list_visible
from faas.deploy.objects.plan import Change
from faas.deploy.reasons.revision import trouble_of
from faas.deploy.reasons.trouble import Trouble
from faas.resources.kinds import DEPLOYMENT, EVENT, POD

NEW_S, OLD_S = 20.0, 1.0
"""How long it may take when this deploy has changed it, and when it has had its time already.

Beyond what the functions took, which pull an image too: its own is the larger one, and it starts in a second."""

_SLOW = Trouble(
    "Starting", "it has not started yet", f"See what it does:  kubectl describe pod -l app.kubernetes.io/name={NAME}"
)
_NO_VOLUME = (
    "Nothing makes its volume: have a StorageClass marked as the default one (kubectl get storageclass),\n"
    "or do without:  dead_letters = false"
)


def store_of(changes: Sequence[Change]) -> Change | None:
    """The store's Deployment, where a deploy has one that is not known to run. Pure."""
    for change in changes:
        if (change.kind, change.name) == (DEPLOYMENT, NAME):
            return None if change.action == "unchanged" and is_available(change.live or {}) else change
    return None


def time_for(change: Change) -> float:
    return OLD_S if change.action == "unchanged" else NEW_S


def is_available(deployment: Mapping[str, Any]) -> bool:
    """Whether it runs, as it is wanted now. Pure."""
    status = deployment.get("status") or {}
    seen = status.get("observedGeneration") == deployment.get("metadata", {}).get("generation")
    return bool(seen and status.get("availableReplicas") and status.get("updatedReplicas") == status.get("replicas"))


async def store_trouble(client: Client, namespace: str, *, wait_s: float) -> Trouble | None:
    """What keeps the store from running, once it had some time; None: it runs, or nobody may see."""
    try:
        async with asyncio.timeout(wait_s):
            await _until_available(client, namespace)
            return None
    except TimeoutError:
        pass
    except ApiError:
        return None
    try:
        pods = await list_visible(client, POD, namespace, set(), label_selector=f"{COMPONENT_LABEL}={COMPONENT}")
        warnings = await list_visible(client, EVENT, namespace, set())
        return trouble_of_store(pods, warnings)
    except ApiError:
        return None


def trouble_of_store(pods: Sequence[Object], warnings: Sequence[Object]) -> Trouble:
    """Pure."""
    trouble = trouble_of(pods, warnings, NAME) or _SLOW
    unbound = "persistentvolumeclaim" in trouble.sentence.lower()
    return replace(trouble, advice=_NO_VOLUME) if unbound else trouble


async def _until_available(client: Client, namespace: str) -> None:
    while True:
        try:
            async for event in client.watch(DEPLOYMENT, namespace, field_selector=f"metadata.name={NAME}"):
                if event.type != "BOOKMARK" and is_available(event.object):
                    return
        except Gone:
            continue  # list again
