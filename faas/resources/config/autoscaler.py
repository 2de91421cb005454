"""config-autoscaler: the defaults and bounds of scaling. Source: knative/serving pkg/autoscaler/config."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from faas.resources.config.settings import (
    ConfigError,
    boolean,
    duration_s,
    integer,
    number,
    read,
    setting,
    show,
    text,
)

WINDOW_MIN_S, WINDOW_MAX_S = 6.0, 3600.0
TARGET_MIN = 0.01
KPA, HPA = "kpa.autoscaling.knative.dev", "hpa.autoscaling.knative.dev"


@dataclass(frozen=True, slots=True)
class AutoscalerConfig:
    """What holds for every Revision that does not say otherwise by an annotation. Durations are in seconds."""

    container_concurrency_target_fraction: float = setting(
        "container-concurrency-target-percentage",
        number,
        "70",
        "Share of the concurrency target that the autoscaler aims at, in percent; what is left takes bursts.",
    )
    container_concurrency_target_default: float = setting(
        "container-concurrency-target-default",
        number,
        "100",
        "Concurrent requests an instance is meant for, when neither containerConcurrency nor a target is set.",
    )
    requests_per_second_target_default: float = setting(
        "requests-per-second-target-default",
        number,
        "200",
        "Requests a second an instance is meant for, with the metric rps.",
    )
    target_burst_capacity: float = setting(
        "target-burst-capacity",
        number,
        "211",
        "Requests at once that must be taken without waiting for new instances; -1 is without bound.",
    )
    stable_window_s: float = setting(
        "stable-window", duration_s, "60s", "Time over which load is averaged; whole seconds from 6s to 1h."
    )
    panic_window_percentage: float = setting(
        "panic-window-percentage", number, "10.0", "The panic window as a share of the stable one, from 1 to 100."
    )
    panic_threshold_percentage: float = setting(
        "panic-threshold-percentage",
        number,
        "200.0",
        "Load in percent of what the instances take at which panic starts.",
    )
    max_scale_up_rate: float = setting(
        "max-scale-up-rate", number, "1000.0", "Factor by which instances may grow at once; more than 1."
    )
    max_scale_down_rate: float = setting(
        "max-scale-down-rate", number, "2.0", "Factor by which instances may shrink at once; more than 1."
    )
    enable_scale_to_zero: bool = setting(
        "enable-scale-to-zero", boolean, "true", "Whether the last instance may end when there are no requests."
    )
    scale_to_zero_grace_period_s: float = setting(
        "scale-to-zero-grace-period", duration_s, "30s", "How long at most the change to zero may take."
    )
    scale_to_zero_pod_retention_period_s: float = setting(
        "scale-to-zero-pod-retention-period", duration_s, "0s", "How long the last instance is kept at least."
    )
    pod_autoscaler_class: str = setting(
        "pod-autoscaler-class", text, KPA, "The autoscaler of Revisions that name none."
    )
    initial_scale: int = setting("initial-scale", integer, "1", "Instances that a new Revision starts with.")
    allow_zero_initial_scale: bool = setting(
        "allow-zero-initial-scale", boolean, "false", "Whether a new Revision may start with no instance."
    )
    min_scale: int = setting("min-scale", integer, "0", "Instances that a routed Revision has at least.")
    max_scale: int = setting("max-scale", integer, "0", "Instances that a Revision has at most; 0 is without bound.")
    max_scale_limit: int = setting(
        "max-scale-limit", integer, "0", "The largest max-scale that a Revision may ask for; 0 is without bound."
    )
    scale_down_delay_s: float = setting(
        "scale-down-delay", duration_s, "0s", "How long load must be lower before instances end; whole seconds."
    )


def parse_autoscaler(data: Mapping[str, str]) -> AutoscalerConfig:
    """Raises ConfigError."""
    config = read(AutoscalerConfig, data)
    fraction = config.container_concurrency_target_fraction
    if fraction > 1:  # up to 1 it is a fraction already: so old config maps had it
        config = replace(config, container_concurrency_target_fraction=fraction / 100)
    _check_durations(config)
    _check_numbers(config)
    _check_scales(config)
    return config


def _check_durations(c: AutoscalerConfig) -> None:
    if c.scale_to_zero_grace_period_s <= 0:
        raise ConfigError(f"scale-to-zero-grace-period must be positive, was: {show(c.scale_to_zero_grace_period_s)}")
    if c.scale_down_delay_s < 0:
        raise ConfigError(f"scale-down-delay cannot be negative, was: {show(c.scale_down_delay_s)}")
    if c.scale_to_zero_pod_retention_period_s < 0:
        was = show(c.scale_to_zero_pod_retention_period_s)
        raise ConfigError(f"scale-to-zero-pod-retention-period cannot be negative, was: {was}")
    if not WINDOW_MIN_S <= c.stable_window_s <= WINDOW_MAX_S:
        raise ConfigError(
            f"stable-window = {show(c.stable_window_s)}, must be in [{show(WINDOW_MIN_S)}; {show(WINDOW_MAX_S)}] range"
        )
    for key, seconds in (("scale-down-delay", c.scale_down_delay_s), ("stable-window", c.stable_window_s)):
        if seconds != int(seconds):
            raise ConfigError(f"{key} = {show(seconds)}, must be specified with at most second precision")


def _check_numbers(c: AutoscalerConfig) -> None:
    if c.target_burst_capacity < 0 and c.target_burst_capacity != -1:
        raise ConfigError(
            f"target-burst-capacity must be either non-negative or -1 (for unlimited), was: {c.target_burst_capacity:f}"
        )
    fraction = c.container_concurrency_target_fraction
    if not 0 < fraction <= 1:
        raise ConfigError(
            f"container-concurrency-target-percentage = {fraction:f} is outside of valid range of (0, 100]"
        )
    target = fraction * c.container_concurrency_target_default
    if target < TARGET_MIN:
        raise ConfigError(
            "container-concurrency-target-percentage and container-concurrency-target-default yield target "
            f"concurrency of {target:g}, can't be less than {TARGET_MIN:g}"
        )
    if c.requests_per_second_target_default < TARGET_MIN:
        raise ConfigError(
            f"requests-per-second-target-default must be at least {TARGET_MIN:g}, "
            f"was: {c.requests_per_second_target_default:g}"
        )
    for key, rate in (("max-scale-up-rate", c.max_scale_up_rate), ("max-scale-down-rate", c.max_scale_down_rate)):
        if rate <= 1:
            raise ConfigError(f"{key} = {rate:g}, must be greater than 1.0")
    if not 1 <= c.panic_window_percentage <= 100:
        raise ConfigError(f"panic-window-percentage = {c.panic_window_percentage:g}, must be in [1, 100] interval")


def _check_scales(c: AutoscalerConfig) -> None:
    if c.initial_scale < 0 or (c.initial_scale == 0 and not c.allow_zero_initial_scale):
        raise ConfigError(
            f"initial-scale = {c.initial_scale}, must be at least 0 (or at least 1 when allow-zero-initial-scale is "
            "false)"
        )
    if c.min_scale < 0:
        raise ConfigError(f"min-scale = {c.min_scale}, must be at least 0")
    if c.max_scale_limit < 0:
        raise ConfigError(f"max-scale-limit = {c.max_scale_limit}, must be at least 0")
    lowest = 1 if c.max_scale_limit > 0 else 0
    if c.max_scale < lowest or (c.max_scale_limit > 0 and c.max_scale > c.max_scale_limit):
        raise ConfigError(
            f"max-scale = {c.max_scale}, must be in [{lowest}, max-scale-limit({c.max_scale_limit})] range"
        )
    if 0 < c.max_scale < c.min_scale:
        raise ConfigError(f"min-scale ({c.min_scale}) must be less than max-scale ({c.max_scale})")
