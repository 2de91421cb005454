"""OpenAPI schemas from the views."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from faas.resources.catalog import view_of
from faas.resources.kinds import KINDS, Kind
from faas.resources.schema import fields, openapi_schemas, schema_name
from faas.resources.views import View

GROUPS = [pytest.param("serving.knative.dev", id="serving"), pytest.param("", id="core")]


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for member in value.values():
            yield from references(member)
    elif isinstance(value, list):
        for item in value:
            yield from references(item)


@pytest.mark.parametrize("group", GROUPS)
def test_every_reference_leads_somewhere_and_every_field_is_explained(group: str) -> None:
    schemas = openapi_schemas(group, "v1")

    assert {reference.removeprefix("#/components/schemas/") for reference in references(schemas)} <= set(schemas)
    unexplained = [
        f"{name}.{property_}"
        for name, schema in schemas.items()
        for property_, member in schema["properties"].items()
        if not member.get("description") and not name.endswith("List")
    ]
    assert unexplained == []
    assert all(schema["description"] for schema in schemas.values())
    json.dumps(schemas)


@pytest.mark.parametrize("kind", [pytest.param(kind, id=str(kind)) for kind in KINDS])
def test_a_kinds_schema_says_which_kind_it_is(kind: Kind) -> None:
    schema = openapi_schemas(kind.group, kind.version)[schema_name(kind)]

    assert schema["x-kubernetes-group-version-kind"] == [
        {"group": kind.group, "version": kind.version, "kind": kind.kind}
    ]
    assert {"apiVersion", "kind", "metadata"} <= set(schema["properties"])


def test_a_schema_as_it_goes_over_the_wire() -> None:
    schema = openapi_schemas("serving.knative.dev", "v1")["io.k8s.api.core.v1.EnvVar"]

    assert schema == {
        "type": "object",
        "description": "An environment variable of a container.",
        "properties": {
            "name": {
                "type": "string",
                "description": "Name of the variable. PORT, K_SERVICE, K_CONFIGURATION and K_REVISION are reserved.",
            },
            "value": {"type": "string", "description": "The value; $(NAME) is replaced by a variable defined before."},
            "valueFrom": {
                "allOf": [{"$ref": "#/components/schemas/io.k8s.api.core.v1.EnvVarSource"}],
                "description": "Where the value comes from, instead of `value`.",
            },
        },
        "required": ["name"],
    }


def test_lists_say_how_they_merge() -> None:
    container = openapi_schemas("serving.knative.dev", "v1")["io.k8s.api.core.v1.Container"]["properties"]
    metadata = openapi_schemas("", "v1")["io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"]["properties"]

    assert container["env"]["x-kubernetes-list-type"] == "map"
    assert container["env"]["x-kubernetes-list-map-keys"] == ["name"]
    assert container["args"]["x-kubernetes-list-type"] == "atomic"
    assert metadata["ownerReferences"]["x-kubernetes-patch-merge-key"] == "uid"
    assert metadata["ownerReferences"]["x-kubernetes-patch-strategy"] == "merge"
    assert metadata["finalizers"]["x-kubernetes-list-type"] == "set"


def test_names_on_the_wire_are_camel_case() -> None:
    def all_fields(view: type[View], seen: set[type[View]]) -> Iterator[str]:
        if view in seen:
            return
        seen.add(view)
        for name, field in fields(view).items():
            yield name
            inner = field.item or field
            if inner.view is not None:
                yield from all_fields(inner.view, seen)

    names = {name for kind in KINDS for name in all_fields(view_of(kind), set())}
    assert {name for name in names if "_" in name or name[0].isupper()} == {"CACerts"}
    assert {"hostIP", "podIP", "podIPs", "containerID", "imageID", "hostIPC", "hostPID", "downwardAPI"} <= names
