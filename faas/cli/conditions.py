"""Reading the conditions and labels of objects, for commands that show them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from faas.cli.output import first_line, ready_text
from faas.resources import keys


def conditions_of(obj: Mapping[str, Any]) -> list[dict[str, str]]:
    return list((obj.get("status") or {}).get("conditions") or ())


def ready_of(obj: Mapping[str, Any]) -> dict[str, str]:
    """The Ready condition, {} before there is one."""
    return next((condition for condition in conditions_of(obj) if condition.get("type") == "Ready"), {})


def readiness(obj: Mapping[str, Any]) -> str:
    """Whether it is ready, in a word: what a list shows."""
    condition = ready_of(obj)
    return ready_text(condition.get("status", ""), condition.get("reason", ""))


def condition_line(condition: Mapping[str, Any]) -> str:
    """A mark, the type, and why it is not True."""
    mark = {"True": click.style("✓", fg="green"), "False": click.style("✗", fg="red")}.get(condition["status"], "…")
    words = " ".join(text for text in (condition.get("reason"), first_line(condition.get("message", ""))) if text)
    return f"{mark} {condition['type']}  {words}".rstrip()


def is_public(service: Mapping[str, Any]) -> bool:
    labels = service["metadata"].get("labels") or {}
    return bool(labels.get(keys.VISIBILITY_LABEL) != keys.CLUSTER_LOCAL)


def generation_of(revision: Mapping[str, Any]) -> int:
    """The number of a Revision among those of its Configuration."""
    labels = revision["metadata"].get("labels") or {}
    return int(labels.get(keys.CONFIGURATION_GENERATION_LABEL) or 0)
