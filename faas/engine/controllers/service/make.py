"""The Configuration and the Route that a Service stands for. Source: Knative pkg/reconciler/service/resources."""

from __future__ import annotations

from typing import Any

from faas.client.protocol import Object
from faas.engine.controllers.sinkbinding.inject import Variables, injected
from faas.resources.keys import ROLLOUT_DURATION, ROUTES, SERVICE_LABEL, SERVICE_UID_LABEL
from faas.resources.kinds import CONFIGURATION, ROUTE
from faas.resources.views import owner_reference

LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


def make_configuration(service: Object, variables: Variables = ()) -> Object:
    """Args: variables: what SinkBindings put into the containers."""
    annotations = _annotations(service, without=(ROLLOUT_DURATION,))
    annotations[ROUTES] = service["metadata"]["name"]
    return {
        "apiVersion": CONFIGURATION.api_version,
        "kind": CONFIGURATION.kind,
        "metadata": _metadata(service, annotations),
        "spec": {"template": injected(service["spec"].get("template", {}), variables)},
    }


def make_route(service: Object) -> Object:
    name = service["metadata"]["name"]
    return {
        "apiVersion": ROUTE.api_version,
        "kind": ROUTE.kind,
        "metadata": _metadata(service, _annotations(service)),
        "spec": {
            "traffic": [
                target if target.get("revisionName") else {**target, "configurationName": name}
                for target in service["spec"].get("traffic") or [{"latestRevision": True, "percent": 100}]
            ]
        },
    }


def merged(existing: Object, wanted: Object) -> Object:
    """The existing object with the wanted spec, labels and annotations: what the Service lost, its children lose.

    Routes beside the Service's own that the labeler has noted stay.
    """
    annotations = dict(wanted["metadata"]["annotations"])
    if ROUTES in annotations:
        noted = (existing["metadata"].get("annotations") or {}).get(ROUTES, "").split(",")
        annotations[ROUTES] = ",".join(sorted({*noted, annotations[ROUTES]} - {""}))
    labels = wanted["metadata"]["labels"]
    metadata = {**existing["metadata"], "labels": labels, "annotations": annotations}
    if not annotations:
        del metadata["annotations"]
    return {**existing, "metadata": metadata, "spec": wanted["spec"]}


def _metadata(service: Object, annotations: dict[str, str]) -> dict[str, Any]:
    metadata = service["metadata"]
    labels = {SERVICE_LABEL: metadata["name"], SERVICE_UID_LABEL: metadata["uid"]}
    return {
        "name": metadata["name"],
        "namespace": metadata["namespace"],
        "labels": {**(metadata.get("labels") or {}), **labels},
        "annotations": annotations,
        "ownerReferences": [owner_reference(service)],
    }


def _annotations(service: Object, without: tuple[str, ...] = ()) -> dict[str, str]:
    annotations: dict[str, str] = service["metadata"].get("annotations") or {}
    return {key: value for key, value in annotations.items() if key != LAST_APPLIED and key not in without}
