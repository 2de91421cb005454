"""Defaults of sources. Source: knative/eventing pkg/apis/sources/v1/*_defaults.go, and those of the extensions."""

from __future__ import annotations

from faas.resources.config import Config
from faas.resources.defaulting.eventing import default_delivery, default_destination
from faas.resources.defaulting.members import default_namespace, member, namespace_of, set_user
from faas.resources.kinds.sources import GROUP
from faas.resources.views import Raw

EVERY_MINUTE = "* * * * *"


def default_source(raw: Raw, config: Config, old: Raw | None, user: str) -> None:
    """What all sources have in common."""
    default_destination(member(raw, "spec").get("sink"), raw)
    set_user(raw, old, user, GROUP)


def default_ping_source(raw: Raw, config: Config, old: Raw | None, user: str) -> None:
    spec = member(raw, "spec")
    spec["schedule"] = spec.get("schedule") or EVERY_MINUTE
    default_source(raw, config, old, user)


def default_api_server_source(raw: Raw, config: Config, old: Raw | None, user: str) -> None:
    spec = member(raw, "spec")
    spec["mode"] = spec.get("mode") or "Reference"
    spec["serviceAccountName"] = spec.get("serviceAccountName") or "default"
    default_source(raw, config, old, user)


def default_container_source(raw: Raw, config: Config, old: Raw | None, user: str) -> None:
    pod = (member(raw, "spec").get("template") or {}).get("spec") or {}
    for index, container in enumerate(pod.get("containers") or ()):
        container["name"] = container.get("name") or f"{raw['metadata'].get('name', '')}-{index}"
    default_source(raw, config, old, user)


def default_sink_binding(raw: Raw, config: Config, old: Raw | None, user: str) -> None:
    default_namespace(member(member(raw, "spec"), "subject"), raw)
    default_source(raw, config, old, user)


def default_kafka_source(raw: Raw, config: Config, old: Raw | None, user: str) -> None:
    spec, metadata = member(raw, "spec"), raw["metadata"]
    # Knative takes a random one; the object's own id is as good, and stays the same when it is left out again.
    spec["consumerGroup"] = spec.get("consumerGroup") or f"knative-kafka-source-{metadata.get('uid', '')}"
    if spec.get("consumers") is None:
        spec["consumers"] = 1
    spec["initialOffset"] = spec.get("initialOffset") or "latest"
    spec["ordering"] = spec.get("ordering") or "ordered"
    default_delivery(spec, raw)
    default_source(raw, config, old, user)


def default_rabbitmq_source(raw: Raw, config: Config, old: Raw | None, user: str) -> None:
    spec = member(raw, "spec")
    cluster, resources = spec.get("rabbitmqClusterReference"), spec.get("rabbitmqResourcesConfig")
    if cluster is not None and namespace_of(raw):
        cluster["namespace"] = cluster.get("namespace") or namespace_of(raw)
    if resources is not None and resources.get("parallelism") is None:
        resources["parallelism"] = 1
    default_source(raw, config, old, user)
