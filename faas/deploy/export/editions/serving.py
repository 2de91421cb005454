"""A Service as it serves: after a rollback its template is one that nobody asked for. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from faas.client.protocol import Object
from faas.resources import keys

_KNATIVES = {  # what Knative writes on a Revision beside what its template said
    keys.SERVICE_LABEL, keys.SERVICE_UID_LABEL, keys.CONFIGURATION_LABEL, keys.CONFIGURATION_UID_LABEL,
    keys.CONFIGURATION_GENERATION_LABEL, keys.ROUTING_STATE_LABEL, keys.ROUTING_STATE_MODIFIED, keys.ROUTES,
    keys.CREATOR, keys.LAST_MODIFIER,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Served:
    """A Service that is written as one of its Revisions is, which alone serves and is not the newest."""

    service: str
    revision: str
    newest: str
    tags_left: tuple[str, ...] = ()  # of other Revisions


def older_that_serves(service: Mapping[str, Any]) -> str:
    """The Revision that gets every request and is not the newest; "" when the newest does, or several share them."""
    status = service.get("status") or {}
    serving = {target.get("revisionName") for target in status.get("traffic") or () if target.get("percent")}
    older = serving - {status.get("latestCreatedRevisionName")}
    return str(older.pop() or "") if len(serving) == len(older) == 1 else ""


def as_it_serves(service: Object, revision: Mapping[str, Any]) -> tuple[Object, Served]:
    """The Service whose newest Revision would be this one; its tags stay where they mean it."""
    name = str(revision["metadata"]["name"])
    tagged = [target for target in service["spec"].get("traffic") or () if target.get("tag")]
    own = [str(target["tag"]) for target in tagged if target.get("revisionName") == name]
    others = tuple(str(target["tag"]) for target in tagged if target.get("revisionName") != name)
    spec = {key: value for key, value in service["spec"].items() if key != "traffic"}
    if own:
        tags = [{"latestRevision": True, "percent": 0, "tag": tag} for tag in own]
        spec["traffic"] = [{"latestRevision": True, "percent": 100}, *tags]
    status = service.get("status") or {}
    served = Served(service["metadata"]["name"], name, str(status.get("latestCreatedRevisionName") or ""), others)
    return {**service, "spec": {**spec, "template": _template_of(revision)}}, served


def _template_of(revision: Mapping[str, Any]) -> Object:
    metadata = {}
    for field in ("labels", "annotations"):
        said = revision["metadata"].get(field) or {}
        if own := {key: value for key, value in said.items() if key not in _KNATIVES}:
            metadata[field] = own
    return {**({"metadata": metadata} if metadata else {}), "spec": revision["spec"]}
