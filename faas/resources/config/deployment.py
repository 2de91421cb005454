"""config-deployment: how long a Revision may take to come up. Source: knative/serving pkg/deployment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from faas.resources.config.settings import ConfigError, duration_s, read, setting, show


@dataclass(frozen=True, slots=True)
class DeploymentConfig:
    progress_deadline_s: float = setting(
        "progress-deadline",
        duration_s,
        "600s",
        "How long a Revision may take to reach its initial scale before it counts as failed; whole seconds.",
    )


def parse_deployment(data: Mapping[str, str]) -> DeploymentConfig:
    """Raises ConfigError."""
    config = read(DeploymentConfig, data)
    seconds = config.progress_deadline_s
    if seconds <= 0:
        raise ConfigError(f"progress-deadline cannot be a non-positive duration, was {show(seconds)}")
    if seconds != int(seconds):
        raise ConfigError(f"progress-deadline must be rounded to a whole second, was: {show(seconds)}")
    return config
