"""Which config map is read by whom, and all of them as one value."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from faas.resources.config.autoscaler import AutoscalerConfig, parse_autoscaler
from faas.resources.config.brokers import BrokersConfig, parse_brokers
from faas.resources.config.defaults import DefaultsConfig, parse_defaults
from faas.resources.config.deployment import DeploymentConfig, parse_deployment
from faas.resources.config.features import FeaturesConfig, parse_features
from faas.resources.config.gc import GcConfig, parse_gc
from faas.resources.config.network import NetworkConfig, parse_network
from faas.resources.config.ping import PingConfig, parse_ping
from faas.resources.config.settings import ConfigError

CONFIG_NAMESPACE = "knative-serving"
EVENTING_NAMESPACE = "knative-eventing"


@dataclass(frozen=True, slots=True)
class Config:
    """Everything that the config maps say."""

    autoscaler: AutoscalerConfig = field(default_factory=lambda: parse_autoscaler({}))
    defaults: DefaultsConfig = field(default_factory=lambda: parse_defaults({}))
    gc: GcConfig = field(default_factory=lambda: parse_gc({}))
    network: NetworkConfig = field(default_factory=lambda: parse_network({}))
    deployment: DeploymentConfig = field(default_factory=lambda: parse_deployment({}))
    features: FeaturesConfig = field(default_factory=lambda: parse_features({}))
    brokers: BrokersConfig = field(default_factory=BrokersConfig)
    ping: PingConfig = field(default_factory=PingConfig)


PARSERS: dict[str, tuple[str, type[Any], Callable[[Mapping[str, str]], Any]]] = {
    "config-autoscaler": ("autoscaler", AutoscalerConfig, parse_autoscaler),
    "config-defaults": ("defaults", DefaultsConfig, parse_defaults),
    "config-deployment": ("deployment", DeploymentConfig, parse_deployment),
    "config-features": ("features", FeaturesConfig, parse_features),
    "config-gc": ("gc", GcConfig, parse_gc),
    "config-network": ("network", NetworkConfig, parse_network),
    "config-br-defaults": ("brokers", BrokersConfig, parse_brokers),
    "config-ping-defaults": ("ping", PingConfig, parse_ping),
}
CONFIG_MAP_NAMES = tuple(PARSERS)
_EVENTING = frozenset({"config-br-defaults", "config-ping-defaults"})


def config_namespace(name: str) -> str | None:
    """The namespace in which a config map of this name counts; None: it is none of Knative's."""
    if name not in PARSERS:
        return None
    return EVENTING_NAMESPACE if name in _EVENTING else CONFIG_NAMESPACE


def parse_config(maps: Mapping[str, Mapping[str, str]]) -> Config:
    """Read all config maps, given as name -> data; those that are missing are all defaults. Raises ConfigError."""
    parts = {}
    for name, data in maps.items():
        if name in PARSERS:
            parts[PARSERS[name][0]] = parse_config_map(name, data)
    return Config(**parts)


def parse_config_map(name: str, data: Mapping[str, str]) -> Any:
    """Read one config map by name. Raises ConfigError that names it, and KeyError for a name of no config map."""
    try:
        return PARSERS[name][2](data)
    except ConfigError as error:
        raise ConfigError(f"{name}: {error}") from error
