"""Events under the field names of events.k8s.io/v1; stored are those of core/v1. Source: pkg/apis/events/v1."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_RENAMED = {
    "involvedObject": "regarding",
    "message": "note",
    "source": "deprecatedSource",
    "firstTimestamp": "deprecatedFirstTimestamp",
    "lastTimestamp": "deprecatedLastTimestamp",
    "count": "deprecatedCount",
    "reportingComponent": "reportingController",
}
_CORE = {new: old for old, new in _RENAMED.items()}


def to_events_v1(obj: Mapping[str, Any]) -> dict[str, Any]:
    return {**{_RENAMED.get(name, name): value for name, value in obj.items()}, "apiVersion": "events.k8s.io/v1"}


def to_core(obj: Mapping[str, Any]) -> dict[str, Any]:
    return {**{_CORE.get(name, name): value for name, value in obj.items()}, "apiVersion": "v1"}
