"""`[tool.faas.brokers.NAME]`: the Brokers that a project describes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from faas_runtime.options.known import DELIVERY
from faas_runtime.options.option import Option, table
from faas_runtime.options.values import matching

from faas.project.pyproject.tables import Table

_REFERENCE = ("apiVersion", "kind", "name", "namespace")


@dataclass(frozen=True, slots=True)
class BrokerSettings:
    """What a project says of a Broker. What is empty was not said."""

    broker_class: str = ""  # who makes it work: MTChannelBasedBroker, Kafka, RabbitMQBroker
    config: Mapping[str, str] = field(default_factory=dict)  # a reference to what that class reads
    delivery: Mapping[str, Any] = field(default_factory=dict)  # as `faas_runtime.options.known.DELIVERY` has it
    annotations: Mapping[str, str] = field(default_factory=dict)


def parse_brokers(tables: Mapping[str, Table]) -> dict[str, BrokerSettings]:
    """Raises: SettingsError."""
    return {name: _parse(table) for name, table in tables.items()}


def over(weaker: Mapping[str, BrokerSettings], stronger: Mapping[str, BrokerSettings]) -> dict[str, BrokerSettings]:
    """What a stage says over what the project does: class and config as they are, the rest by name."""
    found = dict(weaker)
    for name, said in stronger.items():
        before = found.get(name, BrokerSettings())
        found[name] = BrokerSettings(
            said.broker_class or before.broker_class,
            said.config or before.config,
            {**before.delivery, **said.delivery},
            {**before.annotations, **said.annotations},
        )
    return found


def _parse(said: Table) -> BrokerSettings:
    found = said.settings(_SETTINGS)
    return BrokerSettings(
        found.pop("class", ""), found.pop("config", {}), annotations=found.pop("annotations", {}), delivery=found
    )


def _config(value: Any) -> dict[str, str]:
    if not isinstance(value, Mapping) or not {"kind", "name"} <= set(value) <= set(_REFERENCE):
        raise ValueError
    if not all(isinstance(item, str) and item for item in value.values()):
        raise ValueError
    return {"apiVersion": "v1", **value}


def _annotations(value: Any) -> dict[str, str]:
    if not isinstance(value, Mapping) or not all(isinstance(item, str) for item in value.values()):
        raise ValueError
    return dict(value)


_OF_DELIVERY = ("retry", "backoff", "backoff_delay", "delivery_timeout", "dead_letter")
_SETTINGS = table(
    Option("class", "who makes it work", "a broker class of the cluster, as 'Kafka' or 'MTChannelBasedBroker'",
           matching(re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*\Z"))),
    Option("config", "what its class reads",
           "a reference, as {kind = 'ConfigMap', name = 'kafka-broker-config', namespace = 'knative-eventing'}",
           _config),
    Option("annotations", "annotations of the Broker", "a table of names and strings", _annotations),
    *(DELIVERY[name] for name in _OF_DELIVERY),
)  # fmt: skip
