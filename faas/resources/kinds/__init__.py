"""The kinds that the engine serves, and how a Kubernetes API names them.

`KINDS` has each kind once, in the version in which its objects are stored and in which the engine's parts see them;
`SERVED` has every version that clients may use. What is in `rbac`, `workloads` and `surroundings` is in neither: only
a cluster has it.
"""

from __future__ import annotations

from faas.resources.kinds.core import (
    CONFIG_MAP,
    CUSTOM_RESOURCE_DEFINITION,
    EVENT,
    NAMESPACE,
    POD,
    SECRET,
    SERVICE_ACCOUNT,
)
from faas.resources.kinds.eventing import BROKER, EVENT_TYPE, EVENT_TYPE_V1BETA1, EVENT_TYPE_V1BETA2, TRIGGER
from faas.resources.kinds.kind import Column, Kind
from faas.resources.kinds.rbac import ROLE, ROLE_BINDING
from faas.resources.kinds.serving import (
    CLUSTER_DOMAIN_CLAIM,
    CONFIGURATION,
    DOMAIN_MAPPING,
    REVISION,
    ROUTE,
    SERVICE,
)
from faas.resources.kinds.sources import (
    API_SERVER_SOURCE,
    CONTAINER_SOURCE,
    GITHUB_SOURCE,
    KAFKA_SOURCE,
    KAFKA_SOURCE_V1BETA1,
    PING_SOURCE,
    PING_SOURCE_V1BETA2,
    RABBITMQ_SOURCE,
    REDIS_STREAM_SOURCE,
    SINK_BINDING,
)
from faas.resources.kinds.surroundings import INGRESS, NODE, QUOTA, STORAGE_CLASS
from faas.resources.kinds.workloads import CORE_SERVICE, DEPLOYMENT, VOLUME_CLAIM

__all__ = [
    "API_SERVER_SOURCE",
    "BROKER",
    "CLUSTER_DOMAIN_CLAIM",
    "CONFIGURATION",
    "CONFIG_MAP",
    "CONTAINER_SOURCE",
    "CORE_SERVICE",
    "CUSTOM_RESOURCE_DEFINITION",
    "DEPLOYMENT",
    "DOMAIN_MAPPING",
    "EVENT",
    "EVENT_TYPE",
    "EVENT_TYPE_V1BETA1",
    "EVENT_TYPE_V1BETA2",
    "GITHUB_SOURCE",
    "INGRESS",
    "KAFKA_SOURCE",
    "KAFKA_SOURCE_V1BETA1",
    "KINDS",
    "NAMESPACE",
    "NODE",
    "PING_SOURCE",
    "PING_SOURCE_V1BETA2",
    "POD",
    "QUOTA",
    "RABBITMQ_SOURCE",
    "REDIS_STREAM_SOURCE",
    "REVISION",
    "ROLE",
    "ROLE_BINDING",
    "ROUTE",
    "SECRET",
    "SERVED",
    "SERVICE",
    "SERVICE_ACCOUNT",
    "SINK_BINDING",
    "SOURCES",
    "STORAGE_CLASS",
    "TRIGGER",
    "VOLUME_CLAIM",
    "Column",
    "Kind",
    "stored",
    "versions",
]

SOURCES: tuple[Kind, ...] = (
    PING_SOURCE, API_SERVER_SOURCE, CONTAINER_SOURCE, SINK_BINDING,
    KAFKA_SOURCE, REDIS_STREAM_SOURCE, RABBITMQ_SOURCE, GITHUB_SOURCE,
)  # fmt: skip
KINDS: tuple[Kind, ...] = (
    SERVICE, CONFIGURATION, REVISION, ROUTE, DOMAIN_MAPPING, CLUSTER_DOMAIN_CLAIM,
    NAMESPACE, SECRET, CONFIG_MAP, POD, EVENT, SERVICE_ACCOUNT,
    BROKER, TRIGGER, EVENT_TYPE, *SOURCES, CUSTOM_RESOURCE_DEFINITION,
)  # fmt: skip
SERVED: tuple[Kind, ...] = (
    *KINDS, EVENT_TYPE_V1BETA2, EVENT_TYPE_V1BETA1, PING_SOURCE_V1BETA2, KAFKA_SOURCE_V1BETA1,
)  # fmt: skip

_STORED = {str(kind): kind for kind in KINDS}


def stored(kind: Kind) -> Kind:
    """The version in which objects of this kind are stored."""
    return _STORED.get(str(kind), kind)


def versions(kind: Kind) -> tuple[Kind, ...]:
    """All versions in which this kind is served."""
    return tuple(served for served in SERVED if str(served) == str(kind))
