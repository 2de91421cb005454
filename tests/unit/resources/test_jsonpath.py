"""The JSONPath of printer columns."""

from __future__ import annotations

from typing import Any

import pytest

from faas.resources.jsonpath import PathError, compile_path
from faas.resources.kinds import KINDS

REVISION: dict[str, Any] = {
    "metadata": {"name": "r", "labels": {"serving.knative.dev/configuration": "hello"}},
    "status": {
        "conditions": [{"type": "Active", "status": "False"}, {"type": "Ready", "status": "True", "reason": ""}],
        "actualReplicas": 0,
        "traffic": [{"tag": "a"}, {"tag": "b"}],
    },
}


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (".metadata.name", "r"),
        ("{.metadata.name}", "r"),
        (r".metadata.labels['serving\.knative\.dev/configuration']", "hello"),
        (r".metadata.labels.serving\.knative\.dev/configuration", "hello"),
        (".status.conditions[?(@.type=='Ready')].status", "True"),
        ('.status.conditions[?(@.type=="Ready")].reason', ""),
        (".status.conditions[?(@.type!='Ready')].status", "False"),
        (".status.actualReplicas", 0),
        (".status.traffic[1].tag", "b"),
        (".status.traffic[-1].tag", "b"),
        (".status.traffic[*].tag", "a"),
        (".status.traffic[7].tag", None),
        (".status.missing.deeper", None),
        (".status.conditions[?(@.type=='Other')].status", None),
        (".metadata.name.deeper", None),
    ],
)
def test_reads_the_first_value_at_a_path(path: str, value: object) -> None:
    assert compile_path(path)(REVISION) == value


def test_every_column_that_we_serve_can_be_read() -> None:
    for kind in KINDS:
        for column in kind.columns:
            compile_path(column.path)({})


@pytest.mark.parametrize("path", [".a[", "a b", ".a[?(@.b)]", "..a"])
def test_refuses_what_a_column_cannot_have(path: str) -> None:
    with pytest.raises(PathError):
        compile_path(path)
