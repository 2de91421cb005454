"""Strict field validation: unknown and duplicate fields, and values of the wrong type, in an API server's words.

Source: KEP-2885; the words are those of kube-apiserver for custom resources and for built-in kinds.
"""

from __future__ import annotations

import base64
import json
import string
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from faas.resources.kinds import Kind
from faas.resources.schema import Field, field_tree, fields
from faas.resources.views import Raw


@dataclass(frozen=True, slots=True)
class SchemaError:
    """A value that does not fit the schema; `reason` is what a Status cause has."""

    path: str
    reason: str  # FieldValueTypeInvalid, FieldValueRequired, FieldValueInvalid, FieldValueNotSupported
    message: str
    go_message: str  # what a decoder of a built-in kind says instead

    def __str__(self) -> str:
        return f"{self.path}: {self.message}"


def unknown_fields(kind: Kind, raw: Raw) -> list[str]:
    """Paths of fields that the kind does not have: spec.template.spec.containers[0].foo."""
    return [path for path, _, _ in _unknown(field_tree(kind), raw, "")]


def prune(kind: Kind, raw: Raw) -> tuple[Raw, list[str]]:
    """The object without the fields its kind does not have, and their paths. The argument stays as it is."""
    unknown = unknown_fields(kind, raw)
    return (_pruned(field_tree(kind), raw), unknown) if unknown else (raw, unknown)


def type_errors(kind: Kind, raw: Raw) -> list[SchemaError]:
    """Values of the wrong type and, for custom kinds, missing required fields.

    A field that is null counts as absent; null in an array or in a map is a wrong type.
    """
    errors = list(_misfits(field_tree(kind), raw, "", kind.kind, ""))
    return errors if kind.custom else [error for error in errors if error.reason != "FieldValueRequired"]


def decoding_message(kind: Kind, error: SchemaError) -> str:
    """What an API server answers (400) when a built-in kind cannot be decoded."""
    return f'{kind.kind} in version "{kind.version}" cannot be handled as a {kind.kind}: {error.go_message}'


def field_warnings(unknown: Sequence[str], duplicates: Sequence[str] = ()) -> list[str]:
    """One warning each, for fieldValidation=Warn."""
    return [f'unknown field "{path}"' for path in unknown] + [f'duplicate field "{path}"' for path in duplicates]


def strict_message(kind: Kind, unknown: Sequence[str], duplicates: Sequence[str] = ()) -> str:
    """What an API server answers (400) with fieldValidation=Strict."""
    problems = ", ".join(sorted(field_warnings(unknown, duplicates)))
    return (
        f'{kind.kind} in version "{kind.version}" cannot be handled as a {kind.kind}: strict decoding error: {problems}'
    )


def loads_with_duplicates(text: str | bytes) -> tuple[Any, list[str]]:
    """Parse JSON and tell which members occur twice (the last one counts), by path. Raises json.JSONDecodeError."""
    duplicated: dict[int, list[str]] = {}  # id of a parsed object -> its doubled members; the objects live till the end
    kept: list[Any] = []

    def collect(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        value = dict(pairs)
        if len(value) < len(pairs):
            names = [name for name, _ in pairs]
            duplicated[id(value)] = sorted({name for name in names if names.count(name) > 1})
            kept.append(value)
        return value

    value = json.loads(text, object_pairs_hook=collect)
    return value, list(_duplicate_paths(value, "", duplicated)) if duplicated else []


def _duplicate_paths(value: Any, path: str, duplicated: dict[int, list[str]]) -> Iterator[str]:
    if isinstance(value, dict):
        for name in duplicated.get(id(value), ()):
            yield _join(path, name)
        for name, member in value.items():
            yield from _duplicate_paths(member, _join(path, name), duplicated)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _duplicate_paths(item, f"{path}[{index}]", duplicated)


def _unknown(field: Field, value: Any, path: str) -> Iterator[tuple[str, Raw, str]]:
    if field.type == "object" and field.view is not None and isinstance(value, dict):
        known = fields(field.view)
        for name, member in value.items():
            if name in known:
                yield from _unknown(known[name], member, _join(path, name))
            elif not field.preserve:
                yield _join(path, name), value, name
    elif field.type == "array" and field.item is not None and isinstance(value, list):
        for index, item in enumerate(value):
            yield from _unknown(field.item, item, f"{path}[{index}]")
    elif field.type == "map" and field.item is not None and isinstance(value, dict):
        for name, member in value.items():
            yield from _unknown(field.item, member, _join(path, name))


def _pruned(field: Field, value: Any) -> Any:
    if field.type == "object" and field.view is not None and isinstance(value, dict):
        known = fields(field.view)
        return {
            name: _pruned(known[name], member) if name in known else member
            for name, member in value.items()
            if name in known or field.preserve
        }
    if field.type == "array" and field.item is not None and isinstance(value, list):
        return [_pruned(field.item, item) for item in value]
    if field.type == "map" and field.item is not None and isinstance(value, dict):
        return {name: _pruned(field.item, member) for name, member in value.items()}
    return value


_PYTHON_TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "map": (dict,),
    "array": (list,),
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "int-or-string": (int, str),
}
_BASE64 = string.ascii_letters + string.digits + "+/"
_GO_TYPES = {"integer": "int64", "boolean": "bool", "number": "float64"}


def _misfits(field: Field, value: Any, path: str, owner: str, go_path: str) -> Iterator[SchemaError]:
    """`owner` and `go_path` are for Go's words: the struct, and a path without indexes and without keys of maps."""
    if value is None or field.type == "any":
        return
    if not _has_type(value, field.type):
        yield _wrong_type(field, value, path, f"{owner}.{go_path}")
    elif field.type == "object" and field.view is not None:
        for name, member in fields(field.view).items():
            if value.get(name) is not None:
                owner_here = field.view.__name__
                yield from _misfits(member, value[name], _join(path, name), owner_here, _join(go_path, name))
            elif member.required:
                yield SchemaError(_join(path, name), "FieldValueRequired", "Required value", "")
    elif field.type == "array" and field.item is not None:
        for index, item in enumerate(value):
            if item is None:
                yield _wrong_type(field.item, item, f"{path}[{index}]", f"{owner}.{go_path}")
            yield from _misfits(field.item, item, f"{path}[{index}]", owner, go_path)
    elif field.type == "map" and field.item is not None:
        for name, member in value.items():
            if member is None:
                yield _wrong_type(field.item, member, _join(path, name), f"{owner}.{go_path}")
            yield from _misfits(field.item, member, _join(path, name), owner, go_path)
    else:
        yield from _bad_content(field, value, path)


def _has_type(value: Any, type: str) -> bool:
    if isinstance(value, bool):  # which Python counts as an integer
        return type == "boolean"
    return isinstance(value, _PYTHON_TYPES[type])


def _wrong_type(field: Field, value: Any, path: str, go_field: str) -> SchemaError:
    expected = {"map": "object", "int-or-string": "integer or string"}.get(field.type, field.type)
    actual = _json_type(value)
    go_actual = {"integer": "number", "boolean": "bool"}.get(actual, actual)
    return SchemaError(
        path,
        "FieldValueTypeInvalid",
        f'Invalid value: "{actual}": {path} in body must be of type {expected}: "{actual}"',
        f"json: cannot unmarshal {go_actual} into Go struct field {go_field} of type "
        f"{_GO_TYPES.get(field.type, field.type)}",
    )


def _bad_content(field: Field, value: Any, path: str) -> Iterator[SchemaError]:
    if field.format == "byte":
        try:
            base64.b64decode(value, validate=True)
        except ValueError:  # binascii.Error, or a character beyond ASCII
            words = f"illegal base64 data at input byte {len(value) - len(value.lstrip(_BASE64))}"
            yield SchemaError(path, "FieldValueInvalid", f'Invalid value: "{value}": {words}', words)
    elif field.format == "date-time":
        try:
            datetime.fromisoformat(value)
        except ValueError:
            words = f'parsing time "{value}" as "2006-01-02T15:04:05Z07:00": cannot parse it'
            yield SchemaError(
                path,
                "FieldValueInvalid",
                f'Invalid value: "{value}": {path} in body must be of type date-time: "{value}"',
                words,
            )
    elif field.enum and value not in field.enum:
        supported = ", ".join(f'"{word}"' for word in field.enum)
        words = f'Unsupported value: "{value}": supported values: {supported}'
        yield SchemaError(path, "FieldValueNotSupported", words, words)


def _json_type(value: Any) -> str:
    for name in ("boolean", "integer", "number", "string", "array", "object"):
        if _has_type(value, name):
            return name
    return "null"


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
