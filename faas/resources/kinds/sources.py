"""Knative's sources: its own, and those of its extensions that the engine runs."""

from __future__ import annotations

from dataclasses import replace

from faas.resources.kinds.kind import AGE, READY, REASON, Column, Kind

GROUP = "sources.knative.dev"
_SINK = Column("Sink", "string", ".status.sinkUri")
_CATEGORIES = ("all", "knative", "sources")
_EXTENSION = ("all", "knative", "eventing", "sources")

PING_SOURCE = Kind(
    GROUP,
    "v1",
    "PingSource",
    "pingsources",
    "pingsource",
    categories=_CATEGORIES,
    columns=(_SINK, Column("Schedule", "string", ".spec.schedule"), AGE, READY, REASON),
    status_subresource=True,
)
PING_SOURCE_V1BETA2 = replace(
    PING_SOURCE,
    version="v1beta2",
    deprecation=(
        "sources.knative.dev/v1beta2 PingSource is deprecated; see "
        "https://knative.dev/docs/eventing/sources/ping-source/ for instructions to migrate to "
        "sources.knative.dev/v1 PingSource"
    ),
)
API_SERVER_SOURCE = Kind(
    GROUP,
    "v1",
    "ApiServerSource",
    "apiserversources",
    "apiserversource",
    categories=_CATEGORIES,
    columns=(_SINK, AGE, READY, REASON),
    status_subresource=True,
)
CONTAINER_SOURCE = Kind(
    GROUP,
    "v1",
    "ContainerSource",
    "containersources",
    "containersource",
    categories=_CATEGORIES,
    columns=(_SINK, AGE, READY, REASON),
    status_subresource=True,
)
SINK_BINDING = Kind(
    GROUP,
    "v1",
    "SinkBinding",
    "sinkbindings",
    "sinkbinding",
    categories=(*_CATEGORIES, "bindings"),
    columns=(_SINK, AGE, READY, REASON),
    status_subresource=True,
)
KAFKA_SOURCE = Kind(
    GROUP,
    "v1",
    "KafkaSource",
    "kafkasources",
    "kafkasource",
    categories=_EXTENSION,
    columns=(
        Column("Topics", "string", ".spec.topics"),
        Column("BootstrapServers", "string", ".spec.bootstrapServers"),
        READY,
        REASON,
        AGE,
    ),
    status_subresource=True,
)
KAFKA_SOURCE_V1BETA1 = replace(KAFKA_SOURCE, version="v1beta1")
REDIS_STREAM_SOURCE = Kind(
    GROUP,
    "v1alpha1",
    "RedisStreamSource",
    "redisstreamsources",
    "redisstreamsource",
    categories=_EXTENSION,
    columns=(_SINK, AGE, READY, REASON),
    status_subresource=True,
)
RABBITMQ_SOURCE = Kind(
    GROUP,
    "v1alpha1",
    "RabbitmqSource",
    "rabbitmqsources",
    "rabbitmqsource",
    ("rmqsource",),
    (*_EXTENSION, "importers"),
    status_subresource=True,
)
GITHUB_SOURCE = Kind(
    GROUP,
    "v1alpha1",
    "GitHubSource",
    "githubsources",
    "githubsource",
    categories=_EXTENSION,
    columns=(READY, REASON, _SINK, AGE),
    status_subresource=True,
)
