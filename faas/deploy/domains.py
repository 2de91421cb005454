"""Names of a Service's own: who has them, and the DomainMappings that give them.

A host belongs to the namespace that its ClusterDomainClaim names. Where Knative does not make claims by itself, its
default, a DomainMapping without one fails; its controller does not watch claims, so the claim has to be there first,
and a mapping that failed for want of it has to be touched once it is. Claims are for those who run the cluster: who may
not make them is told what to ask for.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress

from faas.client.errors import AlreadyExists, ApiError, Forbidden, NotFound, Unauthorized
from faas.client.protocol import Client, Object
from faas.deploy.bounded import each
from faas.deploy.errors import EventFailure
from faas.deploy.events import DONE, make
from faas.deploy.plan import Change
from faas.deploy.settled import judge_ready
from faas.project.labels import MANAGED_BY_LABEL, MANAGER, PROJECT_LABEL
from faas.resources.kinds import CLUSTER_DOMAIN_CLAIM, DOMAIN_MAPPING

Log = Callable[[str], None]
CLAIM = "faas.dev/claim"  # of a DomainMapping that was touched for its claim's sake: which, or when it may not be seen
_MANAGER = "faas-domains"  # of that annotation: applying the mapping must not take it back


async def make_domains(
    client: Client, changes: Sequence[Change], namespace: str, *, force: bool, claims: bool, log: Log
) -> list[EventFailure]:
    """Claim and map what is not served yet; what cannot be, and why. None holds up another, or what else is deployed.

    Args: claims: make claims; the engine does by itself.
    Raises: FieldConflicts: somebody was faster; Unauthorized.
    """

    async def one(change: Change) -> EventFailure | None:
        if is_served(change):
            return None
        try:
            return await _make(client, change, namespace, force=force, claims=claims, log=log)
        except Unauthorized:
            raise
        except ApiError as error:
            return EventFailure(DOMAIN_MAPPING.kind, change.name, error.reason, error.message)

    return [failure for failure in await each(changes, one) if failure is not None]


def is_served(change: Change) -> bool:
    """Whether there is nothing to do for a domain."""
    return change.action == "unchanged" and _serves(change)


async def release(client: Client, host: str, namespace: str) -> None:
    """Give back a host whose DomainMapping is deleted, if a deploy has claimed it; who may not, leaves it."""
    with suppress(NotFound, Forbidden):
        claim = await client.get(CLUSTER_DOMAIN_CLAIM, host)
        labels = claim["metadata"].get("labels") or {}
        if _holder(claim) == namespace and labels.get(MANAGED_BY_LABEL) == MANAGER:
            await client.delete(CLUSTER_DOMAIN_CLAIM, host)


def make_claim(mapping: Object) -> Object:
    """What gives the host of a DomainMapping to its namespace."""
    metadata = mapping["metadata"]
    ours = metadata.get("labels") or {}
    labels = {key: ours[key] for key in (PROJECT_LABEL, MANAGED_BY_LABEL) if key in ours}
    return {
        "apiVersion": CLUSTER_DOMAIN_CLAIM.api_version,
        "kind": CLUSTER_DOMAIN_CLAIM.kind,
        "metadata": {"name": metadata["name"], "labels": labels},
        "spec": {"namespace": metadata["namespace"]},
    }


async def _make(
    client: Client, change: Change, namespace: str, *, force: bool, claims: bool, log: Log
) -> EventFailure | None:  # fmt: skip
    claim = await _claim(client, change, log) if claims else None
    if claim is not None and (holder := _holder(claim)) != namespace:
        text = f"namespace {holder} has claimed it" if holder else "its claim names no namespace"
        return EventFailure(DOMAIN_MAPPING.kind, change.name, "DomainAlreadyClaimed", text)
    await make(client, change, namespace, force=force)
    if change.action != "unchanged":
        log(f"{change.name}: {DONE[change.action]}")
    if claims and change.action == "unchanged":
        await _touch(client, change, namespace, claim)
    return None


async def _claim(client: Client, change: Change, log: Log) -> Object | None:
    """The host's claim, made if there is none; None where it is not to be seen, or not to be made."""
    host = change.name
    with suppress(Forbidden):
        try:
            return await client.get(CLUSTER_DOMAIN_CLAIM, host)
        except NotFound:
            pass
    try:
        claim = await client.create(CLUSTER_DOMAIN_CLAIM, make_claim(change.manifest))
    except AlreadyExists:  # somebody was faster, or it may be made and not be seen
        with suppress(Forbidden, NotFound):
            return await client.get(CLUSTER_DOMAIN_CLAIM, host)
        return None
    except (Forbidden, NotFound):
        return None  # then Knative makes it, or the mapping says what it lacks
    log(f"{host}: claimed for namespace {change.manifest['metadata']['namespace']}")
    return claim


async def _touch(client: Client, change: Change, namespace: str, claim: Object | None) -> None:
    """Have the controller look again at a mapping that does not serve: somebody may have made its claim meanwhile."""
    live = (change.live or {}).get("metadata") or {}
    mark = str(claim["metadata"].get("uid", "") if claim is not None else live.get("resourceVersion", ""))
    if (live.get("annotations") or {}).get(CLAIM) != mark:
        patch: Object = {"metadata": {"annotations": {CLAIM: mark}}}
        await client.patch(DOMAIN_MAPPING, change.name, patch, namespace, type="merge", field_manager=_MANAGER)


def _serves(change: Change) -> bool:
    return change.live is not None and judge_ready(change.live).state == "ready"


def _holder(claim: Object) -> str:
    return str((claim.get("spec") or {}).get("namespace") or "")
