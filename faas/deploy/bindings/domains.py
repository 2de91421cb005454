"""Names of a Service's own: the DomainMappings that give them.

A host belongs to the namespace that its ClusterDomainClaim names. Knative's controller does not watch claims, so the
claim has to be there first, and a mapping that failed for want of it has to be touched once it is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from faas.client.errors import ApiError, Unauthorized
from faas.client.protocol import Client, Object
from faas.deploy.bindings.claims import claim as claim_host
from faas.deploy.bindings.claims import holder_of
from faas.deploy.bindings.making import DONE, make
from faas.deploy.bindings.settled import judge_ready
from faas.deploy.bounded import each
from faas.deploy.facts import EventFailure
from faas.deploy.objects.plan import Change
from faas.resources.kinds import DOMAIN_MAPPING

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


async def _make(
    client: Client, change: Change, namespace: str, *, force: bool, claims: bool, log: Log
) -> EventFailure | None:  # fmt: skip
    claim = await claim_host(client, change, log) if claims else None
    if claim is not None and (holder := holder_of(claim)) != namespace:
        text = f"namespace {holder} has claimed it" if holder else "its claim names no namespace"
        return EventFailure(DOMAIN_MAPPING.kind, change.name, "DomainAlreadyClaimed", text)
    await make(client, change, namespace, force=force)
    if change.action != "unchanged":
        log(f"{change.name}: {DONE[change.action]}")
    if claims and change.action == "unchanged":
        await _touch(client, change, namespace, claim)
    return None


async def _touch(client: Client, change: Change, namespace: str, claim: Object | None) -> None:
    """Have the controller look again at a mapping that does not serve: somebody may have made its claim meanwhile."""
    live = (change.live or {}).get("metadata") or {}
    mark = str(claim["metadata"].get("uid", "") if claim is not None else live.get("resourceVersion", ""))
    if (live.get("annotations") or {}).get(CLAIM) != mark:
        patch: Object = {"metadata": {"annotations": {CLAIM: mark}}}
        await client.patch(DOMAIN_MAPPING, change.name, patch, namespace, type="merge", field_manager=_MANAGER)


def _serves(change: Change) -> bool:
    return change.live is not None and judge_ready(change.live).state == "ready"
