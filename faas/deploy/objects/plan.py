"""What a deploy would change: the difference between what is there and what the server says would be. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from faas.client.protocol import Object
from faas.deploy.objects.applied import APPLIED
from faas.resources import keys
from faas.resources.kinds import SERVICE, Kind

Action = Literal["create", "update", "replace", "unchanged", "delete"]
"""What happens to an object; what cannot be changed in place is replaced: deleted, and made anew."""

_NOISE = ("managedFields", "resourceVersion", "generation", "uid", "creationTimestamp")
_STAMPS = (
    APPLIED, keys.CREATOR, keys.LAST_MODIFIER, keys.EVENTING_CREATOR, keys.EVENTING_LAST_MODIFIER,
    keys.SOURCES_CREATOR, keys.SOURCES_LAST_MODIFIER,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Change:
    """One object of a deploy. `manifest` is what is applied, `live` what is there (None: nothing)."""

    name: str
    action: Action
    manifest: Object
    live: Object | None
    new_revision: bool  # the template changes
    fields: tuple[str, ...] = ()  # dotted paths that differ
    kind: Kind = SERVICE
    after: Object | None = None  # what the server says it would be


def change_of(manifest: Object, live: Object | None, dry: Object, kind: Kind = SERVICE) -> Change:
    """Args: dry: what the server says the object would be after applying `manifest`."""
    name, is_service = manifest["metadata"]["name"], kind == SERVICE
    if live is None:
        return Change(name, "create", manifest, None, is_service, (), kind, dry)
    fields = tuple(_differences(essence(live), essence(dry)))
    if not fields:
        return Change(name, "unchanged", manifest, live, False, (), kind, dry)
    new_revision = is_service and any(path.startswith("spec.template") for path in fields)
    return Change(name, "update", manifest, live, new_revision, fields, kind, dry)


def same_place(manifest: Object, live: Object) -> bool:
    """Whether `live` can become `manifest`: which Broker a Trigger reads, and a Kafka group, never change."""
    fixed = ("broker", "consumerGroup")
    wanted, there = manifest.get("spec") or {}, live.get("spec") or {}
    return all(wanted[name] == there.get(name) for name in fixed if name in wanted)


def essence(obj: Mapping[str, Any]) -> Object:
    """An object without what the server keeps for itself: status, versions, who wrote it."""
    metadata = {key: value for key, value in obj.get("metadata", {}).items() if key not in _NOISE}
    given = metadata.pop("annotations", None) or {}
    annotations = {key: value for key, value in given.items() if key not in _STAMPS}
    if annotations:
        metadata["annotations"] = annotations
    rest = {key: value for key, value in obj.items() if key not in ("metadata", "status")}
    return {**rest, "metadata": metadata}


def clean(obj: Object) -> Object:
    """An object as it is, status included, without the bookkeeping of who wrote which field."""
    return {**obj, "metadata": {key: value for key, value in obj["metadata"].items() if key != "managedFields"}}


def _differences(one: object, other: object, path: str = "") -> list[str]:
    if isinstance(one, dict) and isinstance(other, dict):
        found: list[str] = []
        for key in sorted({*one, *other}):
            found += _differences(one.get(key), other.get(key), f"{path}.{key}" if path else str(key))
        return found
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        return [
            difference
            for index, (left, right) in enumerate(zip(one, other, strict=True))
            for difference in _differences(left, right, f"{path}[{index}]")
        ]
    return [] if one == other else [path]
