"""The options as types: what an editor and a type checker know of a decorator's keyword arguments.

Nothing imports it when a function runs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypedDict

Metric = Literal["concurrency", "rps", "cpu", "memory"]
Visibility = Literal["public", "cluster-local"]
Quantity = str | int | float
Seconds = float | int | str  # 90, 1.5, "90s", "5m", "1h"


class Resources(TypedDict, total=False):
    """As Kubernetes has it: {"requests": {"cpu": "100m"}, "limits": {"memory": "1Gi", "nvidia.com/gpu": 1}}."""

    requests: Mapping[str, str | int | float]
    limits: Mapping[str, str | int | float]


class Toleration(TypedDict, total=False):
    """As Kubernetes has it: {"key": "gpu", "operator": "Exists", "effect": "NoSchedule"}."""

    key: str
    operator: str
    value: str
    effect: str
    tolerationSeconds: int


class CommonOptions(TypedDict, total=False):
    """The options every decorator takes. Ranges and units: docs/runtime-contract.md and `OPTIONS`."""

    name: str
    service: str
    min_scale: int
    max_scale: int
    initial_scale: int
    target: float
    metric: Metric
    concurrency: int
    timeout: Seconds
    cpu: Quantity
    memory: Quantity
    env: Mapping[str, str]
    secrets: Sequence[str]
    config: Sequence[str]
    labels: Mapping[str, str]
    scale_to_zero_after: Seconds
    snapshot: bool
    container: bool
    visibility: Visibility
    max_body: Quantity
    broker: str
    autoscaler: str
    target_utilization: int
    target_burst_capacity: int
    window: Seconds
    activation_scale: int
    scale_down_delay: Seconds
    pod_retention: Seconds
    rollout_duration: Seconds
    progress_deadline: Seconds
    domains: Sequence[str]
    resources: Resources
    gpu: int
    volumes: Mapping[str, str]
    secret_env: Mapping[str, str]
    config_env: Mapping[str, str]
    image_pull_secrets: Sequence[str]
    node_selector: Mapping[str, str]
    tolerations: Sequence[Toleration]
    affinity: Mapping[str, Any]
    runtime_class: str
    annotations: Mapping[str, str]


class Options(CommonOptions, total=False):
    """The same, and the service account; `@function.kubernetes` has one of its own, which its source runs as."""

    service_account: str


class DeliveryOptions(TypedDict, total=False):
    """How events are delivered. `DELIVERY` has the ranges.

    `timeout` is how long the function may take for anything; `delivery_timeout` is when the broker gives up on one
    attempt, which matters only when it is the shorter one.
    """

    retry: int
    backoff: Literal["linear", "exponential"]
    backoff_delay: Seconds
    delivery_timeout: Seconds
    dead_letter: str
    ordered_by: str
    parallelism: int
    backlog_target: int


class EventOptions(Options, DeliveryOptions, total=False):
    """What a decorator of an event or a source takes."""


class ResourceOptions(CommonOptions, DeliveryOptions, total=False):
    """What `@function.kubernetes` takes."""
