"""JSON patch. Source: RFC 6902 and RFC 6901 (pointers)."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any


class PatchError(ValueError):
    """The patch is malformed, or does not fit the object; the message names the operation."""


def json_patch(document: Any, operations: Sequence[Any]) -> Any:
    """Do the operations in order, all or none; the document itself is not changed. Raises PatchError."""
    result = copy.deepcopy(document)
    for index, operation in enumerate(operations):
        try:
            result = _apply(result, operation)
        except PatchError as error:
            raise PatchError(f"operation {index}: {error}") from error
    return result


def _apply(document: Any, operation: Any) -> Any:
    if not isinstance(operation, Mapping):
        raise PatchError("an operation is an object with op and path")
    path = _pointer(operation.get("path"))
    match operation.get("op"):
        case "add":
            return _add(document, path, copy.deepcopy(_value(operation)))
        case "remove":
            return _remove(document, path)[0]
        case "replace":
            return _replace(document, path, copy.deepcopy(_value(operation)))
        case "move":
            source = _pointer(operation.get("from"))
            if path[: len(source)] == source and path != source:
                raise PatchError("a value cannot be moved into itself")
            document, value = _remove(document, source)
            return _add(document, path, value)
        case "copy":
            return _add(document, path, copy.deepcopy(_get(document, _pointer(operation.get("from")))))
        case "test":
            if not _equal(_get(document, path), _value(operation)):
                raise PatchError(f"testing value {operation['path']} failed")
            return document
    raise PatchError(f"unknown op {operation.get('op')!r}: use add, remove, replace, move, copy or test")


def _pointer(text: Any) -> tuple[str, ...]:
    if not isinstance(text, str) or (text and not text.startswith("/")):
        raise PatchError(f"{text!r} is not a JSON pointer such as /spec/replicas")
    return tuple(part.replace("~1", "/").replace("~0", "~") for part in text.split("/")[1:])


def _value(operation: Mapping[str, Any]) -> Any:
    if "value" not in operation:
        raise PatchError("it has no value")
    return operation["value"]


def _index(items: list[Any], token: str, end: int) -> int:
    if not token.isascii() or not token.isdigit() or (token != "0" and token.startswith("0")) or int(token) >= end:
        raise PatchError(f"there is no item {token!r}")
    return int(token)


def _step(value: Any, token: str) -> Any:
    if isinstance(value, dict):
        if token not in value:
            raise PatchError(f"there is no member {token!r}")
        return value[token]
    if isinstance(value, list):
        return value[_index(value, token, len(value))]
    raise PatchError(f"{token!r} lies below a value that has no members")


def _get(document: Any, path: tuple[str, ...]) -> Any:
    for token in path:
        document = _step(document, token)
    return document


def _add(document: Any, path: tuple[str, ...], value: Any) -> Any:
    if not path:
        return value
    parent, last = _get(document, path[:-1]), path[-1]
    if isinstance(parent, dict):
        parent[last] = value
    elif isinstance(parent, list):
        parent.insert(len(parent) if last == "-" else _index(parent, last, len(parent) + 1), value)
    else:
        raise PatchError(f"{last!r} lies below a value that has no members")
    return document


def _remove(document: Any, path: tuple[str, ...]) -> tuple[Any, Any]:
    value = _get(document, path)
    if not path:
        return None, value
    parent, last = _get(document, path[:-1]), path[-1]
    del parent[last if isinstance(parent, dict) else int(last)]
    return document, value


def _replace(document: Any, path: tuple[str, ...], value: Any) -> Any:
    _get(document, path)
    if not path:
        return value
    parent, last = _get(document, path[:-1]), path[-1]
    parent[last if isinstance(parent, dict) else int(last)] = value
    return document


def _equal(one: Any, other: Any) -> bool:
    """JSON's equality: 1 is 1.0, true is not 1."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_equal(one[name], other[name]) for name in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_equal, one, other))
    return bool(one == other)
