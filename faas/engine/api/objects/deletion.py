"""When an object that is to be deleted goes, and what it waits for. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from faas.client.protocol import Object
from faas.engine.api.objects.options import Propagation
from faas.engine.api.objects.selection import decode
from faas.engine.contract.storage import Record
from faas.resources import kinds
from faas.resources.kinds import Kind

FOREGROUND, ORPHAN = "foregroundDeletion", "orphan"


def is_finished(kind: Kind, obj: Mapping[str, Any]) -> bool:
    """Whether an object that is being deleted waits for nobody any more."""
    metadata = obj["metadata"]
    if "deletionTimestamp" not in metadata or metadata.get("finalizers"):
        return False
    if kind == kinds.NAMESPACE:
        return not obj.get("spec", {}).get("finalizers")
    return not kind.read_only


def marked_for_deletion(kind: Kind, old: Record, propagation: Propagation, now: str) -> Object | None:
    """The object with its deletionTimestamp, when something has to happen first; None: it can go at once."""
    obj = decode(old)
    metadata = obj["metadata"]
    wanted = {"Foreground": [FOREGROUND], "Orphan": [ORPHAN], "Background": []}[propagation]
    others = [name for name in metadata.get("finalizers", ()) if name not in (FOREGROUND, ORPHAN)]
    finalizers = others + wanted if "deletionTimestamp" not in metadata else metadata.get("finalizers", [])
    waits_for_content = kind == kinds.NAMESPACE and obj.get("spec", {}).get("finalizers")
    if not finalizers and not waits_for_content:
        return None
    if "deletionTimestamp" in metadata:
        return obj
    metadata["deletionTimestamp"] = now
    metadata["deletionGracePeriodSeconds"] = 0
    if finalizers:
        metadata["finalizers"] = finalizers
    if kind.custom:
        metadata["generation"] = int(metadata.get("generation", 0)) + 1
    if kind == kinds.NAMESPACE:
        obj["status"] = {**obj.get("status", {}), "phase": "Terminating"}
    return obj
