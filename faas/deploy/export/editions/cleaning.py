"""An object as somebody would have written it by hand. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from faas_builders.oci import references

from faas.client.protocol import Object
from faas.deploy.objects.applied import APPLIED
from faas.deploy.objects.plan import essence
from faas.deploy.services import traffic
from faas.project.manifests.labels import MANAGED_BY_LABEL, MANAGER
from faas.resources import keys
from faas.resources.config.brokers import DEFAULT_CLASS

_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
_OURS_FOR_A_WHILE = (traffic.HELD, traffic.ROLLED_BACK, APPLIED, _LAST_APPLIED)
_SERVERS_OWN = ("selfLink", "ownerReferences", "finalizers")
_EVENTS_OWN = (keys.BROKER_LABEL, APPLIED, _LAST_APPLIED)
_DEFAULTS = {"containerConcurrency": 0, "timeoutSeconds": 300, "enableServiceLinks": False}


def cleaned(obj: Object) -> Object:
    """Whatever a deploy makes, without status, bookkeeping, and what a server fills in anyway.

    Nor does it say that faas manages it: whoever applies the file does.
    """
    is_function = obj["kind"] == "Service" and str(obj["apiVersion"]).startswith("serving.")
    found = exported(obj) if is_function else exported_event(obj)
    metadata = found["metadata"]
    labels = metadata.get("labels") or {}
    if labels.get(MANAGED_BY_LABEL) == MANAGER:
        metadata["labels"] = {key: value for key, value in labels.items() if key != MANAGED_BY_LABEL}
    return found


def exported(service: Object) -> Object:
    """Without status, bookkeeping, and what a server fills in anyway."""
    found = essence(service)
    metadata = dict(found["metadata"])
    for key in _SERVERS_OWN:
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


def exported_event(obj: Object) -> Object:
    """Anything else (a Broker, a Trigger, a source, a ConfigMap), without the same."""
    found = essence(obj)
    metadata = {key: value for key, value in found["metadata"].items() if key not in _SERVERS_OWN}
    annotations = {key: value for key, value in (metadata.pop("annotations", None) or {}).items()
                   if key not in _EVENTS_OWN and (key, value) != (keys.BROKER_CLASS, DEFAULT_CLASS)}  # fmt: skip
    labels = {key: value for key, value in (metadata.pop("labels", None) or {}).items() if key not in _EVENTS_OWN}
    metadata |= {name: value for name, value in (("labels", labels), ("annotations", annotations)) if value}
    spec = found.get("spec") or {}
    if ".knative.dev/" in found["apiVersion"]:
        spec = _without_defaults(spec, metadata.get("namespace"))
    rest = {key: value for key, value in found.items() if key not in ("apiVersion", "kind", "metadata", "spec")}
    exported = {"apiVersion": found["apiVersion"], "kind": found["kind"], "metadata": metadata, **rest}
    return {**exported, "spec": spec} if spec else exported


def _without_defaults(value: Any, namespace: Any) -> Any:
    """References to the object's own namespace need not say it; and what is empty says nothing."""
    if isinstance(value, list):
        return [_without_defaults(item, namespace) for item in value]
    if not isinstance(value, dict):
        return value
    is_own = "kind" in value and "name" in value
    kept = {key: _without_defaults(item, namespace) for key, item in value.items()
            if not (is_own and key == "namespace" and item == namespace)}  # fmt: skip
    return {key: item for key, item in kept.items() if item not in ({}, [], None)}


def unportable(manifests: Iterable[Mapping[str, Any]]) -> list[str]:
    """Images among those of `manifests` that exist on this machine only."""
    images = {
        str(container.get("image"))
        for manifest in manifests
        if "template" in manifest.get("spec", {})
        for container in manifest["spec"]["template"]["spec"].get("containers") or ()
    }
    return sorted(image for image in images if references.parse(image) is not None)


def runs_adapter(obj: Mapping[str, Any]) -> bool:
    """Whether a source is our adapter program in the engine's own image."""
    template = (obj.get("spec") or {}).get("template") or {}
    containers = (template.get("spec") or {}).get("containers") or ()
    return obj.get("kind") == "ContainerSource" and any(each.get("image") == keys.SOURCES_IMAGE for each in containers)


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
