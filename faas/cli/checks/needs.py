"""What a project wants of a cluster beyond what every Knative has. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from faas.client.protocol import Object
from faas.deploy.objects.which import kind_of_manifest
from faas.resources.kinds import Kind

_POD_FIELDS = {
    "affinity": "affinity",
    "topologySpreadConstraints": "topologyspreadconstraints",
    "nodeSelector": "nodeselector",
    "tolerations": "tolerations",
    "runtimeClassName": "runtimeclassname",
    "priorityClassName": "priorityclassname",
    "schedulerName": "schedulername",
    "initContainers": "init-containers",
    "hostAliases": "hostaliases",
    "dnsPolicy": "dnspolicy",
    "dnsConfig": "dnsconfig",
    "securityContext": "securitycontext",
    "shareProcessNamespace": "shareprocessnamespace",
    "hostIPC": "hostipc",
    "hostPID": "hostpid",
    "hostNetwork": "hostnetwork",
}
_VOLUMES = {
    "emptyDir": "volumes-emptydir",
    "persistentVolumeClaim": "persistent-volume-claim",
    "hostPath": "volumes-hostpath",
    "csi": "volumes-csi",
    "ephemeral": "volumes-ephemeral",
    "image": "volumes-image",
}
ENABLED_ANYWAY = frozenset({"kubernetes.podspec-volumes-emptydir", "multi-container"})
"""Source: Knative's config-features; the other gates are closed until somebody opens them."""


@dataclass(frozen=True, slots=True)
class Needs:
    """`problem`: why it is not known what the project wants; "" when it is, or when there is no project."""

    project: str = ""
    objects: tuple[Object, ...] = ()
    image: str = ""  # the name under which the project's images are pushed
    insecure: bool = False  # their registry may be plain HTTP
    declared_secrets: tuple[str, ...] = ()  # those that its deploy makes
    problem: str = ""

    @property
    def services(self) -> tuple[Object, ...]:
        return self.of_kind("serving.knative.dev", "Service")

    @property
    def domains(self) -> tuple[str, ...]:
        return tuple(str(obj["metadata"]["name"]) for obj in self.of_kind("serving.knative.dev", "DomainMapping"))

    @property
    def brokers(self) -> tuple[str, ...]:
        return tuple(str(obj["metadata"]["name"]) for obj in self.of_kind("eventing.knative.dev", "Broker"))

    @property
    def has_events(self) -> bool:
        return any("eventing.knative.dev" in obj["apiVersion"] for obj in self.objects)

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """Of all that is applied, each once."""
        return tuple(sorted(set(map(kind_of_manifest, self.objects)), key=lambda kind: (kind.api_version, kind.kind)))

    @property
    def keeps_something(self) -> bool:
        """Whether a deploy claims a volume of its own: for dead letters."""
        return any(obj["kind"] == "PersistentVolumeClaim" for obj in self.objects)

    @property
    def claims(self) -> tuple[str, ...]:
        """The PersistentVolumeClaims that the functions mount."""
        mounted = (
            volume["persistentVolumeClaim"].get("claimName", "")
            for service in self.services
            for volume in _pod(service).get("volumes") or ()
            if "persistentVolumeClaim" in volume
        )
        return tuple(sorted({str(name) for name in mounted}))

    def of_kind(self, group: str, kind: str) -> tuple[Object, ...]:
        return tuple(
            obj for obj in self.objects if obj["kind"] == kind and obj["apiVersion"].partition("/")[0] == group
        )


def features_of(services: Iterable[Object]) -> dict[str, tuple[str, ...]]:
    """The gates of config-features that have to be open, each with the Services that want it."""
    found: dict[str, dict[str, None]] = {}
    for service in services:
        for feature in _features(_pod(service)):
            found.setdefault(feature, {})[str(service["metadata"]["name"])] = None
    return {feature: tuple(names) for feature, names in sorted(found.items())}


def _features(pod: Mapping[str, Any]) -> Iterator[str]:
    for field, feature in _POD_FIELDS.items():
        if pod.get(field) not in (None, "", [], {}):
            yield f"kubernetes.podspec-{feature}"
    for volume in pod.get("volumes") or ():
        yield from (f"kubernetes.podspec-{feature}" for field, feature in _VOLUMES.items() if field in volume)
    containers: Sequence[Mapping[str, Any]] = pod.get("containers") or ()
    claims = {volume["name"] for volume in pod.get("volumes") or () if "persistentVolumeClaim" in volume}
    if any(
        mount.get("name") in claims and not mount.get("readOnly")
        for container in containers
        for mount in container.get("volumeMounts") or ()
    ):
        yield "kubernetes.podspec-persistent-volume-write"
    if len(containers) > 1:
        yield "multi-container"
    if any(_field_references(container) for container in containers):
        yield "kubernetes.podspec-fieldref"


def _field_references(container: Mapping[str, Any]) -> bool:
    sources = [variable.get("valueFrom") or {} for variable in container.get("env") or ()]
    return any("fieldRef" in source or "resourceFieldRef" in source for source in sources)


def _pod(service: Object) -> Mapping[str, Any]:
    found: Mapping[str, Any] = service["spec"]["template"]["spec"]
    return found
