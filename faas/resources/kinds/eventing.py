"""Knative Eventing's kinds: brokers, triggers, and the types of events."""

from __future__ import annotations

from dataclasses import replace

from faas.resources.kinds.kind import AGE, READY, REASON, Column, Kind

GROUP = "eventing.knative.dev"

BROKER = Kind(
    GROUP,
    "v1",
    "Broker",
    "brokers",
    "broker",
    categories=("all", "knative", "eventing"),
    columns=(
        Column("URL", "string", ".status.address.url"),
        AGE,
        READY,
        REASON,
        Column("Class", "string", r".metadata.annotations.eventing\.knative\.dev/broker\.class", priority=1),
    ),
    status_subresource=True,
)
TRIGGER = Kind(
    GROUP,
    "v1",
    "Trigger",
    "triggers",
    "trigger",
    categories=("all", "knative", "eventing"),
    columns=(
        Column("Broker", "string", ".spec.broker"),
        Column("Subscriber_URI", "string", ".status.subscriberUri"),
        AGE,
        READY,
        REASON,
    ),
    status_subresource=True,
    strict=True,  # as Knative: a filter without its misspelt dialect would let every event pass
)

_REFERENCE = (
    Column("Reference Name", "string", ".spec.reference.name"),
    Column("Reference Kind", "string", ".spec.reference.kind"),
    Column("Description", "string", ".spec.description"),
    READY,
    REASON,
)
EVENT_TYPE = Kind(
    GROUP,
    "v1beta3",
    "EventType",
    "eventtypes",
    "eventtype",
    categories=("all", "knative", "eventing"),
    columns=(
        Column("Type", "string", ".spec.attributes[?(@.name=='type')].value"),
        Column("Source", "string", ".spec.attributes[?(@.name=='source')].value"),
        *_REFERENCE,
    ),
    status_subresource=True,
)
EVENT_TYPE_V1BETA2 = replace(
    EVENT_TYPE,
    version="v1beta2",
    columns=(
        Column("Type", "string", ".spec.type"),
        Column("Source", "string", ".spec.source"),
        Column("Schema", "string", ".spec.schema"),
        *_REFERENCE,
    ),
)
EVENT_TYPE_V1BETA1 = replace(
    EVENT_TYPE_V1BETA2,
    version="v1beta1",
    deprecation=(
        "eventing.knative.dev/v1beta1 EventType is deprecated; see "
        "https://knative.dev/docs/eventing/event-registry/ for instructions to migrate to "
        "eventing.knative.dev/v1beta2 EventType"
    ),
)
