"""Objects of eventing's kinds for tests: each is good as it is."""

from __future__ import annotations

from typing import Any

from faas.resources import kinds
from faas.resources.config import Config
from faas.resources.defaulting import set_defaults
from faas.resources.kinds import Kind

Raw = dict[str, Any]
TO_BROKER: Raw = {"ref": {"apiVersion": "eventing.knative.dev/v1", "kind": "Broker", "name": "default"}}
TO_URL: Raw = {"uri": "http://sink.example"}
SECRET: Raw = {"secretKeyRef": {"name": "s", "key": "k"}}

SPECS: dict[Kind, Raw] = {
    kinds.BROKER: {},
    kinds.TRIGGER: {"subscriber": TO_URL},
    kinds.EVENT_TYPE: {
        "attributes": [
            {"name": "type", "required": True, "value": "com.shop.order"},
            {"name": "source", "required": True, "value": "/shop"},
            {"name": "specversion", "required": True},
            {"name": "id", "required": True},
        ]
    },
    kinds.EVENT_TYPE_V1BETA2: {"type": "com.shop.order", "source": "/shop"},
    kinds.PING_SOURCE: {"sink": TO_URL},
    kinds.API_SERVER_SOURCE: {"sink": TO_URL, "resources": [{"apiVersion": "v1", "kind": "Event"}]},
    kinds.CONTAINER_SOURCE: {"sink": TO_URL, "template": {"spec": {"containers": [{"image": "example.com/adapter"}]}}},
    kinds.SINK_BINDING: {
        "sink": TO_URL,
        "subject": {"apiVersion": "serving.knative.dev/v1", "kind": "Service", "name": "shop"},
    },
    kinds.KAFKA_SOURCE: {"sink": TO_URL, "bootstrapServers": ["kafka:9092"], "topics": ["orders"]},
    kinds.REDIS_STREAM_SOURCE: {"sink": TO_URL, "address": "redis://redis:6379", "stream": "orders"},
    kinds.RABBITMQ_SOURCE: {
        "sink": TO_URL,
        "rabbitmqClusterReference": {"connectionSecret": {"name": "s"}},
        "rabbitmqResourcesConfig": {"exchangeName": "shop", "queueName": "orders"},
    },
    kinds.GITHUB_SOURCE: {
        "sink": TO_URL,
        "ownerAndRepository": "acme/shop",
        "eventTypes": ["push"],
        "accessToken": SECRET,
        "secretToken": SECRET,
    },
}


def bare(kind: Kind, annotations: dict[str, str] | None = None, **spec: Any) -> Raw:
    """An object as somebody would send it; a field of the spec that is None is left out."""
    merged = {name: value for name, value in {**SPECS[kind], **spec}.items() if value is not None}
    metadata: Raw = {"name": "x", "namespace": "shop", "uid": "u-1"}
    if annotations:
        metadata["annotations"] = annotations
    return {"apiVersion": kind.api_version, "kind": kind.kind, "metadata": metadata, "spec": merged}


def whole(kind: Kind, annotations: dict[str, str] | None = None, **spec: Any) -> Raw:
    """The same with its defaults."""
    return set_defaults(kind, bare(kind, annotations, **spec), Config())
