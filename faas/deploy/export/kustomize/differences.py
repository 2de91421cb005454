"""What makes one object another: a merge patch of maps, and a JSON patch of what is in lists. Pure.

A merge patch reads like the object itself, so all that it can say it says. Of a list it says all or nothing (Knative's
kinds have no merge keys), so a change inside of one is a JSON patch (RFC 6902), which names the place. An operation
that changes an environment variable tests its name first: an edited base fails instead of getting another value.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from faas.client.protocol import Object


@dataclass(slots=True)
class Difference:
    """`merge` is applied first; none of its keys is above a path of `operations`."""

    merge: Object = field(default_factory=dict)
    operations: list[Object] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.merge or self.operations)


def difference(base: Mapping[str, Any], wanted: Mapping[str, Any]) -> Difference:
    """What `base` needs to be `wanted`."""
    found = Difference()
    found.merge = _of_maps(base, wanted, (), found.operations)
    return found


def _of_maps(
    base: Mapping[str, Any], wanted: Mapping[str, Any], path: tuple[str, ...], operations: list[Object]
) -> Object:
    merge: Object = {key: None for key in base if key not in wanted}
    for key, value in wanted.items():
        here = (*path, key)
        if key not in base:
            merge[key] = value
        elif isinstance(value, dict) and isinstance(base[key], dict):
            if inner := _of_maps(base[key], value, here, operations):
                merge[key] = inner
        elif isinstance(value, list) and isinstance(base[key], list):
            operations += _of_lists(base[key], value, here)
        elif base[key] != value:
            merge[key] = value
    return merge


def _of_lists(base: list[Any], wanted: list[Any], path: tuple[str, ...]) -> list[Object]:
    if base == wanted:
        return []
    if path[-1] == "env":
        return _of_variables(base, wanted, path)
    if path[-1] == "containers" and len(base) == len(wanted):
        return [
            operation
            for index, (one, other) in enumerate(zip(base, wanted, strict=True))
            for operation in _inside(one, other, (*path, str(index)))
        ]
    return [_operation("replace", path, wanted)]


def _inside(base: Mapping[str, Any], wanted: Mapping[str, Any], path: tuple[str, ...]) -> list[Object]:
    """Of a member of a list, where no merge patch reaches."""
    operations = [_operation("remove", (*path, key)) for key in base if key not in wanted]
    for key, value in wanted.items():
        here = (*path, key)
        if key not in base:
            operations.append(_operation("add", here, value))
        elif isinstance(value, dict) and isinstance(base[key], dict):
            operations += _inside(base[key], value, here)
        elif isinstance(value, list) and isinstance(base[key], list):
            operations += _of_lists(base[key], value, here)
        elif base[key] != value:
            operations.append(_operation("replace", here, value))
    return operations


def _of_variables(base: Sequence[Object], wanted: Sequence[Object], path: tuple[str, ...]) -> list[Object]:
    """Variables by their names; the whole list where the order of those that stay is another."""
    names = [variable["name"] for variable in wanted]
    left = [variable for variable in base if variable["name"] in names]
    if [each["name"] for each in left] != [name for name in names if name in {each["name"] for each in left}]:
        return [_operation("replace", path, list(wanted))]
    operations: list[Object] = []
    for index in reversed(range(len(base))):
        if base[index]["name"] not in names:
            operations += [_named(path, index, base[index]), _operation("remove", (*path, str(index)))]
    for index, variable in enumerate(wanted):
        if index < len(left) and left[index]["name"] == variable["name"]:
            if left[index] != variable:
                operations += [_named(path, index, variable), _valued(path, index, left[index], variable)]
        else:
            operations.append(_operation("add", (*path, str(index)), variable))
            left.insert(index, variable)
    return operations


def _valued(path: tuple[str, ...], index: int, before: Object, variable: Object) -> Object:
    if "value" in before and "value" in variable:
        return _operation("replace", (*path, str(index), "value"), variable["value"])
    return _operation("replace", (*path, str(index)), variable)


def _named(path: tuple[str, ...], index: int, variable: Object) -> Object:
    return _operation("test", (*path, str(index), "name"), variable["name"])


_NOTHING: Any = object()


def _operation(op: str, path: Iterable[str], value: Any = _NOTHING) -> Object:
    pointer = "".join("/" + step.replace("~", "~0").replace("/", "~1") for step in path)
    return {"op": op, "path": pointer, **({} if value is _NOTHING else {"value": value})}
