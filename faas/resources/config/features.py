"""config-features: which parts of a Pod's spec are let in. Source: knative/serving pkg/apis/config/features.go.

Two groups may not be let in as Knative lets them: what says where a Pod goes on a cluster has no meaning on one machine
(it may be enabled, so that a manifest stays the same, and is ignored), and what the engine cannot do cannot be enabled.
"""

# ruff: noqa: RUF009 (a setting is a dataclasses.field with its documentation; its value is frozen)

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from faas.resources.config.settings import ConfigError, read, setting

Flag = Literal["Enabled", "Allowed", "Disabled"]


def _flag(text: str) -> Flag:
    flags: dict[str, Flag] = {"enabled": "Enabled", "allowed": "Allowed", "disabled": "Disabled"}
    if text.lower() not in flags:
        raise ValueError(f'"{text}" is not one of enabled, allowed, disabled')
    return flags[text.lower()]


def _placement(key: str, field: str) -> Flag:
    flag: Flag = setting(
        f"kubernetes.podspec-{key}", _flag, "disabled", f"Accept {field}; it has no effect on one machine."
    )
    return flag


@dataclass(frozen=True, slots=True)
class FeaturesConfig:
    """Gates by field."""

    empty_dir: Flag = setting(
        "kubernetes.podspec-volumes-emptydir", _flag, "enabled", "Accept volumes of type emptyDir."
    )
    multi_container: Flag = setting(
        "multi-container", _flag, "enabled", "Accept containers beside the one that takes the requests."
    )
    multi_container_probing: Flag = setting(
        "multi-container-probing", _flag, "disabled", "Accept probes of the containers beside it."
    )
    affinity: Flag = _placement("affinity", "affinity")
    topology_spread_constraints: Flag = _placement("topologyspreadconstraints", "topologySpreadConstraints")
    node_selector: Flag = _placement("nodeselector", "nodeSelector")
    tolerations: Flag = _placement("tolerations", "tolerations")
    runtime_class_name: Flag = _placement("runtimeclassname", "runtimeClassName")
    priority_class_name: Flag = _placement("priorityclassname", "priorityClassName")
    scheduler_name: Flag = _placement("schedulername", "schedulerName")


UNSUPPORTED = (
    "kubernetes.containerspec-addcapabilities",
    "kubernetes.podspec-dnsconfig",
    "kubernetes.podspec-dnspolicy",
    "kubernetes.podspec-fieldref",
    "kubernetes.podspec-hostaliases",
    "kubernetes.podspec-hostipc",
    "kubernetes.podspec-hostnetwork",
    "kubernetes.podspec-hostpid",
    "kubernetes.podspec-init-containers",
    "kubernetes.podspec-persistent-volume-claim",
    "kubernetes.podspec-persistent-volume-write",
    "kubernetes.podspec-securitycontext",
    "kubernetes.podspec-shareprocessnamespace",
    "kubernetes.podspec-volumes-csi",
    "kubernetes.podspec-volumes-ephemeral",
    "kubernetes.podspec-volumes-hostpath",
    "kubernetes.podspec-volumes-image",
    "kubernetes.podspec-volumes-mount-propagation",
)


def parse_features(data: Mapping[str, str]) -> FeaturesConfig:
    """Raises ConfigError."""
    for key in UNSUPPORTED:
        if data.get(key, "disabled").lower() != "disabled":
            raise ConfigError(f"{key} cannot be {data[key]}: the engine does not do it; a cluster with Knative does")
    return read(FeaturesConfig, data)
