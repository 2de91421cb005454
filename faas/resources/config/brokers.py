"""config-br-defaults: what a Broker gets that does not say otherwise. Source: knative/eventing pkg/apis/config."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from faas.resources.config.settings import ConfigError, read

# Knative's own default, so that the same object does the same in a cluster. The engine runs Brokers of any class.
DEFAULT_CLASS = "MTChannelBasedBroker"
_DELIVERY = {"retry": 10, "backoffPolicy": "exponential", "backoffDelay": "PT0.2S"}
_DEFAULT_TEXT = (
    "{clusterDefault: {brokerClass: MTChannelBasedBroker, "
    "delivery: {retry: 10, backoffPolicy: exponential, backoffDelay: PT0.2S}}}"
)


class BrokerClassDefaults(msgspec.Struct, frozen=True, rename="camel"):
    """For Brokers of one class: the reference to their configuration, and how they deliver."""

    api_version: str = ""
    kind: str = ""
    name: str = ""
    namespace: str = ""
    delivery: dict[str, Any] | None = None

    @property
    def reference(self) -> dict[str, Any] | None:
        """What becomes spec.config; None: nothing."""
        found = {
            "apiVersion": self.api_version,
            "kind": self.kind,
            "name": self.name,
            "namespace": self.namespace,
        }
        return {key: value for key, value in found.items() if value} or None


class ScopeDefaults(BrokerClassDefaults, frozen=True, rename="camel"):
    """For a namespace, or for all of them."""

    broker_class: str = ""
    broker_classes: dict[str, BrokerClassDefaults] = {}


class BrokerDefaults(msgspec.Struct, frozen=True, rename="camel"):
    """For Brokers that say neither class nor delivery."""

    cluster_default: ScopeDefaults = ScopeDefaults()
    namespace_defaults: dict[str, ScopeDefaults] = {}

    def class_in(self, namespace: str) -> str:
        scope = self.namespace_defaults.get(namespace)
        return (scope.broker_class if scope else "") or self.cluster_default.broker_class

    def of(self, namespace: str, broker_class: str) -> BrokerClassDefaults:
        """What a Broker of this class gets in this namespace; a class nobody configured gets the cluster's."""
        wanted = broker_class or self.class_in(namespace)
        scope = self.namespace_defaults.get(namespace)
        if scope is not None:
            if wanted in scope.broker_classes:
                return scope.broker_classes[wanted]
            if wanted == scope.broker_class and (scope.reference or scope.delivery):
                return scope
        return self.cluster_default.broker_classes.get(wanted, self.cluster_default)


def _broker_defaults(text: str) -> BrokerDefaults:
    try:
        return msgspec.yaml.decode(text, type=BrokerDefaults)
    except msgspec.DecodeError as error:  # and its ValidationError
        raise ValueError(str(error)) from error


@dataclass(frozen=True, slots=True)
class BrokersConfig:
    """Defaults of Brokers."""

    defaults: BrokerDefaults = dataclasses.field(  # not read from its text: that would load a YAML parser with this
        default=BrokerDefaults(ScopeDefaults(broker_class=DEFAULT_CLASS, delivery=_DELIVERY)),
        metadata={
            "key": "default-br-config",
            "read": _broker_defaults,
            "default": _DEFAULT_TEXT,
            "description": "Class and delivery of Brokers that do not say otherwise, as YAML: clusterDefault, and "
            "namespaceDefaults by namespace.",
        },
    )


def parse_brokers(data: Mapping[str, str]) -> BrokersConfig:
    """Raises ConfigError."""
    config = read(BrokersConfig, data)
    if not config.defaults.cluster_default.broker_class:
        raise ConfigError("default-br-config: clusterDefault.brokerClass is missing: name the class of Brokers")
    return config
