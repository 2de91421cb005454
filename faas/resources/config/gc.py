"""config-gc: which old Revisions are deleted. Source: knative/serving pkg/gc."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from faas.resources.config.settings import ConfigError, duration_s, integer, read, setting


def _duration_or_disabled(text: str) -> float | None:
    if text.lower() == "disabled":
        return None
    seconds = duration_s(text)
    if seconds < 0:
        raise ValueError("must be non-negative")
    return seconds


def _count_or_disabled(text: str) -> int | None:
    if text.lower() == "disabled":
        return None
    count = integer(text)
    if count < 0:
        raise ValueError(f'strconv.ParseUint: parsing "{text}": invalid syntax')
    return count


@dataclass(frozen=True, slots=True)
class GcConfig:
    """None stands for disabled: no bound of that sort."""

    retain_since_create_time_s: float | None = setting(
        "retain-since-create-time", _duration_or_disabled, "48h", "A Revision is kept so long after it was made."
    )
    retain_since_last_active_time_s: float | None = setting(
        "retain-since-last-active-time",
        _duration_or_disabled,
        "15h",
        "A Revision is kept so long after it last had traffic.",
    )
    min_non_active_revisions: int = setting(
        "min-non-active-revisions", integer, "20", "So many Revisions without traffic are kept, however old."
    )
    max_non_active_revisions: int | None = setting(
        "max-non-active-revisions",
        _count_or_disabled,
        "1000",
        "More Revisions without traffic than this are deleted, however young; disabled for no bound.",
    )


def parse_gc(data: Mapping[str, str]) -> GcConfig:
    """Raises ConfigError."""
    config = read(GcConfig, data)
    low, high = config.min_non_active_revisions, config.max_non_active_revisions
    if low < 0:
        raise ConfigError(f"min-non-active-revisions must be non-negative, was: {low}")
    if high is not None and low > high:
        raise ConfigError(f"min-non-active-revisions({low}) must be <= max-non-active-revisions({high})")
    return config
