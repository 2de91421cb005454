"""From decorators that take events to Triggers and Brokers, as the objects that are applied. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from faas_runtime.declaring.spec import FunctionSpec, Trigger
from faas_runtime.declaring.triggers import filters_of

from faas.project.manifests.labels import Belonging, Object
from faas.project.services import DEFAULT_BROKER, ServiceSpec
from faas.resources import keys

_INGRESS = "http://broker-ingress.knative-eventing.svc.cluster.local"  # the engine's, and Knative's own Broker's
INGRESSES = {
    "Kafka": "http://kafka-broker-ingress.knative-eventing.svc.cluster.local/{namespace}/{broker}",
    "KafkaNamespaced": "http://kafka-broker-ingress.{namespace}.svc.cluster.local/{namespace}/{broker}",
    "RabbitMQBroker": "http://{broker}-broker-ingress.{namespace}.svc.cluster.local",
}  # by broker class
DEFAULT_DELIVERY: Object = {"retry": 10, "backoffPolicy": "exponential", "backoffDelay": "PT0.2S"}  # of Brokers
_ANNOTATIONS = {
    "ordered_by": keys.ORDERED_BY, "parallelism": keys.PARALLELISM, "backlog_target": keys.BACKLOG_TARGET,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Subscriber:
    """Who takes dead letters: a function of the project."""

    service: str
    path: str


def broker_address(namespace: str, broker: str, broker_class: str = "") -> str:
    """Where events for a Broker are sent: known before there is one, so it can stand in a Service."""
    return INGRESSES.get(broker_class, _INGRESS + "/{namespace}/{broker}").format(namespace=namespace, broker=broker)


def broker_of(spec: ServiceSpec, trigger: Trigger) -> str:
    return str(trigger.options.get("broker") or spec.options.get("broker") or DEFAULT_BROKER)


def make_trigger(
    spec: ServiceSpec,
    function: FunctionSpec,
    trigger: Trigger,
    belonging: Belonging,
    dead_letters: Mapping[str, Subscriber],
) -> Object:
    """The Trigger of one decorator.

    Args:
        dead_letters: the functions and services that `dead_letter` may name; any other name is a stream's.
    """
    options = trigger.options
    annotations = {key: str(options[option]) for option, key in _ANNOTATIONS.items() if option in options}
    dead_letter = options.get("dead_letter")
    sink = dead_letters.get(dead_letter) if dead_letter else None
    if dead_letter and sink is None:
        annotations[keys.DEAD_LETTER_STREAM] = dead_letter
    made: Object = {
        "broker": broker_of(spec, trigger),
        "subscriber": make_destination(spec.name, trigger.path),
    }
    if filters := filters_of(trigger.kind, options, trigger.name):
        made["filters"] = filters
    if delivery := make_delivery(options, sink):
        made["delivery"] = delivery
    metadata = belonging.metadata(trigger.name, function=function.name, annotations=annotations)
    return {"apiVersion": "eventing.knative.dev/v1", "kind": "Trigger", "metadata": metadata, "spec": made}


def make_destination(service: str, path: str) -> Object:
    reference = {"apiVersion": "serving.knative.dev/v1", "kind": "Service", "name": service}
    return {"ref": reference, "uri": path} if path != "/" else {"ref": reference}


def make_delivery(options: Mapping[str, Any], sink: Subscriber | None) -> Object:
    """Whole or not at all: what a Trigger says replaces all that its Broker says, and no delay would mean none."""
    found: Object = {}
    if any(name in options for name in ("retry", "backoff", "backoff_delay", "delivery_timeout")) or sink:
        found = dict(DEFAULT_DELIVERY)
    if "retry" in options:
        found["retry"] = options["retry"]
    if "backoff" in options:
        found["backoffPolicy"] = options["backoff"]
    if "backoff_delay" in options:
        found["backoffDelay"] = _period(options["backoff_delay"])
    if "delivery_timeout" in options:
        found["timeout"] = _period(options["delivery_timeout"])
    if sink is not None:
        found["deadLetterSink"] = make_destination(sink.service, sink.path)
    return found


def _period(seconds: float) -> str:
    """ISO 8601, as Knative's delivery has it: PT0.2S."""
    return f"PT{Decimal(str(seconds)).normalize():f}S"
