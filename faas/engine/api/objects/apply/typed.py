"""Values and their schema, as server-side apply sees them: which fields there are, how two values merge.

A path is a tuple of elements in the notation of `fieldsV1`: `f:NAME` a field, `k:{...}` an item of a list map by its
keys, `v:VALUE` an item of a set. Source: kubernetes-sigs/structured-merge-diff, typed/.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from faas.resources.schema import Field, fields

Path = tuple[str, ...]
FieldSet = frozenset[Path]

_ANY = Field("any")


class Undecidable(ValueError):
    """A list's items cannot be told apart: a key is missing or occurs twice."""


def child(field: Field, name: str) -> Field:
    """The schema of a member; what no schema knows is a map of anything, its lists are atomic."""
    if field.type == "map" and field.item is not None:
        return field.item
    if field.view is not None:
        return fields(field.view).get(name, _ANY)
    return _ANY


def is_struct_field(field: Field, name: str) -> bool:
    return field.view is not None and name in fields(field.view)


def is_atomic(field: Field, value: Any) -> bool:
    """Whether the value is owned as a whole."""
    if isinstance(value, dict):
        return field.atomic
    if isinstance(value, list):
        return field.list_type not in ("map", "set")
    return True


def items(field: Field, value: Sequence[Any]) -> Iterator[tuple[str, Any]]:
    """The items of a list map or set, each with its path element. Raises Undecidable."""
    seen: set[str] = set()
    for item in value:
        element = _element(field, item)
        if element in seen:
            raise Undecidable(f"duplicate entries for key {element[2:]}")
        seen.add(element)
        yield element, item


def _element(field: Field, item: Any) -> str:
    if field.list_type == "set":
        return "v:" + _canonical(item)
    if not isinstance(item, dict):
        raise Undecidable("an item of a list map is not an object")
    keys = {key: item[key] for key in field.map_keys if key in item}
    if not keys:
        raise Undecidable(f"an item lacks its key {', '.join(field.map_keys)}")
    return "k:" + _canonical(keys)


def _canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def field_set(field: Field, value: Any) -> FieldSet:
    """The fields that a configuration states: leaves, items, members of maps. Raises Undecidable."""
    found: set[Path] = set()
    _collect(field, value, (), found)
    return frozenset(found)


def _collect(field: Field, value: Any, path: Path, found: set[Path]) -> None:
    if is_atomic(field, value):
        found.add(path)
    elif isinstance(value, dict):
        for name, member in value.items():
            here = (*path, f"f:{name}")
            _collect(child(field, name), member, here, found)
            if member in ({}, None) or not is_struct_field(field, name):
                found.add(here)
    else:
        for element, item in items(field, value):
            here = (*path, element)
            _collect(field.item or _ANY, item, here, found)
            found.add(here)


def merge(field: Field, live: Any, applied: Any) -> Any:
    """Lay an applied configuration over the live value; lists with keys merge item by item. Raises Undecidable."""
    if is_atomic(field, applied) or type(live) is not type(applied):
        return applied
    if isinstance(applied, dict):
        merged = dict(live)
        for name, member in applied.items():
            merged[name] = merge(child(field, name), live[name], member) if name in live else member
        return merged
    return _merge_items(field, dict(items(field, live)), dict(items(field, applied)))


def _merge_items(field: Field, live: dict[str, Any], applied: dict[str, Any]) -> list[Any]:
    """The applied order counts; items that are only live stay behind the one that they followed."""
    result: list[Any] = []
    rest = list(live)
    for element, item in applied.items():
        if element in live:
            while rest and rest[0] != element and rest[0] not in applied:
                result.append(live[rest.pop(0)])
            if element in rest:
                rest.remove(element)
            result.append(merge(field.item or _ANY, live[element], item))
        else:
            result.append(item)
    return result + [live[element] for element in rest if element not in applied]


def remove(field: Field, value: Any, doomed: FieldSet) -> Any:
    """The value without the doomed fields; objects and lists that become empty by that go too (None)."""
    prefixes = {path[:length] for path in doomed for length in range(len(path))}
    return _remove(field, value, (), doomed, prefixes)


def _remove(field: Field, value: Any, path: Path, doomed: FieldSet, prefixes: set[Path]) -> Any:
    if path not in prefixes or is_atomic(field, value):
        return value
    if isinstance(value, dict):
        kept = {}
        for name, member in value.items():
            here = (*path, f"f:{name}")
            if here in doomed:
                continue
            rest = _remove(child(field, name), member, here, doomed, prefixes)
            if rest is not None or member is None:
                kept[name] = rest
        return kept or None
    left = []
    for element, item in items(field, value):
        here = (*path, element)
        if here not in doomed:
            rest = _remove(field.item or _ANY, item, here, doomed, prefixes)
            if field.map_keys and rest is not item:  # an item that stays keeps its keys
                rest = {**{key: item[key] for key in field.map_keys if key in item}, **(rest or {})}
            left.append(rest)
    return left or None


def compare(field: Field, old: Any, new: Any) -> tuple[FieldSet, FieldSet]:
    """The fields that were added or modified, and those that were removed."""
    changed: set[Path] = set()
    removed: set[Path] = set()
    _compare(field, old, new, (), changed, removed)
    return frozenset(changed), frozenset(removed)


def _compare(field: Field, old: Any, new: Any, path: Path, changed: set[Path], removed: set[Path]) -> None:
    if old == new and type(old) is type(new):
        return
    if is_atomic(field, new) or type(old) is not type(new):
        changed.add(path)
        if isinstance(old, dict | list) and not is_atomic(field, old):
            _everything(field, old, path, removed)
        if isinstance(new, dict | list) and not is_atomic(field, new):
            _everything(field, new, path, changed)
        return
    one, other = _members(field, old), _members(field, new)
    for element, (schema, value) in other.items():
        if element in one:
            _compare(schema, one[element][1], value, (*path, element), changed, removed)
        else:
            changed.add((*path, element))
            _everything(schema, value, (*path, element), changed)
    for element, (schema, value) in one.items():
        if element not in other:
            removed.add((*path, element))
            _everything(schema, value, (*path, element), removed)


def _everything(field: Field, value: Any, path: Path, found: set[Path]) -> None:
    if is_atomic(field, value):
        return
    for element, (schema, member) in _members(field, value).items():
        found.add((*path, element))
        _everything(schema, member, (*path, element), found)


def _members(field: Field, value: Any) -> dict[str, tuple[Field, Any]]:
    if isinstance(value, dict):
        return {f"f:{name}": (child(field, name), member) for name, member in value.items()}
    return {element: (field.item or _ANY, item) for element, item in items(field, value)}
