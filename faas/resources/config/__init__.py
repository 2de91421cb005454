"""Knative's config maps as values: `parse_config` reads them, `Config()` is all defaults.

Each module holds one config map: a frozen dataclass whose fields say key, default and meaning, and its rules.
"""

from __future__ import annotations

from faas.resources.config.autoscaler import AutoscalerConfig
from faas.resources.config.brokers import BrokersConfig
from faas.resources.config.defaults import DefaultsConfig
from faas.resources.config.deployment import DeploymentConfig
from faas.resources.config.features import FeaturesConfig
from faas.resources.config.gc import GcConfig
from faas.resources.config.maps import DEFAULT_CONFIG_MAPS
from faas.resources.config.network import NetworkConfig
from faas.resources.config.ping import PingConfig
from faas.resources.config.registry import (
    CONFIG_MAP_NAMES,
    CONFIG_NAMESPACE,
    EVENTING_NAMESPACE,
    Config,
    config_namespace,
    parse_config,
    parse_config_map,
)
from faas.resources.config.settings import ConfigError

__all__ = [
    "CONFIG_MAP_NAMES",
    "CONFIG_NAMESPACE",
    "DEFAULT_CONFIG_MAPS",
    "EVENTING_NAMESPACE",
    "AutoscalerConfig",
    "BrokersConfig",
    "Config",
    "ConfigError",
    "DefaultsConfig",
    "DeploymentConfig",
    "FeaturesConfig",
    "GcConfig",
    "NetworkConfig",
    "PingConfig",
    "config_namespace",
    "parse_config",
    "parse_config_map",
]
