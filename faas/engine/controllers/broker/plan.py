"""What the broker's process and the gateway have to know of Brokers."""

from __future__ import annotations

from faas.engine.contract.dataplane import RevisionPolicy, Split, Target
from faas.engine.contract.eventing import BROKER_NAMESPACE, BROKER_SERVICE, BrokerConfig
from faas.engine.contract.revision import RevisionKey
from faas.engine.contract.settings import LOCAL_DOMAIN
from faas.resources import periods, quantities
from faas.resources.eventing import Broker
from faas.resources.keys import BROKER_CLASS, EVENT_MAX_BYTES, EVENT_RETENTION

# What plain Knative YAML and `kn broker create` ask for, which the engine does in its own way; and our own name for it.
OUR_CLASSES = ("MTChannelBasedBroker", "faas")
INGRESS = RevisionKey(BROKER_NAMESPACE, BROKER_SERVICE)  # stands where the gateway wants a revision
INGRESS_HOST = f"{BROKER_SERVICE}.{BROKER_NAMESPACE}.{LOCAL_DOMAIN}"
_ANSWER_S = 60.0  # storing takes milliseconds; while nats-server starts, a request waits


class InvalidSetting(ValueError):
    """An annotation cannot be read; the message says which, and what it should be."""


def is_ours(broker: Broker) -> bool:
    return broker.metadata.annotations.get(BROKER_CLASS, OUR_CLASSES[0]) in OUR_CLASSES


def make_broker(broker: Broker) -> BrokerConfig:
    """Raises: InvalidSetting."""
    config = BrokerConfig(f"{broker.metadata.namespace}/{broker.metadata.name}", broker.metadata.uid)
    annotations = broker.metadata.annotations
    retention_s, max_bytes = config.retention_s, config.max_bytes
    if text := annotations.get(EVENT_RETENTION):
        try:
            retention_s = periods.parse_s(text)
        except ValueError as error:
            raise InvalidSetting(f"{EVENT_RETENTION}: {error}") from None
    if text := annotations.get(EVENT_MAX_BYTES):
        try:
            max_bytes = quantities.bytes_of(text)
        except ValueError as error:
            raise InvalidSetting(f"{EVENT_MAX_BYTES}: {error}") from None
    return BrokerConfig(config.key, config.uid, retention_s=retention_s, max_bytes=max_bytes)


def broker_url(broker: Broker) -> str:
    return f"http://{INGRESS_HOST}/{broker.metadata.namespace}/{broker.metadata.name}"


def ingress_hosts() -> tuple[str, ...]:
    """The names by which Kubernetes' DNS has a service."""
    short = f"{BROKER_SERVICE}.{BROKER_NAMESPACE}"
    return (INGRESS_HOST, f"{short}.svc", short)


def ingress_target() -> Target:
    """Cluster-local: what is outside of the engine does not make up events."""
    return Target(
        namespace=BROKER_NAMESPACE,
        label=BROKER_SERVICE,
        route=BROKER_SERVICE,
        tag="",
        splits=(Split(str(INGRESS), 100),),
        public=False,
    )


def ingress_policy() -> RevisionPolicy:
    return RevisionPolicy(
        revision=str(INGRESS),
        namespace=BROKER_NAMESPACE,
        service=BROKER_SERVICE,
        configuration=BROKER_SERVICE,
        timeout_s=_ANSWER_S,
        response_start_timeout_s=_ANSWER_S,
    )
