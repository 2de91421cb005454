"""How a Revision scales: its annotations over config-autoscaler, resolved to numbers. Source: Knative's KPA."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeVar

from faas.resources import durations, keys
from faas.resources.config import Config
from faas.resources.config.autoscaler import TARGET_MIN

RPS_UTILIZATION = 0.7  # Knative has no setting for it
Keys = tuple[str, ...]
D = TypeVar("D", float, None)


@dataclass(frozen=True, slots=True)
class ScalingValues:
    """All that the autoscaler has to know of a Revision; the names are those of the engine's ScalingPolicy."""

    metric: Literal["concurrency", "rps"]
    target: float  # per instance, utilisation applied
    total: float  # per instance, before utilisation
    target_burst_capacity: float
    stable_window_s: float
    panic_window_s: float
    panic_threshold: float
    max_scale_up_rate: float
    max_scale_down_rate: float
    min_scale: int
    max_scale: int
    initial_scale: int
    activation_scale: int
    scale_down_delay_s: float
    scale_to_zero: bool
    scale_to_zero_grace_s: float
    retention_s: float
    scale_to_zero_after_s: float | None
    backlog_target: float  # waiting events per instance
    weighted: bool
    progress_deadline_s: float


def scaling_values(annotations: Mapping[str, str], container_concurrency: int, config: Config) -> ScalingValues:
    """Resolve a Revision's annotations. One that cannot be read counts as not set."""
    defaults = config.autoscaler
    window_s = _duration(annotations, keys.WINDOW, defaults.stable_window_s)
    panic_percentage = _number(annotations, keys.PANIC_WINDOW, defaults.panic_window_percentage)
    panic_threshold = _number(annotations, keys.PANIC_THRESHOLD, defaults.panic_threshold_percentage)
    metric = _metric(annotations)
    target, total = metric_target(annotations, metric, container_concurrency, config)
    return ScalingValues(
        metric=metric,
        target=target,
        total=total,
        target_burst_capacity=_number(annotations, keys.TARGET_BURST_CAPACITY, defaults.target_burst_capacity),
        stable_window_s=window_s,
        panic_window_s=panic_window(window_s, panic_percentage),
        panic_threshold=panic_threshold / 100,
        max_scale_up_rate=defaults.max_scale_up_rate,
        max_scale_down_rate=defaults.max_scale_down_rate,
        min_scale=_count(annotations, keys.MIN_SCALE, defaults.min_scale),
        max_scale=_count(annotations, keys.MAX_SCALE, defaults.max_scale),
        initial_scale=_initial_scale(annotations, config),
        activation_scale=max(1, _count(annotations, keys.ACTIVATION_SCALE, 1)),
        scale_down_delay_s=_duration(annotations, keys.SCALE_DOWN_DELAY, defaults.scale_down_delay_s),
        scale_to_zero=defaults.enable_scale_to_zero,
        scale_to_zero_grace_s=defaults.scale_to_zero_grace_period_s,
        retention_s=_duration(annotations, keys.RETENTION, defaults.scale_to_zero_pod_retention_period_s),
        scale_to_zero_after_s=_duration(annotations, (keys.SCALE_TO_ZERO_AFTER,), None),
        backlog_target=float(
            _count(annotations, (keys.BACKLOG_TARGET,), 0)
            or (total if metric == "concurrency" else container_concurrency)
            or defaults.container_concurrency_target_default
        ),
        weighted=value_of(annotations, keys.METRIC_AGGREGATION) in ("weighted-exponential", "weightedExponential"),
        progress_deadline_s=_duration(annotations, (keys.PROGRESS_DEADLINE,), config.deployment.progress_deadline_s),
    )


def metric_target(
    annotations: Mapping[str, str], metric: Literal["concurrency", "rps"], container_concurrency: int, config: Config
) -> tuple[float, float]:
    """What an instance is meant for, with utilisation applied and without.

    Source: reconciler/autoscaling/resources/target.go: an annotated target above containerConcurrency is cut to it.
    """
    defaults = config.autoscaler
    if metric == "rps":
        total, utilization = defaults.requests_per_second_target_default, RPS_UTILIZATION
    else:
        total = float(container_concurrency or defaults.container_concurrency_target_default)
        utilization = defaults.container_concurrency_target_fraction
    annotated = _number(annotations, keys.TARGET, 0.0)
    if annotated > 0:
        limited = metric == "concurrency" and container_concurrency > 0
        total = min(annotated, float(container_concurrency)) if limited else annotated
    utilization = _number(annotations, keys.TARGET_UTILIZATION, utilization * 100) / 100
    return max(TARGET_MIN, total * utilization), total


def panic_window(stable_window_s: float, percentage: float) -> float:
    """A share of the stable window in whole seconds, half rounded up, at least one."""
    return max(1.0, float(int(stable_window_s * percentage / 100 + 0.5)))


def value_of(annotations: Mapping[str, str], names: Keys) -> str | None:
    """The value under the first of the names that is there: the key and its older spellings."""
    return next((annotations[name] for name in names if name in annotations), None)


def _metric(annotations: Mapping[str, str]) -> Literal["concurrency", "rps"]:
    return "rps" if value_of(annotations, keys.METRIC) == "rps" else "concurrency"


def _initial_scale(annotations: Mapping[str, str], config: Config) -> int:
    count = _count(annotations, keys.INITIAL_SCALE, config.autoscaler.initial_scale)
    if count == 0 and not config.autoscaler.allow_zero_initial_scale:
        return config.autoscaler.initial_scale
    return count


def _number(annotations: Mapping[str, str], names: Keys, default: float) -> float:
    try:
        number = float(value_of(annotations, names) or default)
    except ValueError:
        return default
    return number if math.isfinite(number) else default


def _count(annotations: Mapping[str, str], names: Keys, default: int) -> int:
    value = value_of(annotations, names)
    return int(value) if value is not None and re.fullmatch(r"\d{1,10}", value, re.ASCII) else default


def _duration(annotations: Mapping[str, str], names: Keys, default: D) -> float | D:
    value = value_of(annotations, names)
    try:
        return default if not value else durations.parse(value)
    except durations.DurationError:
        return default
