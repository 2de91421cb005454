"""Which Revisions a Route means, and what a Revision's metadata then says. Source: Knative pkg/reconciler/labeler."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from faas.resources import keys
from faas.resources.meta import ObjectMeta
from faas.resources.serving import Configuration, Revision, Route

_PENDING = "pending"  # a Revision's state when it is made


def routed_revisions(route: Route, configurations: Mapping[str, Configuration]) -> set[str]:
    """What gets requests now, what the spec names, and the newest of each Configuration, so that it is up in time."""
    names = {target.revision_name for target in (*route.status.traffic, *route.spec.traffic)}
    for target in route.spec.traffic:
        if (name := target.configuration_name) in configurations:
            names.add(configurations[name].status.latest_created_revision_name)
            names.add(configurations[name].status.latest_ready_revision_name)
    return names - {""}


def routed_configurations(route: Route, revisions: Iterable[Revision]) -> set[str]:
    """Those that the spec names, and those whose Revisions it names."""
    named = {target.configuration_name for target in route.spec.traffic}
    owners = {revision.metadata.labels.get(keys.CONFIGURATION_LABEL, "") for revision in revisions}
    return (named | owners) - {""}


def routes_of(metadata: ObjectMeta) -> set[str]:
    """The Routes that an object says it is reached by."""
    return {name for name in metadata.annotations.get(keys.ROUTES, "").split(",") if name}


def revision_changes(metadata: ObjectMeta, route: str, *, routed: bool, now: datetime) -> dict[str, Any]:
    """A merge patch for a Revision's metadata; empty when it says so already.

    What no Route has meant yet stays pending: put in reserve it would not be started, and never become ready.
    """
    routes, state = routes_of(metadata), metadata.labels.get(keys.ROUTING_STATE_LABEL)
    if not routed and state == _PENDING:
        return {}
    wanted = routes | {route} if routed else routes - {route}
    wanted_state = "active" if wanted else "reserve"
    patch: dict[str, Any] = {}
    if wanted != routes:
        patch["annotations"] = {keys.ROUTES: ",".join(sorted(wanted)) or None}
    if state != wanted_state:
        patch["labels"] = {keys.ROUTING_STATE_LABEL: wanted_state}
        moment = now.strftime("%Y-%m-%dT%H:%M:%SZ")
        patch["annotations"] = {**patch.get("annotations", {}), keys.ROUTING_STATE_MODIFIED: moment}
    return patch


def configuration_changes(metadata: ObjectMeta, route: str, *, routed: bool) -> dict[str, Any]:
    """A merge patch for a Configuration's metadata; empty when it says so already."""
    routes = routes_of(metadata)
    wanted = routes | {route} if routed else routes - {route}
    return {} if wanted == routes else {"annotations": {keys.ROUTES: ",".join(sorted(wanted)) or None}}
