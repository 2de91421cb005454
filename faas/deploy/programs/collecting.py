"""Events of a cluster's Broker on their way to a terminal: a temporary Knative Service that writes them to its log, and
a Trigger that sends them there.

The Trigger is owned by the Service, so whoever deletes that one deletes both. A collector that was left behind (its
command was killed) shows nothing after its deadline, and is removed by the next one that comes along.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import Any

from faas_builders.oci.programs_image import PYTHON

from faas.client.errors import Conflict, Forbidden, NotFound
from faas.client.protocol import Client, Object
from faas.client.services.store import COMPONENT_LABEL
from faas.client.services.store import NAME as STORE
from faas.deploy.bindings.settled import wait_settled
from faas.deploy.errors import DeployError
from faas.deploy.images.programs import NAME as PROGRAMS
from faas.deploy.services.wait import Verdict, wait_for
from faas.project.manifests.labels import MANAGED_BY_LABEL, MANAGER
from faas.resources.kinds import CONTAINER_SOURCE, DEPLOYMENT, SERVICE, TRIGGER

COLLECTOR = "collector"
DEADLINE = "faas.dev/deadline"  # RFC 3339: afterwards nobody reads what it collects
LIFETIME = timedelta(hours=12)  # of a command that goes on; somebody's night
READY_S = 120.0  # an image may have to be pulled
_REMOVE_S = 15.0
_SELECTOR = f"{COMPONENT_LABEL}={COLLECTOR},{MANAGED_BY_LABEL}={MANAGER}"


class CollectorFailed(DeployError):
    """The collector or its Trigger did not become ready."""


def make_collector(name: str, namespace: str, image: str, until: datetime) -> Object:
    """The Knative Service: one Pod, reachable within the cluster only."""
    deadline = until.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    labels = {MANAGED_BY_LABEL: MANAGER, COMPONENT_LABEL: COLLECTOR}
    one = {"autoscaling.knative.dev/min-scale": "1", "autoscaling.knative.dev/max-scale": "1"}
    container = {
        "image": image,
        "command": [PYTHON, "-P", "-m", "faas.inbox", "collect"],
        "env": [{"name": "FAAS_INBOX_UNTIL", "value": deadline}],
        "ports": [{"containerPort": 8080}],
        "readinessProbe": {"httpGet": {"path": "/healthz", "port": 8080}},
        "resources": {"requests": {"cpu": "10m", "memory": "48Mi"}, "limits": {"memory": "192Mi"}},
        "securityContext": {
            "runAsNonRoot": True,
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "seccompProfile": {"type": "RuntimeDefault"},
        },
    }
    return {
        "apiVersion": SERVICE.api_version,
        "kind": SERVICE.kind,
        "metadata": {
            "name": name,
            "namespace": namespace,
            "labels": {**labels, "networking.knative.dev/visibility": "cluster-local"},
            "annotations": {DEADLINE: deadline},
        },
        "spec": {
            "template": {
                "metadata": {"labels": labels, "annotations": one},
                "spec": {"containers": [container], "enableServiceLinks": False},
            }
        },
    }


def make_collector_trigger(service: Mapping[str, Any], broker: str, filters: Sequence[Object]) -> Object:
    """What brings the events: nothing is tried twice or kept, since only who looks now sees them."""
    metadata = service["metadata"]
    ref = {"apiVersion": SERVICE.api_version, "kind": SERVICE.kind, "name": metadata["name"]}
    owner = {**ref, "uid": metadata["uid"], "controller": True, "blockOwnerDeletion": False}
    return {
        "apiVersion": TRIGGER.api_version,
        "kind": TRIGGER.kind,
        "metadata": {
            "name": metadata["name"],
            "namespace": metadata["namespace"],
            "labels": {MANAGED_BY_LABEL: MANAGER, COMPONENT_LABEL: COLLECTOR},
            "ownerReferences": [owner],
        },
        "spec": {
            "broker": broker,
            "subscriber": {"ref": ref},
            "delivery": {"retry": 0},
            **({"filters": list(filters)} if filters else {}),
        },
    }


def filters_of(globs: Mapping[str, str | None], sql: str | None) -> list[Object]:
    """Filters of a Trigger that pass what all of these pass.

    Args: globs: by attribute, with * and ? for anything. Raises: ValueError: one has what no filter can say.
    """
    found = [_filter(attribute, glob) for attribute, glob in globs.items() if glob is not None]
    return [*found, {"cesql": sql}] if sql is not None else found


def _filter(attribute: str, glob: str) -> Object:
    if found := next((sign for sign in "\\[" if sign in glob), ""):
        raise ValueError(f"{attribute} {glob!r}: a cluster's filters have no {found!r} in a pattern, only * and ?")
    inner = glob.strip("*")
    if not any(sign in inner for sign in "*?") and glob.count("*") <= 1 and inner:
        word = "exact" if inner == glob else "prefix" if glob.endswith("*") else "suffix"
        return {word: {attribute: inner}}
    pattern = glob.replace("%", "\\%").replace("_", "\\_").replace("'", "\\'")
    return {"cesql": f"{attribute} LIKE '{pattern.replace('*', '%').replace('?', '_')}'"}


@asynccontextmanager
async def collecting(
    client: Client, namespace: str, image: str, broker: str, filters: Sequence[Object], *, ready_s: float = READY_S
) -> AsyncIterator[str]:
    """A collector and its Trigger, ready, while the block lasts; the name of both. Then they are removed.

    Raises: CollectorFailed; ApiError.
    """
    name = f"faas-tail-{secrets.token_hex(4)}"
    until = datetime.now(UTC) + LIFETIME
    service = await client.create(SERVICE, make_collector(name, namespace, image, until))
    try:
        await _serving(client, namespace, name, ready_s)
        await client.create(TRIGGER, make_collector_trigger(service, broker, filters))
        await _delivering(client, namespace, name, ready_s)
        yield name
    finally:
        # Shielded: who was asked to end is not asked again, and this is quick.
        await asyncio.shield(asyncio.ensure_future(_remove(client, namespace, name)))


async def sweep(client: Client, namespace: str, *, now: datetime) -> list[str]:
    """Remove what `left_behind` names; the names."""
    left = await left_behind(client, namespace, now=now)
    for name in left:
        await _remove(client, namespace, name)
    return left


async def left_behind(client: Client, namespace: str, *, now: datetime) -> list[str]:
    """Collectors that nobody has removed and whose time is over. Who may not see any sees none."""
    try:
        found = (await client.list(SERVICE, namespace, label_selector=_SELECTOR)).items
    except (Forbidden, NotFound):
        return []
    return [each["metadata"]["name"] for each in found if is_left_behind(each, now)]


def is_left_behind(service: Mapping[str, Any], now: datetime) -> bool:
    deadline = (service["metadata"].get("annotations") or {}).get(DEADLINE, "")
    try:
        return datetime.fromisoformat(deadline) < now
    except ValueError:
        return False  # not as we write it: whoever changed it may want it


async def image_there(client: Client, namespace: str) -> str:
    """The image of our programs that something in the namespace runs from already; "" where nothing does."""
    for found in (_image_of_store, _image_of_source):
        with suppress(NotFound, Forbidden):
            if image := await found(client, namespace):
                return image
    return ""


async def _image_of_store(client: Client, namespace: str) -> str:
    deployment = await client.get(DEPLOYMENT, STORE, namespace)
    return str(deployment["spec"]["template"]["spec"]["containers"][0]["image"])


async def _image_of_source(client: Client, namespace: str) -> str:
    for source in (await client.list(CONTAINER_SOURCE, namespace)).items:
        for container in source["spec"]["template"]["spec"]["containers"]:
            if f"/{PROGRAMS}" in (image := str(container["image"])):
                return image
    return ""


async def _serving(client: Client, namespace: str, name: str, timeout_s: float) -> None:
    _, verdicts = await wait_for(client, namespace, [name], "service", timeout_s=timeout_s)
    verdict = verdicts[name]
    if verdict.state != "ready":
        raise CollectorFailed(f"the collector did not start: {_words(verdict)}")


async def _delivering(client: Client, namespace: str, name: str, timeout_s: float) -> None:
    verdict = (await wait_settled(client, namespace, [(TRIGGER, name)], timeout_s=timeout_s))[TRIGGER, name]
    if verdict.state != "ready":
        raise CollectorFailed(f"the collector's Trigger gets no events: {_words(verdict)}")


def _words(verdict: Verdict) -> str:
    return ": ".join(part for part in (verdict.reason, verdict.message) if part) or "nobody says why"


async def _remove(client: Client, namespace: str, name: str) -> None:
    """Both, whatever else goes wrong: what cannot be removed now is by who comes after its deadline."""
    for kind in (TRIGGER, SERVICE):
        with suppress(NotFound, Conflict):
            async with asyncio.timeout(_REMOVE_S):
                await client.delete(kind, name, namespace)
