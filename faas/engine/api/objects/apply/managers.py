"""Who owns which field: what an update and an apply do to `metadata.managedFields`.

Source: structured-merge-diff, merge/update.go; apimachinery, util/managedfields.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from faas.engine.api.objects.apply import fieldset, typed
from faas.engine.api.objects.apply.typed import FieldSet, Path
from faas.resources.schema import Field

Operation = Literal["Apply", "Update"]

# The oldest Update entries beyond this are folded into one, as an API server does.
MAX_UPDATERS = 10


@dataclass(frozen=True, slots=True)
class Manager:
    """A field manager, in one role."""

    name: str
    operation: Operation
    api_version: str = ""
    subresource: str = ""


@dataclass(frozen=True, slots=True)
class Owned:
    fields: FieldSet
    time: str
    api_version: str


Managers = dict[Manager, Owned]


@dataclass(frozen=True, slots=True)
class FieldConflict:
    manager: Manager
    time: str
    api_version: str
    path: Path

    def __str__(self) -> str:
        words = f'conflict with "{self.manager.name}"'
        return words + self._role()

    def _role(self) -> str:
        words = f' with subresource "{self.manager.subresource}"' if self.manager.subresource else ""
        if self.manager.operation == "Update":
            words += f" using {self.api_version}" + (f" at {self.time}" if self.time else "")
        return words

    @property
    def owner(self) -> str:
        return f'"{self.manager.name}"{self._role()}'


class ApplyConflict(Exception):
    """Other managers own some of the applied fields with other values."""

    def __init__(self, conflicts: Sequence[FieldConflict]) -> None:
        self.conflicts = conflicts
        if len(conflicts) == 1:
            message = f"Apply failed with 1 conflict: {conflicts[0]}: {fieldset.text(conflicts[0].path)}"
        else:
            owners: dict[str, list[str]] = {}
            for conflict in conflicts:
                owners.setdefault(conflict.owner, []).append(fieldset.text(conflict.path))
            lines = [
                line
                for owner, paths in sorted(owners.items())
                for line in (f"conflicts with {owner}:", *(f"- {path}" for path in paths))
            ]
            message = f"Apply failed with {len(conflicts)} conflicts: " + "\n".join(lines)
        super().__init__(message)

    def with_paths(self) -> list[tuple[FieldConflict, str]]:
        return [(conflict, fieldset.text(conflict.path)) for conflict in self.conflicts]


def decode(entries: Any) -> Managers:
    """Read `metadata.managedFields`; malformed entries are left out."""
    managers: Managers = {}
    for entry in entries if isinstance(entries, list) else ():
        if not isinstance(entry, Mapping) or entry.get("operation") not in ("Apply", "Update"):
            continue
        operation, version = entry["operation"], str(entry.get("apiVersion", ""))
        manager = Manager(
            str(entry.get("manager", "")),
            operation,
            version if operation == "Update" else "",
            str(entry.get("subresource", "")),
        )
        managers[manager] = Owned(fieldset.decode(entry.get("fieldsV1")), str(entry.get("time", "")), version)
    return managers


def encode(managers: Managers) -> list[dict[str, Any]]:
    """As `metadata.managedFields`: applied entries first, then updates, oldest first."""
    ordered = sorted(managers.items(), key=lambda item: (item[0].operation, item[1].time, item[0].name))
    return [
        {
            "apiVersion": owned.api_version,
            "fieldsType": "FieldsV1",
            "fieldsV1": fieldset.encode(owned.fields),
            "manager": manager.name,
            "operation": manager.operation,
            **({"subresource": manager.subresource} if manager.subresource else {}),
            "time": owned.time,
        }
        for manager, owned in ordered
    ]


def updated(
    managers: Managers, schema: Field, old: Any, new: Any, manager: Manager, now: str, api_version: str
) -> Managers:
    """The owners after a plain write: the writer owns what it changed, nobody owns what is gone."""
    changed, removed = _compare(schema, old, new)
    result: Managers = {}
    for other, owned in managers.items():
        left = owned.fields - changed - removed if other != manager else owned.fields - removed
        if left == owned.fields:
            result[other] = owned
        elif left:
            result[other] = Owned(left, owned.time, owned.api_version)
    mine = managers[manager].fields if manager in managers else frozenset()
    fields = (mine - removed) | changed
    if fields != mine:
        result[manager] = Owned(fields, now, api_version)
    if not fields:
        result.pop(manager, None)
    return _capped(result)


def applied(
    managers: Managers,
    schema: Field,
    live: Any,
    config: Any,
    manager: Manager,
    now: str,
    api_version: str,
    *,
    force: bool = False,
) -> tuple[Any, Managers]:
    """Server-side apply: the new object and its owners.

    Fields that the manager applied before and no longer states go, unless somebody else owns them.
    Raises: ApplyConflict; typed.Undecidable when a list's items cannot be told apart.
    """
    stated = fieldset.owned(typed.field_set(schema, config))
    before = managers[manager].fields if manager in managers else frozenset()
    new = typed.merge(schema, live, config)
    others = {other: owned for other, owned in managers.items() if other != manager}
    kept = {path[:length] for path in stated | _union(others) for length in range(1, len(path) + 1)}
    new = typed.remove(schema, new, before - kept) or {}
    changed, removed = _compare(schema, live, new)
    conflicts = [
        FieldConflict(other, owned.time, owned.api_version, path)
        for other, owned in others.items()
        for path in sorted(owned.fields & changed)
    ]
    if conflicts and not force:
        raise ApplyConflict(conflicts)
    result: Managers = {}
    for other, owned in others.items():
        left = owned.fields - changed - removed
        if left:
            result[other] = owned if left == owned.fields else Owned(left, owned.time, owned.api_version)
    if stated:
        same = manager in managers and before == stated and new == live
        result[manager] = managers[manager] if same else Owned(stated, now, api_version)
    return new, result


def _compare(schema: Field, old: Any, new: Any) -> tuple[FieldSet, FieldSet]:
    changed, removed = typed.compare(schema, old, new)
    return fieldset.owned(changed), fieldset.owned(removed)


def _union(managers: Managers) -> FieldSet:
    return frozenset().union(*(owned.fields for owned in managers.values()))


def _capped(managers: Managers) -> Managers:
    updaters = sorted(
        ((owned.time, manager) for manager, owned in managers.items() if manager.operation == "Update"),
        key=lambda entry: entry[0],
    )
    surplus = [manager for _, manager in updaters[: max(0, len(updaters) - MAX_UPDATERS)]]
    for manager in surplus:
        ancient = Manager("ancient-changes", "Update", manager.api_version)
        gone = managers.pop(manager)
        known = managers.get(ancient)
        managers[ancient] = Owned(gone.fields | (known.fields if known else frozenset()), gone.time, gone.api_version)
    return managers
