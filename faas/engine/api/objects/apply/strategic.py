"""Strategic merge patch, for built-in kinds: lists merge by the keys that the schema names.

Source: apimachinery, util/strategicpatch; sig-api-machinery/strategic-merge-patch.md.
"""

from __future__ import annotations

from typing import Any

from faas.engine.api.objects.apply.typed import child
from faas.resources.schema import Field

_DIRECTIVE = "$patch"
_DELETE_FROM = "$deleteFromPrimitiveList/"
_ORDER = "$setElementOrder/"
_RETAIN = "$retainKeys"


class StrategicPatchError(ValueError):
    """The patch has a directive that does not fit."""


def strategic_merge(field: Field, target: Any, patch: Any) -> Any:
    """Lay the patch over the target. Neither is changed. Raises StrategicPatchError."""
    if not isinstance(patch, dict):
        return patch
    match patch.get(_DIRECTIVE):
        case "delete":
            return {}
        case "replace":
            return {name: value for name, value in patch.items() if name != _DIRECTIVE}
        case None | "merge":
            return _merge_members(field, dict(target) if isinstance(target, dict) else {}, patch)
    raise StrategicPatchError(f"unknown {_DIRECTIVE} directive {patch[_DIRECTIVE]!r}")


def _merge_members(field: Field, result: dict[str, Any], patch: dict[str, Any]) -> dict[str, Any]:
    if (retain := patch.get(_RETAIN)) is not None:
        result = {name: value for name, value in result.items() if name in retain}
    for name, value in patch.items():
        if name.startswith(_DELETE_FROM):
            name = name.removeprefix(_DELETE_FROM)
            result[name] = [item for item in result.get(name) or () if item not in value]
        elif name.startswith("$"):
            continue
        elif value is None:
            result.pop(name, None)
        else:
            result[name] = _merge_member(child(field, name), result.get(name), value)
    for name, order in patch.items():
        if name.startswith(_ORDER) and (plain := name.removeprefix(_ORDER)) in result:
            result[plain] = _ordered(child(field, plain), result[plain], order)
    return result


def _merge_member(field: Field, target: Any, value: Any) -> Any:
    if isinstance(value, dict):
        return strategic_merge(field, target, value)
    if not isinstance(value, list):
        return value
    target = target if isinstance(target, list) else []
    if field.merge_key:
        return _merge_list(field, target, value)
    if field.list_type == "set":
        return target + [item for item in value if item not in target]
    return value


def _merge_list(field: Field, target: list[Any], patch: list[Any]) -> list[Any]:
    key = field.merge_key
    if any(isinstance(item, dict) and item.get(_DIRECTIVE) == "replace" for item in patch):
        return [item for item in patch if item.get(_DIRECTIVE) != "replace"]
    result = list(target)
    for item in patch:
        if not isinstance(item, dict) or key not in item:
            raise StrategicPatchError(f"an item of a list that merges by {key} does not have it")
        same = next((index for index, old in enumerate(result) if old.get(key) == item[key]), None)
        if item.get(_DIRECTIVE) == "delete":
            result = [old for old in result if old.get(key) != item[key]]
        elif same is None:
            result.append(strategic_merge(field.item or field, {}, item))
        else:
            result[same] = strategic_merge(field.item or field, result[same], item)
    return result


def _ordered(field: Field, value: list[Any], order: list[Any]) -> list[Any]:
    """Sort by the order that the patch names; what it does not name stays at the end."""

    def identity(item: Any) -> Any:
        return item.get(field.merge_key) if field.merge_key and isinstance(item, dict) else item

    wanted = [identity(item) for item in order]
    known = [item for item in value if identity(item) in wanted]
    return sorted(known, key=lambda item: wanted.index(identity(item))) + [
        item for item in value if identity(item) not in wanted
    ]
