"""Our schemas against the resource definitions of Knative and its extensions, where those are at hand."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from faas.resources import kinds
from faas.resources.kinds import Kind
from faas.resources.schema import Field, field_tree, fields

CRDS = Path(__file__).parents[4] / "shared/crds"
pytestmark = pytest.mark.skipif(
    not CRDS.is_dir(), reason=f"Knative's resource definitions are not at {CRDS}: there is nothing to compare with"
)

FILES = {
    kinds.SERVICE: "serving/service.yaml",
    kinds.CONFIGURATION: "serving/configuration.yaml",
    kinds.REVISION: "serving/revision.yaml",
    kinds.ROUTE: "serving/route.yaml",
    kinds.DOMAIN_MAPPING: "serving/domain-mapping.yaml",
    kinds.CLUSTER_DOMAIN_CLAIM: "serving/domain-claim.yaml",
    kinds.BROKER: "eventing/broker.yaml",
    kinds.TRIGGER: "eventing/trigger.yaml",
    kinds.EVENT_TYPE: "eventing/eventtype.yaml",
    kinds.EVENT_TYPE_V1BETA2: "eventing/eventtype.yaml",
    kinds.EVENT_TYPE_V1BETA1: "eventing/eventtype.yaml",
    kinds.PING_SOURCE: "eventing/pingsource.yaml",
    kinds.PING_SOURCE_V1BETA2: "eventing/pingsource.yaml",
    kinds.API_SERVER_SOURCE: "eventing/apiserversource.yaml",
    kinds.CONTAINER_SOURCE: "eventing/containersource.yaml",
    kinds.SINK_BINDING: "eventing/sinkbindings.yaml",
    kinds.KAFKA_SOURCE: "eventing/extensions/100-kafka-source.yaml",
    kinds.KAFKA_SOURCE_V1BETA1: "eventing/extensions/100-kafka-source.yaml",
    kinds.REDIS_STREAM_SOURCE: "eventing/extensions/300-redisstreamsource.yaml",
    kinds.RABBITMQ_SOURCE: "eventing/extensions/300-rabbitmqsource.yaml",
    kinds.GITHUB_SOURCE: "eventing/extensions/300-githubsource.yaml",
}
ALL = [pytest.param(kind, id=f"{kind.singular}-{kind.version}") for kind in FILES]
SERVING = ALL[:4]
EVENTING = ALL[4:]

# The common status of sources, of which some definitions leave a part out.
SOURCE_STATUS = {".annotations", ".auth", ".ceAttributes", ".observedGeneration", ".sinkAudience", ".sinkCACerts"}


def knative_definition(kind: Kind) -> dict[str, Any]:
    documents = yaml.safe_load_all((CRDS / FILES[kind]).read_text())
    return next(document for document in documents if document)


def knative_schema(kind: Kind) -> dict[str, Any]:
    versions = {version["name"]: version for version in knative_definition(kind)["spec"]["versions"]}
    schema: dict[str, Any] = versions[kind.version]["schema"]["openAPIV3Schema"]
    schema["properties"] = {name: member for name, member in schema["properties"].items() if name in ("spec", "status")}
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


def crd_open(schema: dict[str, Any], path: str = "") -> set[str]:
    """Below which paths Knative takes any field: its programs know some, which its definition does not name."""
    result = {path} if schema.get("x-kubernetes-preserve-unknown-fields") else set()
    for name, member in (schema.get("properties") or {}).items():
        result |= crd_open(member, f"{path}.{name}")
    return result | crd_open(schema["items"], f"{path}[]") if "items" in schema else result


def crd_required(schema: dict[str, Any], path: str = "") -> set[str]:
    result = {f"{path}.{name}" for name in schema.get("required", ())}
    for name, member in (schema.get("properties") or {}).items():
        result |= crd_required(member, f"{path}.{name}")
    return result | crd_required(schema["items"], f"{path}[]") if "items" in schema else result


def walk(field: Field, path: str = "", above: frozenset[type] = frozenset()) -> Iterator[tuple[str, Field]]:
    """Every field with its path; a view within itself (filters) is entered once."""
    yield path, field
    if field.view is not None and field.view not in above:
        for name, member in fields(field.view).items():
            yield from walk(member, f"{path}.{name}", above | {field.view})
    if field.item is not None:
        yield from walk(field.item, f"{path}[]" if field.type == "array" else f"{path}{{}}", above)


def our_paths(field: Field) -> Paths:
    return {path: "object" if found.type == "map" else found.type for path, found in walk(field)}


def is_common(path: str) -> bool:
    """Fields that every object has, and that definitions leave to the server."""
    return path.startswith(".metadata") or path in (".apiVersion", ".kind")


def our_lists(field: Field) -> dict[str, tuple[str, tuple[str, ...]]]:
    return {path: (found.list_type, found.map_keys) for path, found in walk(field) if found.list_type}


@pytest.mark.parametrize("kind", ALL)
def test_every_field_of_knative_is_ours_with_the_same_type(kind: Kind) -> None:
    knative, ours = crd_paths(knative_schema(kind)), our_paths(field_tree(kind))

    assert {path: ours.get(path) for path in knative} == knative


@pytest.mark.parametrize("kind", ALL)
def test_we_add_no_field_that_knative_would_refuse(kind: Kind) -> None:
    schema = knative_schema(kind)
    knative, free, ours = crd_paths(schema), crd_open(schema), our_paths(field_tree(kind))

    added = {
        path
        for path in ours
        if path not in knative and not is_common(path) and not any(path.startswith(below) for below in free if below)
    }

    allowed = {f".status{name}" for name in SOURCE_STATUS}
    assert {path for path in added if not any(path.startswith(name) for name in allowed)} == set()


@pytest.mark.parametrize("kind", EVENTING)
def test_what_knative_requires_is_required(kind: Kind) -> None:
    knative = crd_required(knative_schema(kind))
    free = tuple(path for path in crd_open(knative_schema(kind)) if path)

    ours = {path for path, field in walk(field_tree(kind)) if field.required and not is_common(path)}

    assert {path for path in ours if path in knative or not path.startswith(free)} == knative


@pytest.mark.parametrize("kind", SERVING)
def test_lists_merge_by_the_same_keys_as_in_knative(kind: Kind) -> None:
    knative, ours = crd_lists(knative_schema(kind)), our_lists(field_tree(kind))

    assert {path: value for path, value in ours.items() if not path.startswith(".metadata.")} == knative


@pytest.mark.parametrize("kind", ALL)
def test_names_are_those_of_knative(kind: Kind) -> None:
    names = knative_definition(kind)["spec"]["names"]

    assert kind.kind == names["kind"]
    assert kind.plural == names["plural"]
    assert kind.singular == names.get("singular", names["kind"].lower())
    assert kind.short_names == tuple(names.get("shortNames", ()))
    assert kind.categories == tuple(names.get("categories", ()))


@pytest.mark.parametrize("kind", ALL)
def test_printer_columns_are_those_of_knative(kind: Kind) -> None:
    version = next(v for v in knative_definition(kind)["spec"]["versions"] if v["name"] == kind.version)
    wanted = [
        (column["name"], column["type"], column["jsonPath"].replace('"', "'"), column.get("priority", 0))
        for column in version.get("additionalPrinterColumns", ())
    ]

    assert [(column.name, column.type, column.path, column.priority) for column in kind.columns] == wanted


@pytest.mark.parametrize("kind", ALL)
def test_deprecated_versions_say_what_knative_says(kind: Kind) -> None:
    version = next(v for v in knative_definition(kind)["spec"]["versions"] if v["name"] == kind.version)

    assert kind.deprecation == version.get("deprecationWarning", "")
