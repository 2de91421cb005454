"""config-ping-defaults: bounds of PingSources. Source: knative/eventing pkg/apis/sources/config."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from faas.resources.config.settings import integer, read, setting


@dataclass(frozen=True, slots=True)
class PingConfig:
    """Bounds of PingSources."""

    data_max_size: int = setting("data-max-size", integer, "-1", "Most bytes of data in an event; -1 is no limit.")


def parse_ping(data: Mapping[str, str]) -> PingConfig:
    """Raises ConfigError."""
    return read(PingConfig, data)
