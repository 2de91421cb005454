"""What the views say about the wire: types, required fields, how lists merge; and the same as OpenAPI v3 schemas.

One definition, the views, serves reading, strict field validation, `kubectl explain`, server-side apply's list keys and
strategic merge. Source of the extensions: Kubernetes' OpenAPI v3, x-kubernetes-*.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, Literal

from msgspec import inspect

from faas.resources import meta
from faas.resources.catalog import view_of
from faas.resources.kinds import SERVED, Kind
from faas.resources.quantities import PATTERN
from faas.resources.views import ObjectView, View

FieldType = Literal["object", "map", "array", "string", "integer", "number", "boolean", "int-or-string", "any"]


_ViewType = type[View]  # inside Field the name `type` is taken


@dataclass(frozen=True, slots=True)
class Field:
    """One field, or what an array or a map holds.

    `view` is set for type object whose fields are known (look at `fields(view)`), `item` for array and map. An object
    with `preserve` may have fields that nobody knows.
    """

    type: FieldType
    view: _ViewType | None = None
    item: Field | None = None
    description: str = ""
    required: bool = False
    format: str = ""  # int32, int64, date-time, byte, quantity
    enum: tuple[str, ...] = ()
    list_type: str = ""  # atomic (also when empty), set, map
    map_keys: tuple[str, ...] = ()
    merge_key: str = ""  # strategic merge patch
    atomic: bool = False  # server-side apply owns the object as a whole
    preserve: bool = False


_API_VERSION = Field("string", description="Group and version of this object's schema, as GROUP/VERSION.")
_KIND = Field("string", description="What this object is, in CamelCase.")


@cache
def fields(view: type[View]) -> Mapping[str, Field]:
    """The fields of a view by the names they have on the wire."""
    info = inspect.type_info(view)
    assert isinstance(info, inspect.StructType)
    known = {
        field.encode_name: _required(_field(field.type)) if field.required else _field(field.type)
        for field in info.fields
    }
    return {"apiVersion": _API_VERSION, "kind": _KIND, **known} if issubclass(view, ObjectView) else known


def field_tree(kind: Kind) -> Field:
    """The whole object of a kind as a field; descend with `fields` and `item`."""
    view = view_of(kind)
    return Field("object", view=view, description=_first_paragraph(view))


def schema_name(kind: Kind) -> str:
    """The name of the kind's schema among the components."""
    return _component(view_of(kind))


def openapi_schemas(group: str, version: str) -> dict[str, dict[str, Any]]:
    """Component schemas of all kinds of a group and version, their lists included, and of all they refer to."""
    schemas: dict[str, dict[str, Any]] = {}
    for kind in SERVED:
        if (kind.group, kind.version) != (group, version):
            continue
        _add(view_of(kind), schemas)
        schemas[schema_name(kind)]["x-kubernetes-group-version-kind"] = [_gvk(kind, kind.kind)]
        schemas[f"{schema_name(kind)}List"] = _list_schema(kind)
    schemas[_LIST_META] = _LIST_META_SCHEMA
    return dict(sorted(schemas.items()))


def _required(field: Field) -> Field:
    return replace(field, required=True)


def _field(type: inspect.Type) -> Field:
    if isinstance(type, inspect.Metadata):
        words = {"description": (type.extra_json_schema or {}).get("description", "")}
        return replace(_field(type.type), **words, **(type.extra or {}))
    match type:
        case inspect.UnionType(types):
            some = [member for member in types if not isinstance(member, inspect.NoneType)]
            if len(some) == 1:
                return _field(some[0])
            return Field("int-or-string")
        case inspect.StructType(cls):
            assert issubclass(cls, View)
            return Field("object", view=cls)
        case inspect.DictType(_, inspect.AnyType()):
            return Field("object", preserve=True)
        case inspect.DictType(_, value):
            return Field("map", item=_field(value))
        case inspect.VarTupleType(item):
            return Field("array", item=_field(item))
        case inspect.LiteralType(values):
            return Field("string", enum=tuple(str(value) for value in values))
        case inspect.BytesType():
            return Field("string", format="byte")
        case inspect.DateTimeType():
            return Field("string", format="date-time")
        case inspect.IntType():
            return Field("integer")
        case inspect.FloatType():
            return Field("number")
        case inspect.BoolType():
            return Field("boolean")
        case inspect.StrType():
            return Field("string")
    return Field("any")


_PREFIXES = {
    "faas.resources.meta": "io.k8s.apimachinery.pkg.apis.meta.v1.",
    "faas.resources.core": "io.k8s.api.core.v1.",
    "faas.resources.podspec": "io.k8s.api.core.v1.",
    "faas.resources.volumes": "io.k8s.api.core.v1.",
    "faas.resources.serving": "dev.knative.serving.v1.",
    "faas.resources.domains": "dev.knative.serving.v1beta1.",
    "faas.resources.duck": "dev.knative.pkg.duck.v1.",
    "faas.resources.eventing": "dev.knative.eventing.v1.",
    "faas.resources.eventtypes": "dev.knative.eventing.",
    "faas.resources.sources.knative": "dev.knative.sources.v1.",
    "faas.resources.sources.kafka": "dev.knative.extensions.sources.",
    "faas.resources.sources.redis": "dev.knative.extensions.sources.",
    "faas.resources.sources.rabbitmq": "dev.knative.extensions.sources.",
    "faas.resources.sources.github": "dev.knative.extensions.sources.",
    "faas.resources.definitions": "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.",
}
_LIST_META = "io.k8s.apimachinery.pkg.apis.meta.v1.ListMeta"
_LIST_META_SCHEMA: dict[str, Any] = {
    "type": "object",
    "description": "What a list has beside its items.",
    "properties": {
        "continue": {"type": "string", "description": "Token to ask for the next part of the list with."},
        "remainingItemCount": {"type": "integer", "format": "int64", "description": "How many items are left out."},
        "resourceVersion": {"type": "string", "description": "Version to start a watch from."},
        "selfLink": {"type": "string", "description": "No longer set by any server."},
    },
}


def _component(view: type[View]) -> str:
    if view is meta.Condition:
        return "dev.knative.pkg.apis.Condition"  # not the Condition of apimachinery
    return _PREFIXES[view.__module__] + view.__name__


def _add(view: type[View], schemas: dict[str, dict[str, Any]]) -> None:
    name = _component(view)
    if name in schemas:
        return
    known = fields(view)
    schemas[name] = {"type": "object", "description": _first_paragraph(view)}
    schemas[name]["properties"] = {key: _schema(field, schemas) for key, field in known.items()}
    required = [key for key, field in known.items() if field.required]
    if required:
        schemas[name]["required"] = required


def _schema(field: Field, schemas: dict[str, dict[str, Any]]) -> dict[str, Any]:
    schema: dict[str, Any] = _bare_schema(field, schemas)
    if field.description:
        if "$ref" in schema:  # whatever stands beside a $ref is ignored
            schema = {"allOf": [schema]}
        schema["description"] = field.description
    if field.enum:
        schema["enum"] = list(field.enum)
    if field.type == "array":
        if field.list_type:
            schema["x-kubernetes-list-type"] = field.list_type
        if field.map_keys:
            schema["x-kubernetes-list-map-keys"] = list(field.map_keys)
        if field.merge_key:
            schema["x-kubernetes-patch-strategy"] = "merge"
            schema["x-kubernetes-patch-merge-key"] = field.merge_key
        elif field.list_type == "set":
            schema["x-kubernetes-patch-strategy"] = "merge"
    elif field.atomic:
        schema["x-kubernetes-map-type"] = "atomic"
    return schema


def _bare_schema(field: Field, schemas: dict[str, dict[str, Any]]) -> dict[str, Any]:
    match field:
        case Field("object", view=None):
            return {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
        case Field("object", view=view) if view is not None:
            _add(view, schemas)
            return {"$ref": f"#/components/schemas/{_component(view)}"}
        case Field("array", item=item) if item is not None:
            return {"type": "array", "items": _schema(item, schemas)}
        case Field("map", item=item) if item is not None:
            return {"type": "object", "additionalProperties": _schema(item, schemas)}
        case Field("int-or-string"):
            schema: dict[str, Any] = {
                "oneOf": [{"type": "integer"}, {"type": "string"}],
                "x-kubernetes-int-or-string": True,
            }
            return {**schema, "pattern": PATTERN} if field.format == "quantity" else schema
        case Field("any"):
            return {"x-kubernetes-preserve-unknown-fields": True}
    return {"type": field.type, **({"format": field.format} if field.format else {})}


def _list_schema(kind: Kind) -> dict[str, Any]:
    return {
        "type": "object",
        "description": f"A list of objects of kind {kind.kind}.",
        "required": ["items"],
        "properties": {
            "apiVersion": {"type": "string", "description": _API_VERSION.description},
            "kind": {"type": "string", "description": _KIND.description},
            "items": {
                "type": "array",
                "description": "The objects.",
                "items": {"$ref": f"#/components/schemas/{schema_name(kind)}"},
            },
            "metadata": {"$ref": f"#/components/schemas/{_LIST_META}"},
        },
        "x-kubernetes-group-version-kind": [_gvk(kind, f"{kind.kind}List")],
    }


def _gvk(kind: Kind, name: str) -> dict[str, str]:
    return {"group": kind.group, "version": kind.version, "kind": name}


def _first_paragraph(view: type[View]) -> str:
    return (view.__doc__ or "").split("\n\n")[0].strip()
