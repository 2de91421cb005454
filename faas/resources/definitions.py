"""CustomResourceDefinitions of the custom kinds, as an API server with Knative installed would have them.

They are for reading: tools list them to learn what there is (`kn source list-types`). Schemas are not in them but in
the OpenAPI documents, where kubectl looks. Source: apiextensions/v1; the metadata is that of Knative's definitions.
"""

# ruff: noqa: RUF012 (each view gets an empty dict of its own: msgspec copies the default)

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Annotated, Any, ClassVar

from msgspec import field

from faas.resources import kinds
from faas.resources.kinds import Kind
from faas.resources.meta import Condition, ObjectMeta
from faas.resources.sources.github import GITHUB_EVENTS
from faas.resources.views import AnyObject, ObjectView, Raw, View, doc


class DefinitionNames(View, frozen=True):
    """How a kind is called."""

    plural: Annotated[str, doc("As in URLs: brokers.")] = ""
    singular: Annotated[str, doc("For one object: broker.")] = ""
    kind: Annotated[str, doc("As in objects: Broker.")] = ""
    list_kind: Annotated[str, doc("Of lists: BrokerList.")] = ""
    short_names: Annotated[tuple[str, ...], doc("Shorter names for commands.", list_type="atomic")] = ()
    categories: Annotated[tuple[str, ...], doc("Groups of kinds, such as all.", list_type="atomic")] = ()


class DefinitionColumn(View, frozen=True):
    """A column of `kubectl get`."""

    name: Annotated[str, doc("Title.")] = ""
    type: Annotated[str, doc("string, integer, date, ...")] = ""
    json_path: Annotated[str, doc("Where its value is.")] = field(default="", name="jsonPath")
    priority: Annotated[int, doc("Above 0: with -o wide only.", format="int32")] = 0
    description: Annotated[str, doc("What it says.")] = ""


class DefinitionVersion(View, frozen=True):
    """A version of a kind."""

    name: Annotated[str, doc("v1, v1beta1, ...")] = ""
    served: Annotated[bool, doc("Whether it can be used.")] = False
    storage: Annotated[bool, doc("Whether objects are stored in it.")] = False
    deprecated: Annotated[bool, doc("Whether it will go.")] = False
    deprecation_warning: Annotated[str, doc("What whoever uses it is told.")] = ""
    additional_printer_columns: Annotated[tuple[DefinitionColumn, ...], doc("Columns.", list_type="atomic")] = ()
    schema: Annotated[AnyObject, doc("Left open: see the server's OpenAPI documents.", preserve=True)] = {}
    subresources: Annotated[AnyObject, doc("status, where there is one.", preserve=True)] = {}


class DefinitionSpec(View, frozen=True):
    """A kind in all its versions."""

    group: Annotated[str, doc("Group: eventing.knative.dev.")] = ""
    names: Annotated[DefinitionNames, doc("How it is called.")] = DefinitionNames()
    scope: Annotated[str, doc("Namespaced or Cluster.")] = ""
    versions: Annotated[tuple[DefinitionVersion, ...], doc("Its versions.", list_type="atomic")] = ()


class DefinitionStatus(View, frozen=True):
    """What the server made of it."""

    accepted_names: Annotated[DefinitionNames, doc("Names that it is served under.")] = DefinitionNames()
    conditions: Annotated[
        tuple[Condition, ...],
        doc("What is and is not in order.", list_type="map", map_keys=("type",), merge_key="type"),
    ] = ()
    stored_versions: Annotated[tuple[str, ...], doc("Versions that objects are stored in.", list_type="atomic")] = ()


class CustomResourceDefinition(ObjectView, frozen=True):
    """A kind that is served beside the built-in ones."""

    KIND: ClassVar[Kind] = kinds.CUSTOM_RESOURCE_DEFINITION
    metadata: Annotated[ObjectMeta, doc("Name, labels and annotations.")] = ObjectMeta()
    spec: Annotated[DefinitionSpec, doc("The kind.")] = DefinitionSpec()
    status: Annotated[DefinitionStatus, doc("Whether it is served.")] = DefinitionStatus()


def make_definition(kind: Kind, versions: Sequence[Kind], now: str) -> Raw:
    """The definition of a kind, stored as `kind` and served as each of `versions`, from `now` on."""
    names: dict[str, Any] = {
        "plural": kind.plural,
        "singular": kind.singular,
        "kind": kind.kind,
        "listKind": f"{kind.kind}List",
        **({"shortNames": list(kind.short_names)} if kind.short_names else {}),
        **({"categories": list(kind.categories)} if kind.categories else {}),
    }
    conditions = [
        {"type": type, "status": "True", "reason": reason, "message": message, "lastTransitionTime": now}
        for type, reason, message in (
            ("NamesAccepted", "NoConflicts", "no conflicts found"),
            ("Established", "InitialNamesAccepted", "the initial names have been accepted"),
        )
    ]
    return {
        "apiVersion": kinds.CUSTOM_RESOURCE_DEFINITION.api_version,
        "kind": kinds.CUSTOM_RESOURCE_DEFINITION.kind,
        "metadata": {"name": str(kind), "labels": _labels(kind), **_annotations(kind)},
        "spec": {
            "group": kind.group,
            "names": names,
            "scope": "Namespaced" if kind.namespaced else "Cluster",
            "versions": [_version(version, storage=version == kind) for version in versions],
        },
        "status": {"acceptedNames": names, "conditions": conditions, "storedVersions": [kind.version]},
    }


def _version(kind: Kind, *, storage: bool) -> Raw:
    columns = [
        {
            "name": column.name,
            "type": column.type,
            "jsonPath": column.path,
            **({"priority": column.priority} if column.priority else {}),
        }
        for column in kind.columns
    ]
    return {
        "name": kind.version,
        "served": True,
        "storage": storage,
        **({"deprecated": True, "deprecationWarning": kind.deprecation} if kind.deprecation else {}),
        **({"additionalPrinterColumns": columns} if columns else {}),
        "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}},
        **({"subresources": {"status": {}}} if kind.status_subresource else {}),
    }


_OF_SERVING = (kinds.SERVICE.group, kinds.CLUSTER_DOMAIN_CLAIM.group)
_ADDRESSABLE = (kinds.SERVICE, kinds.ROUTE, kinds.BROKER)
_APISERVER = [
    (f"dev.knative.apiserver.{mode}.{change}", f"CloudEvent type used for {change} operations when in {name} mode")
    for mode, name in (("resource", "Resource"), ("ref", "Reference"))
    for change in ("add", "delete", "update")
]
_EVENT_TYPES: dict[Kind, list[tuple[str, str]]] = {
    kinds.PING_SOURCE: [
        ("dev.knative.sources.ping", "CloudEvent type for fixed payloads on a specified cron schedule")
    ],
    kinds.API_SERVER_SOURCE: _APISERVER,
    kinds.KAFKA_SOURCE: [("dev.knative.kafka.event", "")],
    kinds.REDIS_STREAM_SOURCE: [("dev.knative.sources.redisstream", "")],
    kinds.RABBITMQ_SOURCE: [("dev.knative.rabbitmq.event", "")],
    kinds.GITHUB_SOURCE: [(f"dev.knative.source.github.{event}", "") for event in GITHUB_EVENTS],
}


def _labels(kind: Kind) -> dict[str, str]:
    """By these labels Knative's tools find kinds that have something in common."""
    part = "serving" if kind.group in _OF_SERVING else "eventing"
    labels = {"app.kubernetes.io/name": f"knative-{part}", "knative.dev/crd-install": "true"}
    if kind in kinds.SOURCES:
        labels |= {"duck.knative.dev/source": "true", "eventing.knative.dev/source": "true"}
    if kind == kinds.SINK_BINDING:
        labels["duck.knative.dev/binding"] = "true"
    if kind in _ADDRESSABLE:
        labels["duck.knative.dev/addressable"] = "true"
    return labels


def _annotations(kind: Kind) -> Raw:
    types = [{"type": type, **({"description": words} if words else {})} for type, words in _EVENT_TYPES.get(kind, ())]
    return {"annotations": {"registry.knative.dev/eventTypes": json.dumps(types)}} if types else {}
