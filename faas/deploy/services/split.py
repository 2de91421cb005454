"""Changing the split of one Service that is there already: traffic and rollback."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from faas.client.errors import Conflict
from faas.client.protocol import Client, Object
from faas.deploy.errors import NotReady, TrafficError
from faas.deploy.facts import Failure
from faas.deploy.services import traffic
from faas.deploy.services.wait import wait_for
from faas.resources import keys
from faas.resources.kinds import REVISION, SERVICE

_TRIES = 5  # against others who write the same Service at the same moment
_WAIT_S = 60.0

Annotations = Mapping[str, str | None]


async def read_service(client: Client, name: str, namespace: str) -> Object:
    return await client.get(SERVICE, name, namespace)


async def change_split(
    client: Client,
    name: str,
    namespace: str,
    change: Callable[[list[traffic.Target]], list[traffic.Target]],
    *,
    annotations: Annotations | None = None,
    dry_run: bool = False,
    wait: bool = True,
) -> Object:
    """Read the split, change it, write it; again from the start when somebody else wrote in between.

    What a deploy or a rollback holds back is given up, unless `annotations` says otherwise: the user has decided.
    Raises: TrafficError; NotFound; NotReady: it is written, but does not come into force.
    """
    notes: Annotations = annotations or {traffic.HELD: None, traffic.ROLLED_BACK: None}
    attempt = 1
    while True:
        service = await read_service(client, name, namespace)
        targets = change(service["spec"].get("traffic") or traffic.EVERYTHING_TO_LATEST)
        await _check_revisions(client, namespace, name, targets)
        patch: Object = {
            "metadata": {"annotations": dict(notes), "resourceVersion": service["metadata"]["resourceVersion"]},
            "spec": {"traffic": targets},
        }
        try:
            changed = await client.patch(
                SERVICE, name, patch, namespace, dry_run=dry_run, field_manager=traffic.MANAGER
            )
        except Conflict:
            if attempt == _TRIES:
                raise
            attempt += 1
            continue
        return changed if dry_run or not wait else await _in_force(client, name, namespace)


async def roll_back(
    client: Client, name: str, namespace: str, revision: str | None, *, dry_run: bool = False
) -> tuple[str, Object]:
    """All traffic to `revision`, or to the newest ready one before that which serves now; tags stay.

    Returns: the revision, and the Service after it. Raises: TrafficError: there is none to go back to.
    """
    service = await read_service(client, name, namespace)
    selector = f"{keys.SERVICE_LABEL}={name}"
    revisions = (await client.list(REVISION, namespace, label_selector=selector)).items
    target = revision or previous_revision(service, revisions)
    if target is None:
        raise TrafficError(f"{name} has no earlier ready revision", f"See them:  faas revisions {name}")
    changed = await change_split(
        client,
        name,
        namespace,
        lambda current: traffic.change(current, percents={target: 100}),
        annotations={traffic.HELD: None, traffic.ROLLED_BACK: target},
        dry_run=dry_run,
    )
    return target, changed


def previous_revision(service: Mapping[str, Any], revisions: Sequence[Object]) -> str | None:
    """The newest ready Revision that is older than the newest of those that serve now."""
    serving = [
        target["revisionName"]
        for target in (service.get("status") or {}).get("traffic") or ()
        if target.get("percent") and target.get("revisionName")
    ]
    by_name = {revision["metadata"]["name"]: revision for revision in revisions}
    newest = max((_generation(by_name[name]) for name in serving if name in by_name), default=0)
    earlier = [revision for revision in revisions if _generation(revision) < newest and _is_ready(revision)]
    return str(max(earlier, key=_generation)["metadata"]["name"]) if earlier else None


async def _check_revisions(client: Client, namespace: str, name: str, targets: Sequence[traffic.Target]) -> None:
    named = {target["revisionName"] for target in targets if target.get("revisionName")}
    if not named:
        return
    selector = f"{keys.SERVICE_LABEL}={name}"
    known = {
        item["metadata"]["name"] for item in (await client.list(REVISION, namespace, label_selector=selector)).items
    }
    if missing := sorted(named - known):
        raise TrafficError(f"{name} has no revision {missing[0]}", f"Revisions: {', '.join(sorted(known)) or 'none'}")


async def _in_force(client: Client, name: str, namespace: str) -> Object:
    objects, verdicts = await wait_for(client, namespace, [name], "routes", timeout_s=_WAIT_S)
    verdict = verdicts[name]
    if verdict.state != "ready":
        message = verdict.message or f"the routes are not ready within {_WAIT_S:g} s"
        raise NotReady((Failure(name, verdict.reason, message),))
    return objects[name]


def _generation(revision: Mapping[str, Any]) -> int:
    return int((revision["metadata"].get("labels") or {}).get(keys.CONFIGURATION_GENERATION_LABEL) or 0)


def _is_ready(revision: Mapping[str, Any]) -> bool:
    conditions = (revision.get("status") or {}).get("conditions") or ()
    return any(condition["type"] == "Ready" and condition["status"] == "True" for condition in conditions)
