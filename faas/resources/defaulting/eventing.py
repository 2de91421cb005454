"""Defaults of Broker, Trigger and EventType. Source: knative/eventing pkg/apis/eventing/v1/*_defaults.go."""

from __future__ import annotations

from typing import Any

from faas.resources import keys
from faas.resources.config import Config
from faas.resources.defaulting.members import default_namespace, member, namespace_of, set_user
from faas.resources.kinds.eventing import GROUP
from faas.resources.views import Raw

DEFAULT_BROKER = "default"
_DELIVERY_DEFAULTS = ("deadLetterSink", "retry", "backoffPolicy", "backoffDelay")


def default_broker(raw: Raw, config: Config, old: Raw | None, user: str) -> None:
    spec, namespace = member(raw, "spec"), namespace_of(raw)
    annotations = member(raw["metadata"], "annotations")
    defaults = config.brokers.defaults
    wanted = (spec.get("config") or {}).get("kind") or annotations.get(keys.BROKER_CLASS, "")
    found = defaults.of(namespace, wanted)
    if not spec.get("config") and found.reference:
        spec["config"] = found.reference
    if spec.get("config"):
        default_namespace(spec["config"], raw)
    if spec.get("delivery") is None and found.delivery:
        spec["delivery"] = {name: found.delivery[name] for name in _DELIVERY_DEFAULTS if name in found.delivery}
    default_delivery(spec, raw)
    annotations.setdefault(keys.BROKER_CLASS, defaults.class_in(namespace))
    set_user(raw, old, user, GROUP)


def default_trigger(raw: Raw, config: Config, old: Raw | None, user: str) -> None:
    spec = member(raw, "spec")
    if not spec.get("brokerRef"):
        spec["broker"] = spec.get("broker") or DEFAULT_BROKER
        member(raw["metadata"], "labels")[keys.BROKER_LABEL] = spec["broker"]
    if spec.get("filter") is None:
        spec["filter"] = {}
    default_destination(spec.get("subscriber"), raw)
    default_delivery(spec, raw)
    set_user(raw, old, user, GROUP)


def default_event_type(raw: Raw, config: Config, old: Raw | None, user: str) -> None:
    reference = member(raw, "spec").get("reference")
    if reference:
        default_namespace(reference, raw)
    set_user(raw, old, user, GROUP)


def default_delivery(spec: Raw, raw: Raw) -> None:
    default_destination((spec.get("delivery") or {}).get("deadLetterSink"), raw)


def default_destination(destination: Raw | None, raw: Raw) -> None:
    """A reference without a namespace is to the namespace of the object that has it."""
    reference: dict[str, Any] | None = (destination or {}).get("ref")
    if reference:
        default_namespace(reference, raw)
