"""Our schemas against the resource definitions of Knative Serving, where those are at hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from faas.resources import kinds
from faas.resources.kinds import Kind
from faas.resources.schema import Field, field_tree, fields

CRDS = Path(__file__).parents[4] / "shared/crds/serving"
pytestmark = pytest.mark.skipif(
    not CRDS.is_dir(), reason=f"Knative's resource definitions are not at {CRDS}: there is nothing to compare with"
)


SERVING = [
    pytest.param(kinds.SERVICE, id="service"),
    pytest.param(kinds.CONFIGURATION, id="configuration"),
    pytest.param(kinds.REVISION, id="revision"),
    pytest.param(kinds.ROUTE, id="route"),
]


def knative_schema(kind: Kind) -> dict[str, Any]:
    definition = yaml.safe_load((CRDS / f"{kind.singular}.yaml").read_text())
    versions = {version["name"]: version for version in definition["spec"]["versions"]}
    schema: dict[str, Any] = versions["v1"]["schema"]["openAPIV3Schema"]
    return schema


Paths = dict[str, str]


def crd_paths(schema: dict[str, Any], path: str = "") -> Paths:
    type_ = schema.get("type", "int-or-string" if schema.get("x-kubernetes-int-or-string") else "any")
    result = {path: type_}
    for name, member in (schema.get("properties") or {}).items():
        result |= crd_paths(member, f"{path}.{name}")
    if "items" in schema:
        result |= crd_paths(schema["items"], f"{path}[]")
    if isinstance(schema.get("additionalProperties"), dict):
        result |= crd_paths(schema["additionalProperties"], f"{path}{{}}")
    return result


def crd_lists(schema: dict[str, Any], path: str = "") -> dict[str, tuple[str, tuple[str, ...]]]:
    """List type and keys of every list that has a type."""
    result = {}
    if "x-kubernetes-list-type" in schema:
        result[path] = (schema["x-kubernetes-list-type"], tuple(schema.get("x-kubernetes-list-map-keys", ())))
    for name, member in (schema.get("properties") or {}).items():
        result |= crd_lists(member, f"{path}.{name}")
    if "items" in schema:
        result |= crd_lists(schema["items"], f"{path}[]")
    return result


def our_paths(field: Field, path: str = "") -> Paths:
    result = {path: "object" if field.type == "map" else field.type}
    if field.view is not None:
        for name, member in fields(field.view).items():
            result |= our_paths(member, f"{path}.{name}")
    if field.item is not None:
        result |= our_paths(field.item, f"{path}[]" if field.type == "array" else f"{path}{{}}")
    return result


def our_lists(field: Field, path: str = "") -> dict[str, tuple[str, tuple[str, ...]]]:
    result = {path: (field.list_type, field.map_keys)} if field.list_type else {}
    if field.view is not None:
        for name, member in fields(field.view).items():
            result |= our_lists(member, f"{path}.{name}")
    if field.item is not None:
        result |= our_lists(field.item, f"{path}[]")
    return result


@pytest.mark.parametrize("kind", SERVING)
def test_every_field_of_knative_is_ours_with_the_same_type(kind: Kind) -> None:
    knative, ours = crd_paths(knative_schema(kind)), our_paths(field_tree(kind))

    assert {path: ours.get(path) for path in knative} == knative


@pytest.mark.parametrize("kind", SERVING)
def test_we_add_no_field_that_knative_would_refuse(kind: Kind) -> None:
    knative, ours = crd_paths(knative_schema(kind)), our_paths(field_tree(kind))

    added = {path for path in ours if path not in knative and not path.startswith(".metadata.")}

    assert added == set()


@pytest.mark.parametrize("kind", SERVING)
def test_lists_merge_by_the_same_keys_as_in_knative(kind: Kind) -> None:
    knative, ours = crd_lists(knative_schema(kind)), our_lists(field_tree(kind))

    assert {path: value for path, value in ours.items() if not path.startswith(".metadata.")} == knative


@pytest.mark.parametrize("kind", SERVING)
def test_printer_columns_are_those_of_knative(kind: Kind) -> None:
    table = CRDS.parent / "PRINTER_COLUMNS.tsv"
    if not table.exists():
        pytest.skip(f"no table of printer columns at {table}")
    rows = [line.split("\t") for line in table.read_text().splitlines()]
    wanted = [
        (row[7], row[8], row[10].replace('"', "'")) for row in rows if (row[0], row[1]) == (kind.group, kind.kind)
    ]

    assert [(column.name, column.type, column.path) for column in kind.columns] == wanted
