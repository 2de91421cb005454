"""What a Trigger's annotation knative.dev/dependency waits for. Source: reconciler/broker/trigger (checkDependency)."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from faas.client.protocol import Object
from faas.engine.controllers.addressing import Unresolved, group_of

Find = Callable[[str, str, str], Object | None]  # group, kind, name, in the Trigger's namespace


def check_dependency(text: str, find: Find) -> Unresolved | None:
    """None when it is ready. Args: text: an object reference as JSON."""
    try:
        reference: dict[str, Any] = json.loads(text)
        group, kind, name = group_of(str(reference["apiVersion"])), str(reference["kind"]), str(reference["name"])
    except (ValueError, KeyError, TypeError):
        message = f"Unable to parse the dependency {text!r}: it is an object reference as JSON"
        return Unresolved("False", "ReferenceError", message)
    found = find(group, kind, name)
    if found is None:
        return Unresolved("False", "DependencyDoesNotExist", f'Dependency does not exist: {kind} "{name}" not found')
    status = found.get("status") or {}
    if status.get("observedGeneration") != found["metadata"].get("generation"):
        message = f'The dependency {kind} "{name}" has not been reconciled in its newest generation yet'
        return Unresolved("Unknown", "GenerationNotEqual", message)
    for condition in status.get("conditions") or ():
        if condition["type"] == "Ready":
            if condition["status"] == "True":
                return None
            return Unresolved(condition["status"], condition.get("reason", ""), condition.get("message", ""))
    return Unresolved("Unknown", "DependencyNotConfigured", "Dependency has not yet been reconciled.")
