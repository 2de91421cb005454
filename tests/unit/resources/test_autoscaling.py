"""Annotations over config-autoscaler."""

from __future__ import annotations

from typing import Any

import pytest

from faas.resources.autoscaling import panic_window, scaling_values
from faas.resources.config import Config, parse_config

PREFIX = "autoscaling.knative.dev/"


def values(annotations: dict[str, str] | None = None, cc: int = 0, config: Config | None = None) -> Any:
    full = {key if "/" in key else PREFIX + key: value for key, value in (annotations or {}).items()}
    return scaling_values(full, cc, config or Config())


def test_without_annotations_the_config_map_rules() -> None:
    found = values()

    assert (found.metric, found.target, found.total) == ("concurrency", 70, 100)
    assert (found.stable_window_s, found.panic_window_s, found.panic_threshold) == (60, 6, 2)
    assert (found.min_scale, found.max_scale, found.initial_scale, found.activation_scale) == (0, 0, 1, 1)
    assert (found.scale_to_zero, found.scale_to_zero_grace_s, found.retention_s) == (True, 30, 0)
    assert found.scale_to_zero_after_s is None
    assert found.progress_deadline_s == 600


@pytest.mark.parametrize(
    ("annotations", "cc", "target", "total"),
    [
        pytest.param({}, 10, 7, 10, id="containerConcurrency"),
        pytest.param({"target": "50"}, 0, 35, 50, id="target"),
        pytest.param({"target": "50"}, 10, 7, 10, id="target above containerConcurrency"),
        pytest.param({"target": "5"}, 10, 3.5, 5, id="target below containerConcurrency"),
        pytest.param({"target-utilization-percentage": "100"}, 10, 10, 10, id="utilization"),
        pytest.param({"targetUtilizationPercentage": "50", "target": "8"}, 0, 4, 8, id="older spelling"),
        pytest.param({"metric": "rps"}, 10, 140, 200, id="rps"),
        pytest.param({"metric": "rps", "target": "30"}, 10, 21, 30, id="rps is not cut by containerConcurrency"),
        pytest.param({"target": "0.01"}, 0, 0.01, 0.01, id="smallest target"),
    ],
)
def test_what_an_instance_is_meant_for(annotations: dict[str, str], cc: int, target: float, total: float) -> None:
    found = values(annotations, cc)

    assert found.target == pytest.approx(target)
    assert found.total == pytest.approx(total)


@pytest.mark.parametrize(
    ("key", "value", "field", "expected"),
    [
        ("min-scale", "2", "min_scale", 2),
        ("minScale", "2", "min_scale", 2),
        ("max-scale", "7", "max_scale", 7),
        ("maxScale", "7", "max_scale", 7),
        ("initial-scale", "3", "initial_scale", 3),
        ("initialScale", "3", "initial_scale", 3),
        ("initial-scale", "0", "initial_scale", 1),
        ("activation-scale", "4", "activation_scale", 4),
        ("window", "30s", "stable_window_s", 30),
        ("panic-window-percentage", "20", "panic_window_s", 12),
        ("panicThresholdPercentage", "150", "panic_threshold", 1.5),
        ("target-burst-capacity", "-1", "target_burst_capacity", -1),
        ("targetBurstCapacity", "0", "target_burst_capacity", 0),
        ("scale-down-delay", "15m", "scale_down_delay_s", 900),
        ("scaleToZeroPodRetentionPeriod", "1m30s", "retention_s", 90),
        ("metric-aggregation-algorithm", "weighted-exponential", "weighted", True),
        ("faas.dev/scale-to-zero-after", "10s", "scale_to_zero_after_s", 10),
        ("faas.dev/scale-to-zero-after", "0s", "scale_to_zero_after_s", 0),
        ("serving.knative.dev/progress-deadline", "30s", "progress_deadline_s", 30),
        ("min-scale", "x", "min_scale", 0),
        ("window", "soon", "stable_window_s", 60),
    ],
)
def test_an_annotation_rules_over_the_config_map(key: str, value: str, field: str, expected: object) -> None:
    assert getattr(values({key: value}), field) == expected


def test_the_newer_spelling_counts() -> None:
    assert values({"min-scale": "1", "minScale": "5"}).min_scale == 1


def test_no_instance_at_first_if_the_config_map_allows_it() -> None:
    config = parse_config({"config-autoscaler": {"allow-zero-initial-scale": "true"}})
    assert values({"initial-scale": "0"}, config=config).initial_scale == 0


@pytest.mark.parametrize(
    ("stable", "percentage", "expected"), [(60, 10, 6), (6, 10, 1), (6, 1, 1), (15, 10, 2), (3600, 100, 3600)]
)
def test_the_panic_window_has_whole_seconds(stable: float, percentage: float, expected: float) -> None:
    assert panic_window(stable, percentage) == expected
