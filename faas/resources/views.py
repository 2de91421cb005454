"""What every typed view has in common, and how a raw object becomes a view and a view becomes a raw object.

A view is for reading, and for `make_*` functions that build objects. It drops the fields it does not know, so an object
that was read is changed in its raw form, never by writing its view back.
"""

from __future__ import annotations

from typing import Any, ClassVar, TypeVar

import msgspec

from faas.resources.kinds import Kind

Raw = dict[str, Any]
AnyObject = dict[str, Any]  # a field whose content is kept as it is and not looked at
V = TypeVar("V", bound="View")


class View(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """A JSON object of the Kubernetes API. What equals its default is absent on the wire."""


class ObjectView(View, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """A top-level object; `KIND` gives it its apiVersion and kind when it is encoded."""

    KIND: ClassVar[Kind]


class UndecodableObject(ValueError):
    """A raw object does not fit its view: a field has the wrong type. The message names the field."""


def doc(
    description: str,
    *,
    list_type: str = "",  # atomic, set or map: who wins when two managers write the same list
    map_keys: tuple[str, ...] = (),
    merge_key: str = "",  # strategic merge patch, for built-in kinds
    atomic: bool = False,  # the object is owned as a whole
    format: str = "",
    enum: tuple[str, ...] = (),
    preserve: bool = False,  # fields that this view does not know are allowed
    required: bool = False,  # on the wire, though the view has a default
) -> msgspec.Meta:
    """Describe a field for `kubectl explain`, and say how writers of it are merged."""
    extra = {
        "list_type": list_type,
        "map_keys": map_keys,
        "merge_key": merge_key,
        "atomic": atomic,
        "format": format,
        "enum": enum,
        "preserve": preserve,
        "required": required,
    }
    return msgspec.Meta(description=description, extra={key: value for key, value in extra.items() if value})


def decode(view: type[V], raw: Raw) -> V:
    """Read a raw object. A field that is null counts as absent. Raises UndecodableObject."""
    try:
        return msgspec.convert(raw, view)
    except msgspec.ValidationError:
        try:  # rare enough not to look for nulls before
            return msgspec.convert(without_nulls(raw), view)
        except msgspec.ValidationError as error:
            raise UndecodableObject(f"cannot read a {view.__name__}: {error}") from error


def encode(view: View) -> Raw:
    """Write a view as it goes over the wire: plain dicts, lists and strings; only what is set."""
    raw: Raw = msgspec.json.decode(msgspec.json.encode(view))
    if isinstance(view, ObjectView):
        return {"apiVersion": view.KIND.api_version, "kind": view.KIND.kind, **raw}
    return raw


def without_nulls(value: Any) -> Any:
    """The value without the members of objects that are null, all the way down."""
    if isinstance(value, dict):
        return {key: without_nulls(member) for key, member in value.items() if member is not None}
    if isinstance(value, list):
        return [without_nulls(item) for item in value]
    return value


def owner_reference(raw: Raw) -> Raw:
    """The ownerReferences entry by which another object names this one as its controller."""
    metadata = raw["metadata"]
    return {
        "apiVersion": raw["apiVersion"],
        "kind": raw["kind"],
        "name": metadata["name"],
        "uid": metadata["uid"],
        "controller": True,
        "blockOwnerDeletion": True,
    }
