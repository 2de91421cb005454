"""What a cluster has to be told of sources and Triggers, and the engine knows or does by itself. Pure.

- A program of ours that waits for requests is a Knative Service there: a ContainerSource has no address.
- A source of the cluster's own objects gets a service account that may see them.
- Our program says how much it needs and that it needs no rights, and is told what it is called.
- A Trigger that keeps order asks the Kafka broker for it, the one class that can.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from faas.project.manifests.labels import Belonging, Object
from faas.project.manifests.podspec import UNPRIVILEGED
from faas.project.pyproject.brokers import BrokerSettings
from faas.resources import keys

KAFKA_CLASSES = ("Kafka", "KafkaNamespaced")
KAFKA_ORDER = "kafka.eventing.knative.dev/delivery.order"
_RBAC = "rbac.authorization.k8s.io"
_SEES = ["get", "list", "watch"]
# An adapter takes 45 MB when it has started; four times that is for large messages.
_RESOURCES = {"requests": {"cpu": "20m", "memory": "64Mi"}, "limits": {"memory": "256Mi"}}


@dataclass(frozen=True, slots=True)
class Sources:
    """The sources of a project as a cluster takes them."""

    sources: tuple[Object, ...]
    receivers: tuple[Object, ...]  # Knative Services of programs that are called
    access: tuple[Object, ...]  # ServiceAccounts, Roles, RoleBindings


def is_called(source: Object) -> bool:
    """Whether it is a program of ours that waits for requests, instead of asking somebody."""
    if source["kind"] != "ContainerSource":
        return False
    (container,) = source["spec"]["template"]["spec"]["containers"]
    adapter, said = container["args"][0], json.loads(container["env"][0]["value"])
    return adapter in ("webhook", "github") or (adapter == "bucket" and bool(said.get("notifications")))


def sources_in_cluster(sources: Sequence[Object], belonging: Belonging, address: Callable[[str], str]) -> Sources:
    """Args: address: where a Broker of that name takes events."""
    kept: list[Object] = []
    receivers: list[Object] = []
    access: list[Object] = []
    for source in sources:
        spec = source["spec"]
        if source["kind"] == "ContainerSource" and is_called(source):
            receivers.append(_receiver(source, address))
        elif source["kind"] == "ContainerSource":
            kept.append({**source, "spec": {**spec, "template": _template(source)}})
        elif source["kind"] == "ApiServerSource" and needs_account(source):
            name = source["metadata"]["name"]
            access += _account(source, name, belonging)
            kept.append({**source, "spec": {**spec, "serviceAccountName": name}})
        else:
            kept.append(source)
    return Sources(tuple(kept), tuple(receivers), tuple(access))


def trigger_in_cluster(trigger: Object, brokers: Mapping[str, BrokerSettings]) -> Object:
    """Args: brokers: what the project says of them."""
    metadata = trigger["metadata"]
    annotations = metadata.get("annotations", {})
    said = brokers.get(trigger["spec"]["broker"])
    if keys.ORDERED_BY not in annotations or said is None or said.broker_class not in KAFKA_CLASSES:
        return trigger
    return {**trigger, "metadata": {**metadata, "annotations": {**annotations, KAFKA_ORDER: "ordered"}}}


def needs_account(source: Object) -> bool:
    """Whether an ApiServerSource gets a service account from us: it names none, and looks only where it is itself.

    Rights in other namespaces are not a project's to give itself.
    """
    return "serviceAccountName" not in source["spec"] and "namespaceSelector" not in source["spec"]


def plural_of(kind: str) -> str:
    """The resource of a kind, as Kubernetes itself guesses it: Pod is pods, Ingress ingresses, NetworkPolicy ...ies."""
    word = kind.lower()
    if word == "endpoints":
        return word
    if word.endswith("s"):
        return word + "es"
    return word[:-1] + "ies" if word.endswith("y") else word + "s"


def _template(source: Object) -> Object:
    template = source["spec"]["template"]
    (container,) = template["spec"]["containers"]
    return {**template, "spec": {**template["spec"], "containers": [_unprivileged(container, source)]}}


def _unprivileged(container: Object, source: Object) -> Object:
    metadata = source["metadata"]
    names = [{"name": "NAME", "value": metadata["name"]}, {"name": "NAMESPACE", "value": metadata["namespace"]}]
    env = [*container["env"], *names]
    return {**container, "env": env, "resources": _RESOURCES, "securityContext": UNPRIVILEGED}


def _receiver(source: Object, address: Callable[[str], str]) -> Object:
    metadata, spec = source["metadata"], source["spec"]
    (container,) = _template(source)["spec"]["containers"]
    overrides = json.dumps(spec["ceOverrides"], sort_keys=True)
    sink = address(spec["sink"]["ref"]["name"])
    env = [{"name": "K_SINK", "value": sink}, {"name": "K_CE_OVERRIDES", "value": overrides}]
    template: Object = {"metadata": {"labels": metadata["labels"]}} if metadata.get("labels") else {}
    container = {name: value for name, value in container.items() if name != "name"}
    container["env"] = [*container["env"], *env]
    if _remembers(container):
        one = {keys.MIN_SCALE[0]: "1", keys.MAX_SCALE[0]: "1"}
        template["metadata"] = {**template.get("metadata", {}), "annotations": dict(sorted(one.items()))}
    return {
        "apiVersion": "serving.knative.dev/v1",
        "kind": "Service",
        "metadata": metadata,
        "spec": {"template": {**template, "spec": {"containers": [container]}}},
    }


def _remembers(container: Mapping[str, Any]) -> bool:
    """Whether it refuses what it had before: then there is one that does not end while nobody calls it."""
    return container["args"] == ["github"] or "id_header" in json.loads(container["env"][0]["value"])


def _account(source: Object, name: str, belonging: Belonging) -> list[Object]:
    metadata = {"name": name, "namespace": belonging.namespace, "labels": source["metadata"]["labels"]}
    resources: dict[str, list[str]] = {}
    for each in source["spec"]["resources"]:
        group, _, _ = each["apiVersion"].rpartition("/")
        resources.setdefault(group, []).append(plural_of(each["kind"]))
    rules = [{"apiGroups": [group], "resources": sorted(set(names)), "verbs": _SEES}
             for group, names in sorted(resources.items())]  # fmt: skip
    return [
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata},
        {"apiVersion": f"{_RBAC}/v1", "kind": "Role", "metadata": metadata, "rules": rules},
        {
            "apiVersion": f"{_RBAC}/v1",
            "kind": "RoleBinding",
            "metadata": metadata,
            "roleRef": {"apiGroup": _RBAC, "kind": "Role", "name": name},
            "subjects": [{"kind": "ServiceAccount", "name": name, "namespace": belonging.namespace}],
        },
    ]
