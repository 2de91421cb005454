"""Strict field validation."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from faas.resources import kinds
from faas.resources.fields import (
    decoding_message,
    field_warnings,
    loads_with_duplicates,
    prune,
    strict_message,
    type_errors,
    unknown_fields,
)

SERVICE: dict[str, Any] = {
    "apiVersion": "serving.knative.dev/v1",
    "kind": "Service",
    "metadata": {"name": "hello", "labels": {"any": "thing"}, "spelled": "wrong"},
    "spec": {
        "tmplate": {},
        "template": {
            "metadata": {"ownerReferences": []},
            "spec": {
                "containers": [{"image": "hello", "imge": "x", "resources": {"limits": {"cpu": 1}}}],
                "affinity": {"whatever": 1},
            },
        },
    },
}
UNKNOWN = ["metadata.spelled", "spec.tmplate", "spec.template.spec.containers[0].imge"]


def test_unknown_fields_are_found_by_path() -> None:
    assert unknown_fields(kinds.SERVICE, SERVICE) == UNKNOWN


def test_pruning_takes_them_out_and_leaves_the_rest() -> None:
    before = copy.deepcopy(SERVICE)

    pruned, unknown = prune(kinds.SERVICE, SERVICE)

    assert unknown == UNKNOWN
    assert before == SERVICE
    assert unknown_fields(kinds.SERVICE, pruned) == []
    assert pruned["spec"]["template"]["spec"]["affinity"] == {"whatever": 1}
    assert pruned["spec"]["template"]["metadata"] == {"ownerReferences": []}  # open, as in Knative's definition
    assert pruned["metadata"] == {"name": "hello", "labels": {"any": "thing"}}


def test_a_known_object_is_not_copied() -> None:
    raw = {"metadata": {"name": "hello"}}

    assert prune(kinds.SERVICE, raw)[0] is raw


def test_strict_and_warn_say_it_as_an_api_server() -> None:
    assert strict_message(kinds.SERVICE, ["spec.foo"], ["spec.traffic"]) == (
        'Service in version "v1" cannot be handled as a Service: strict decoding error: '
        'duplicate field "spec.traffic", unknown field "spec.foo"'
    )
    assert field_warnings(["spec.foo"]) == ['unknown field "spec.foo"']


@pytest.mark.parametrize(
    ("container", "message"),
    [
        pytest.param(
            {"env": [{"name": "A", "value": True}]},
            '{0}.env[0].value: Invalid value: "boolean": {0}.env[0].value in body must be of type string: "boolean"',
            id="a boolean for a string",
        ),
        pytest.param(
            {"env": {}},
            '{0}.env: Invalid value: "object": {0}.env in body must be of type array: "object"',
            id="object",
        ),
        pytest.param({"env": [{"value": "x"}]}, "{0}.env[0].name: Required value", id="required"),
        pytest.param(
            {"env": [None]},
            '{0}.env[0]: Invalid value: "null": {0}.env[0] in body must be of type object: "null"',
            id="null",
        ),
        pytest.param(
            {"ports": [{"containerPort": True}]},
            '{0}.ports[0].containerPort: Invalid value: "boolean": {0}.ports[0].containerPort in body must be of type '
            'integer: "boolean"',
            id="a boolean for an integer",
        ),
        pytest.param(
            {"resources": {"limits": {"cpu": 0.5}}},
            '{0}.resources.limits.cpu: Invalid value: "number": {0}.resources.limits.cpu in body must be of type '
            'integer or string: "number"',
            id="a fraction for a quantity",
        ),
    ],
)
def test_a_value_of_the_wrong_type_is_refused_by_path(container: dict[str, Any], message: str) -> None:
    raw = {"metadata": {"name": "x"}, "spec": {"template": {"spec": {"containers": [container]}}}}

    errors = [str(error) for error in type_errors(kinds.SERVICE, raw)]

    assert errors == [message.format("spec.template.spec.containers[0]")]


def test_null_is_no_wrong_type() -> None:
    assert type_errors(kinds.SERVICE, {"metadata": {"creationTimestamp": None}, "spec": {"traffic": None}}) == []


def test_a_status_of_a_condition_is_one_of_three() -> None:
    raw = {"metadata": {}, "status": {"conditions": [{"type": "Ready", "status": "Maybe"}]}}

    (error,) = type_errors(kinds.SERVICE, raw)

    assert error.message == 'Unsupported value: "Maybe": supported values: "False", "True", "Unknown"'


def test_a_built_in_kind_cannot_be_decoded() -> None:
    (error,) = type_errors(kinds.CONFIG_MAP, {"metadata": {"name": "x"}, "data": {"a": 1}})

    assert decoding_message(kinds.CONFIG_MAP, error) == (
        'ConfigMap in version "v1" cannot be handled as a ConfigMap: '
        "json: cannot unmarshal number into Go struct field ConfigMap.data of type string"
    )


def test_a_secret_needs_base64() -> None:
    (error,) = type_errors(kinds.SECRET, {"data": {"a": "hunter2!"}})

    assert decoding_message(kinds.SECRET, error) == (
        'Secret in version "v1" cannot be handled as a Secret: illegal base64 data at input byte 7'
    )


def test_base64_has_no_character_beyond_ascii() -> None:
    (error,) = type_errors(kinds.SECRET, {"data": {"a": "aGk\x80"}})

    assert error.message == 'Invalid value: "aGk\x80": illegal base64 data at input byte 3'


def test_a_timestamp_that_is_none_is_refused() -> None:
    (error,) = type_errors(kinds.SERVICE, {"metadata": {"creationTimestamp": "yesterday"}})

    assert error.path == "metadata.creationTimestamp"


def test_doubled_members_are_found_by_path_and_the_last_one_counts() -> None:
    value, duplicates = loads_with_duplicates('{"a": 1, "b": [{"c": 1, "c": 2}], "a": {"d": 1}}')

    assert value == {"a": {"d": 1}, "b": [{"c": 2}]}
    assert duplicates == ["a", "b[0].c"]
