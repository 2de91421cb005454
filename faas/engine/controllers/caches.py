"""One cache for each kind that controllers know."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from faas.client.protocol import Client, Object
from faas.engine.controllers.cache import Cache, labels_of
from faas.resources import keys
from faas.resources.domains import ClusterDomainClaim, DomainMapping
from faas.resources.eventing import Broker, Trigger
from faas.resources.eventtypes import EventType
from faas.resources.serving import Configuration, Revision, Route, Service
from faas.resources.sources.github import GitHubSource
from faas.resources.sources.kafka import KafkaSource
from faas.resources.sources.knative import ApiServerSource, ContainerSource, PingSource, SinkBinding
from faas.resources.sources.rabbitmq import RabbitmqSource
from faas.resources.sources.redis import RedisStreamSource


class Caches(NamedTuple):
    """Shared by all controllers."""

    services: Cache[Service]
    configurations: Cache[Configuration]
    revisions: Cache[Revision]
    routes: Cache[Route]
    domain_mappings: Cache[DomainMapping]
    cluster_domain_claims: Cache[ClusterDomainClaim]
    brokers: Cache[Broker]
    triggers: Cache[Trigger]
    event_types: Cache[EventType]
    ping_sources: Cache[PingSource]
    api_server_sources: Cache[ApiServerSource]
    container_sources: Cache[ContainerSource]
    sink_bindings: Cache[SinkBinding]
    kafka_sources: Cache[KafkaSource]
    redis_stream_sources: Cache[RedisStreamSource]
    rabbitmq_sources: Cache[RabbitmqSource]
    github_sources: Cache[GitHubSource]

    @property
    def addressable(self) -> tuple[Cache[Any], ...]:
        """Those of the kinds whose objects have an address, where events and requests may go."""
        return (self.services, self.routes, self.brokers)

    def of_kind(self, group: str, kind: str) -> Cache[Any] | None:
        """The cache of a kind, if there is one."""
        return next((cache for cache in self if (cache.kind.group, cache.kind.kind) == (group, kind)), None)

    @classmethod
    def of(cls, client: Client) -> Caches:
        return cls(
            Cache(client, Service.KIND, Service),
            Cache(client, Configuration.KIND, Configuration, labels_and_routes_of),
            Cache(client, Revision.KIND, Revision, labels_and_routes_of),
            Cache(client, Route.KIND, Route, targets_of),
            Cache(client, DomainMapping.KIND, DomainMapping),
            Cache(client, ClusterDomainClaim.KIND, ClusterDomainClaim),
            Cache(client, Broker.KIND, Broker),
            Cache(client, Trigger.KIND, Trigger),
            Cache(client, EventType.KIND, EventType),
            Cache(client, PingSource.KIND, PingSource),
            Cache(client, ApiServerSource.KIND, ApiServerSource),
            Cache(client, ContainerSource.KIND, ContainerSource),
            Cache(client, SinkBinding.KIND, SinkBinding),
            Cache(client, KafkaSource.KIND, KafkaSource),
            Cache(client, RedisStreamSource.KIND, RedisStreamSource),
            Cache(client, RabbitmqSource.KIND, RabbitmqSource),
            Cache(client, GitHubSource.KIND, GitHubSource),
        )


def labels_and_routes_of(raw: Object) -> Iterable[tuple[str, str]]:
    """Labels, and the Routes that the labeler has noted."""
    yield from labels_of(raw)
    for route in (raw["metadata"].get("annotations") or {}).get(keys.ROUTES, "").split(","):
        yield keys.ROUTES, route


def targets_of(raw: Object) -> Iterable[tuple[str, str]]:
    """What a Route's traffic block names: ("configurationName", ...), ("revisionName", ...)."""
    for target in (raw.get("spec") or {}).get("traffic") or ():
        for what in ("configurationName", "revisionName"):
            if target.get(what):
                yield what, target[what]
