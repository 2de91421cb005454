"""A Service as somebody would have written it by hand. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from faas_builders.oci import references

from faas.client.protocol import Object
from faas.deploy import traffic
from faas.deploy.plan import essence

_OURS_FOR_A_WHILE = (traffic.HELD, traffic.ROLLED_BACK, "kubectl.kubernetes.io/last-applied-configuration")
_DEFAULTS = {"containerConcurrency": 0, "timeoutSeconds": 300, "enableServiceLinks": False}


def exported(service: Object) -> Object:
    """Without status, bookkeeping, and what a server fills in anyway."""
    found = essence(service)
    metadata = dict(found["metadata"])
    for key in ("selfLink", "ownerReferences", "finalizers"):
        metadata.pop(key, None)
    annotations = {
        key: value for key, value in (metadata.pop("annotations", None) or {}).items() if key not in _OURS_FOR_A_WHILE
    }
    if annotations:
        metadata["annotations"] = annotations
    spec = dict(found["spec"])
    spec["template"] = _template(spec["template"])
    if traffic.same(spec.get("traffic") or traffic.EVERYTHING_TO_LATEST, traffic.EVERYTHING_TO_LATEST):
        spec.pop("traffic", None)
    return {"apiVersion": found["apiVersion"], "kind": found["kind"], "metadata": metadata, "spec": spec}


def unportable(manifests: Iterable[Mapping[str, Any]]) -> list[str]:
    """Images among those of `manifests` that exist on this machine only."""
    images = {
        str(container.get("image"))
        for manifest in manifests
        for container in manifest["spec"]["template"]["spec"].get("containers") or ()
    }
    return sorted(image for image in images if references.parse(image) is not None)


def _template(template: Mapping[str, Any]) -> Object:
    metadata = {
        key: value for key, value in (template.get("metadata") or {}).items() if value and key != "creationTimestamp"
    }
    spec = {key: value for key, value in template["spec"].items() if _DEFAULTS.get(key, ...) != value}
    spec["containers"] = [_container(container) for container in spec.get("containers") or ()]
    return {"metadata": metadata, "spec": spec} if metadata else {"spec": spec}


def _container(container: Mapping[str, Any]) -> Object:
    found = dict(container)
    if found.get("name") == "user-container":
        del found["name"]
    if found.get("readinessProbe") == {"successThreshold": 1, "tcpSocket": {"port": 0}}:
        del found["readinessProbe"]
    if found.get("resources") == {}:
        del found["resources"]
    return found
