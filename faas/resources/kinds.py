"""The kinds that the engine serves, and how a Kubernetes API names them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Column:
    """A column of `kubectl get`; `priority` above 0 shows with `-o wide` only."""

    name: str
    type: str  # string, integer, date, boolean
    path: str  # JSONPath as in a CustomResourceDefinition
    priority: int = 0
    description: str = ""


@dataclass(frozen=True, slots=True)
class Kind:
    """A resource type. `str(kind)` is as kubectl writes it: `services.serving.knative.dev`."""

    group: str
    version: str
    kind: str
    plural: str
    singular: str
    short_names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    namespaced: bool = True
    columns: tuple[Column, ...] = ()
    status_subresource: bool = False
    custom: bool = True  # as a CustomResourceDefinition would be: no strategic merge patch
    volatile: bool = False  # kept in memory only, gone with the engine (Pods)
    read_only: bool = False  # clients may not write it (Pods)

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    def __str__(self) -> str:
        return f"{self.plural}.{self.group}" if self.group else self.plural


SERVICE = Kind(
    "serving.knative.dev",
    "v1",
    "Service",
    "services",
    "service",
    ("kservice", "ksvc"),
    ("all", "knative", "serving"),
    columns=(
        Column("URL", "string", ".status.url"),
        Column("LatestCreated", "string", ".status.latestCreatedRevisionName"),
        Column("LatestReady", "string", ".status.latestReadyRevisionName"),
        Column("Ready", "string", ".status.conditions[?(@.type=='Ready')].status"),
        Column("Reason", "string", ".status.conditions[?(@.type=='Ready')].reason"),
    ),
    status_subresource=True,
)
CONFIGURATION = Kind(
    "serving.knative.dev",
    "v1",
    "Configuration",
    "configurations",
    "configuration",
    ("config", "cfg"),
    ("all", "knative", "serving"),
    columns=(
        Column("LatestCreated", "string", ".status.latestCreatedRevisionName"),
        Column("LatestReady", "string", ".status.latestReadyRevisionName"),
        Column("Ready", "string", ".status.conditions[?(@.type=='Ready')].status"),
        Column("Reason", "string", ".status.conditions[?(@.type=='Ready')].reason"),
    ),
    status_subresource=True,
)
REVISION = Kind(
    "serving.knative.dev",
    "v1",
    "Revision",
    "revisions",
    "revision",
    ("rev",),
    ("all", "knative", "serving"),
    columns=(
        Column("Config Name", "string", r".metadata.labels['serving\.knative\.dev/configuration']"),
        Column("Generation", "string", r".metadata.labels['serving\.knative\.dev/configurationGeneration']"),
        Column("Ready", "string", ".status.conditions[?(@.type=='Ready')].status"),
        Column("Reason", "string", ".status.conditions[?(@.type=='Ready')].reason"),
        Column("Actual Replicas", "integer", ".status.actualReplicas"),
        Column("Desired Replicas", "integer", ".status.desiredReplicas"),
    ),
    status_subresource=True,
)
ROUTE = Kind(
    "serving.knative.dev",
    "v1",
    "Route",
    "routes",
    "route",
    ("rt",),
    ("all", "knative", "serving"),
    columns=(
        Column("URL", "string", ".status.url"),
        Column("Ready", "string", ".status.conditions[?(@.type=='Ready')].status"),
        Column("Reason", "string", ".status.conditions[?(@.type=='Ready')].reason"),
    ),
    status_subresource=True,
)
NAMESPACE = Kind(
    "",
    "v1",
    "Namespace",
    "namespaces",
    "namespace",
    ("ns",),
    namespaced=False,
    custom=False,
    status_subresource=True,
)
SECRET = Kind("", "v1", "Secret", "secrets", "secret", custom=False)
CONFIG_MAP = Kind("", "v1", "ConfigMap", "configmaps", "configmap", ("cm",), custom=False)
POD = Kind(
    "",
    "v1",
    "Pod",
    "pods",
    "pod",
    ("po",),
    ("all",),
    custom=False,
    volatile=True,
    read_only=True,
    status_subresource=True,
)
EVENT = Kind("", "v1", "Event", "events", "event", ("ev",), custom=False, volatile=True)
SERVICE_ACCOUNT = Kind("", "v1", "ServiceAccount", "serviceaccounts", "serviceaccount", ("sa",), custom=False)

KINDS: tuple[Kind, ...] = (
    SERVICE, CONFIGURATION, REVISION, ROUTE, NAMESPACE, SECRET, CONFIG_MAP, POD, EVENT, SERVICE_ACCOUNT,
)  # fmt: skip
