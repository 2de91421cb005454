"""ClusterDomainClaims: which namespace may use a host, for whoever may make them.

Where Knative does not make claims by itself, its default, a DomainMapping without one fails. Claims are for those who
run the cluster: who may neither see nor make one leaves that to Knative, and the mapping says what it lacks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress

from faas.client.errors import AlreadyExists, Forbidden, NotFound
from faas.client.protocol import Client, Object
from faas.deploy.bounded import each
from faas.deploy.objects.plan import Change
from faas.project.manifests.labels import MANAGED_BY_LABEL, MANAGER, PROJECT_LABEL
from faas.resources.kinds import CLUSTER_DOMAIN_CLAIM

Log = Callable[[str], None]


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


async def plan_claims(client: Client, mappings: Iterable[Change], leaving: Iterable[Change]) -> list[Change]:
    """The claims that a deploy would make and give back; writes nothing (dry runs).

    Args: mappings: that do not serve yet. leaving: that go.
    """

    async def made(mapping: Change) -> Change | None:
        manifest = make_claim(mapping.manifest)
        claim, is_new = await _get_or_make(client, manifest, dry_run=True)
        return _change(mapping.name, manifest, claim) if is_new else None

    async def released(mapping: Change) -> Change | None:
        claim = await _ours(client, mapping.name, mapping.manifest["metadata"]["namespace"])
        return None if claim is None else _change(mapping.name, claim)

    found = [*await each(mappings, made), *await each(leaving, released)]
    return [change for change in found if change is not None]


async def claim(client: Client, mapping: Change, log: Log) -> Object | None:
    """The host's claim, made if there is none; None where it is not to be seen, or not to be made."""
    found, is_new = await _get_or_make(client, make_claim(mapping.manifest))
    if is_new:
        log(f"{mapping.name}: claimed for namespace {mapping.manifest['metadata']['namespace']}")
    return found


async def release(client: Client, host: str, namespace: str) -> None:
    """Give back a host whose DomainMapping is deleted, if a deploy has claimed it; who may not, leaves it."""
    if await _ours(client, host, namespace) is not None:
        with suppress(NotFound, Forbidden):
            await client.delete(CLUSTER_DOMAIN_CLAIM, host)


def holder_of(claim: Object) -> str:
    """The namespace that a claim names; "" for none."""
    return str((claim.get("spec") or {}).get("namespace") or "")


async def _get_or_make(client: Client, manifest: Object, *, dry_run: bool = False) -> tuple[Object | None, bool]:
    """The claim, if it may be seen or made, and whether it was not there before."""
    host = manifest["metadata"]["name"]
    with suppress(Forbidden):
        try:
            return await client.get(CLUSTER_DOMAIN_CLAIM, host), False
        except NotFound:
            pass
    try:
        return await client.create(CLUSTER_DOMAIN_CLAIM, manifest, dry_run=dry_run), True
    except AlreadyExists:  # somebody was faster, or it may be made and not be seen
        with suppress(Forbidden, NotFound):
            return await client.get(CLUSTER_DOMAIN_CLAIM, host), False
    except (Forbidden, NotFound):
        pass  # then Knative makes it, or the mapping says what it lacks
    return None, False


async def _ours(client: Client, host: str, namespace: str) -> Object | None:
    """A host's claim that a deploy to this namespace has made."""
    with suppress(NotFound, Forbidden):
        found = await client.get(CLUSTER_DOMAIN_CLAIM, host)
        labels = found["metadata"].get("labels") or {}
        if holder_of(found) == namespace and labels.get(MANAGED_BY_LABEL) == MANAGER:
            return found
    return None


def _change(host: str, manifest: Object, after: Object | None = None) -> Change:
    """Args: after: as it would be made; without it it is deleted."""
    if after is None:
        return Change(host, "delete", manifest, manifest, False, (), CLUSTER_DOMAIN_CLAIM)
    return Change(host, "create", manifest, None, False, (), CLUSTER_DOMAIN_CLAIM, after)
