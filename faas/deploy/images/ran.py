"""What runs in a stage, so that another can be given the very same: images by digest, as their Revisions have them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from faas.client.protocol import Client, Object
from faas.deploy.images.requests import FUNCTION
from faas.deploy.objects.live import stage_of
from faas.deploy.reasons.trouble import SIDECAR
from faas.project.manifests.labels import PROJECT_LABEL
from faas.resources import keys
from faas.resources.kinds import REVISION, SERVICE

Raw = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Ran:
    """What serves a Service."""

    service: str
    revision: str  # "": none is ready
    image: str = ""  # by digest where anybody knows it
    target: str = ""  # the functions in it that it is: FAAS_FUNCTION
    latest: str = ""  # the newest revision that is ready, which may be another


async def read_ran(client: Client, namespace: str, *, project: str, stage: str) -> list[Ran]:
    """What serves each Service that a deploy of that project and stage made. Raises: ApiError."""
    found = (await client.list(SERVICE, namespace, label_selector=f"{PROJECT_LABEL}={project}")).items
    services = [service for service in found if stage_of(service) == stage]
    if not services:
        return []
    names = ",".join(sorted(service["metadata"]["name"] for service in services))
    revisions = (await client.list(REVISION, namespace, label_selector=f"{keys.SERVICE_LABEL} in ({names})")).items
    return [ran_of(service, revisions) for service in sorted(services, key=lambda each: str(each["metadata"]["name"]))]


def ran_of(service: Object, revisions: Sequence[Raw]) -> Ran:
    """Pure. Of a split the revision with most of it: a rollback counts, what was fled from does not."""
    name, status = str(service["metadata"]["name"]), service.get("status") or {}
    latest = str(status.get("latestReadyRevisionName") or "")
    shares: dict[str, int] = {}
    for target in status.get("traffic") or ():
        shares[target.get("revisionName", "")] = shares.get(target.get("revisionName", ""), 0) + (
            target.get("percent") or 0
        )
    most = max(shares, key=lambda revision: (shares[revision], revision == latest), default=latest)
    by_name = {revision["metadata"]["name"]: revision for revision in revisions}
    revision = by_name.get(most)
    if revision is None:
        return Ran(name, "", latest=latest)
    container = _function_of(revision)
    variables = {each.get("name"): each.get("value") for each in container.get("env") or ()}
    return Ran(name, most, _image_of(revision, container), str(variables.get(FUNCTION) or ""), latest)


def _function_of(revision: Raw) -> Raw:
    """The container that takes the requests."""
    containers: Sequence[Raw] = revision["spec"].get("containers") or ()
    own = [container for container in containers if container.get("name") != SIDECAR]
    return next((container for container in own if container.get("ports")), own[0] if own else {})


def _image_of(revision: Raw, container: Raw) -> str:
    image = str(container.get("image") or "")
    if "@" in image:
        return image
    resolved = {
        each.get("name"): str(each.get("imageDigest") or "")
        for each in (revision.get("status") or {}).get("containerStatuses") or ()
    }
    digest = resolved.get(container.get("name"), "")
    return digest if "/" in digest else image
