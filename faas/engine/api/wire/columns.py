"""What `kubectl get` shows of each kind: a custom kind's printer columns, a built-in kind's own.

Source: kubernetes/pkg/printers/internalversion/printers.go; CustomResourceDefinition, additionalPrinterColumns.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from faas.engine.api.wire.ages import age
from faas.resources.jsonpath import compile_path
from faas.resources.kinds import Kind

Obj = Mapping[str, Any]
Cell = Callable[[Obj, datetime], Any]


@dataclass(frozen=True, slots=True)
class PrintedColumn:
    name: str
    type: str
    cell: Cell
    priority: int = 0
    description: str = ""
    format: str = ""


@cache
def columns_of(kind: Kind) -> tuple[PrintedColumn, ...]:
    """The columns of a kind; `kubectl get` shows those with priority 0."""
    known = _BUILT_IN.get((kind.group, kind.kind))
    if known:
        return known
    if not kind.columns:
        return (_NAME, _AGE)
    return (_NAME, *(_custom(column.name, column.type, column.path, column.priority) for column in kind.columns))


def _custom(name: str, type_: str, path: str, priority: int) -> PrintedColumn:
    read = compile_path(path)

    def cell(obj: Obj, now: datetime) -> Any:
        value = read(obj)
        if type_ == "date" and value is not None:
            return age(str(value), now)
        if isinstance(value, dict | list):
            return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
        return str(value) if type_ == "string" and value is not None else value

    return PrintedColumn(name, type_, cell, priority)


def _meta(name: str) -> Cell:
    return lambda obj, now: obj["metadata"].get(name, "")


def _created(obj: Obj, now: datetime) -> str:
    return age(obj["metadata"].get("creationTimestamp"), now)


_NAME = PrintedColumn("Name", "string", _meta("name"), format="name")
_AGE = PrintedColumn("Age", "string", _created)


def _pod_ready(obj: Obj, now: datetime) -> str:
    states = obj.get("status", {}).get("containerStatuses", [])
    total = max(len(obj.get("spec", {}).get("containers", [])), len(states))
    return f"{sum(bool(state.get('ready')) for state in states)}/{total}"


def _pod_status(obj: Obj, now: datetime) -> str:
    status = obj.get("status", {})
    reason: str = status.get("reason") or status.get("phase", "Unknown")
    for state in reversed(status.get("containerStatuses", [])):
        waiting = state.get("state", {}).get("waiting", {})
        ended = state.get("state", {}).get("terminated", {})
        if waiting.get("reason"):
            reason = waiting["reason"]
        elif ended:
            signal = f"Signal:{ended['signal']}" if ended.get("signal") else f"ExitCode:{ended.get('exitCode', 0)}"
            reason = ended.get("reason") or signal
    return "Terminating" if "deletionTimestamp" in obj["metadata"] else reason


def _pod_restarts(obj: Obj, now: datetime) -> str:
    states = obj.get("status", {}).get("containerStatuses", [])
    count = sum(state.get("restartCount", 0) for state in states)
    ends = [
        state["lastState"]["terminated"]["finishedAt"]
        for state in states
        if state.get("lastState", {}).get("terminated", {}).get("finishedAt")
    ]
    return f"{count} ({age(max(ends), now)} ago)" if count and ends else str(count)


def _at(*path: str, default: Any = "<none>") -> Cell:
    def cell(obj: Obj, now: datetime) -> Any:
        value: Any = obj
        for name in path:
            value = value.get(name) if isinstance(value, Mapping) else None
        return default if value is None else value

    return cell


def _event_time(*names: str) -> Cell:
    def cell(obj: Obj, now: datetime) -> str:
        return age(next((obj[name] for name in names if obj.get(name)), None), now)

    return cell


def _event_object(obj: Obj, now: datetime) -> str:
    about = obj.get("involvedObject", {})
    return f"{about.get('kind', '').lower()}/{about.get('name', '')}"


def _event_source(obj: Obj, now: datetime) -> str:
    source = obj.get("source", {})
    name = source.get("component") or obj.get("reportingComponent", "")
    return f"{name}, {source['host']}" if source.get("host") else name


def _size(*names: str) -> Cell:
    return lambda obj, now: sum(len(obj.get(name) or {}) for name in names)


_BUILT_IN: dict[tuple[str, str], tuple[PrintedColumn, ...]] = {
    ("", "Pod"): (
        _NAME,
        PrintedColumn("Ready", "string", _pod_ready),
        PrintedColumn("Status", "string", _pod_status),
        PrintedColumn("Restarts", "string", _pod_restarts),
        _AGE,
        PrintedColumn("IP", "string", _at("status", "podIP"), 1),
        PrintedColumn("Node", "string", _at("spec", "nodeName"), 1),
        PrintedColumn("Nominated Node", "string", _at("status", "nominatedNodeName"), 1),
        PrintedColumn("Readiness Gates", "string", _at("spec", "readinessGates"), 1),
    ),
    ("apiextensions.k8s.io", "CustomResourceDefinition"): (
        _NAME,
        PrintedColumn("Created At", "date", _at("metadata", "creationTimestamp")),
    ),
    ("", "Namespace"): (_NAME, PrintedColumn("Status", "string", _at("status", "phase", default="Active")), _AGE),
    ("", "Secret"): (
        _NAME,
        PrintedColumn("Type", "string", _at("type", default="Opaque")),
        PrintedColumn("Data", "integer", _size("data")),
        _AGE,
    ),
    ("", "ConfigMap"): (_NAME, PrintedColumn("Data", "integer", _size("data", "binaryData")), _AGE),
    ("", "ServiceAccount"): (
        _NAME,
        PrintedColumn("Secrets", "integer", lambda obj, now: len(obj.get("secrets") or ())),
        _AGE,
    ),
    ("", "Event"): (
        PrintedColumn("Last Seen", "string", _event_time("lastTimestamp", "eventTime", "firstTimestamp")),
        PrintedColumn("Type", "string", _at("type", default="")),
        PrintedColumn("Reason", "string", _at("reason", default="")),
        PrintedColumn("Object", "string", _event_object),
        PrintedColumn("Subobject", "string", _at("involvedObject", "fieldPath", default=""), 1),
        PrintedColumn("Source", "string", _event_source, 1),
        PrintedColumn("Message", "string", lambda obj, now: str(obj.get("message", "")).strip()),
        PrintedColumn("First Seen", "string", _event_time("firstTimestamp", "eventTime"), 1),
        PrintedColumn("Count", "integer", _at("count", default=1), 1),
        PrintedColumn("Name", "string", _meta("name"), 1, format="name"),
    ),
}
