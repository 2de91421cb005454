"""What the kinds of sources have different: who makes the plan, and which conditions say what."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from faas.client.protocol import Object
from faas.engine.controllers.addressing import OIDC_OFF
from faas.engine.controllers.cache import Cache
from faas.engine.controllers.caches import Caches
from faas.engine.controllers.source import make, make_extensions
from faas.engine.controllers.source.made import Made, Refused
from faas.resources.conditions import ConditionSet, conditions_of

_OIDC = {"OIDCIdentityCreated": OIDC_OFF}


@dataclass(frozen=True, slots=True)
class SourceKind:
    cache: Cache[Any]
    make: Callable[[Object, Any], Made | Refused]
    runs: tuple[str, ...]  # conditions that say whether the adapter runs
    sink: str = "SinkProvided"  # the condition that says whether the sink has an address
    secrets: tuple[str, ...] = ()  # those that say whether its Secrets are there
    always: dict[str, str] = field(default_factory=dict)  # those that hold here, with their reasons

    @property
    def conditions(self) -> ConditionSet:
        return conditions_of(self.cache.kind)


def source_kinds(caches: Caches, server: str) -> tuple[SourceKind, ...]:
    """Args: server: the API's URL."""

    def make_api_server(raw: Object, source: Any) -> Made | Refused:
        return make.make_api_server(raw, source, server)

    return (
        SourceKind(caches.ping_sources, make.make_ping, ("Deployed",), always=_OIDC),
        SourceKind(
            caches.api_server_sources,
            make_api_server,
            ("Deployed",),
            always={"SufficientPermissions": "", **_OIDC},
        ),
        SourceKind(caches.container_sources, make.make_container, ("ReceiveAdapterReady",), sink="SinkBindingReady"),
        SourceKind(
            caches.kafka_sources,
            make_extensions.make_kafka,
            ("InitialOffsetsCommitted", "ConnectionEstablished", "Deployed"),
            always=_OIDC,
        ),
        SourceKind(caches.redis_stream_sources, make_extensions.make_redis, ("Deployed",)),
        SourceKind(
            caches.rabbitmq_sources,
            make_extensions.make_rabbitmq,
            ("ExchangeReady", "Deployed"),
            secrets=("SecretReady",),
        ),
        SourceKind(
            caches.github_sources, make_extensions.make_github, ("WebhookConfigured",), secrets=("SecretsProvided",)
        ),
    )
