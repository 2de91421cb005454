"""Telling what a lost create has left from what somebody else has made."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from faas.client.http.creations import is_made_by

SENT = {"metadata": {"name": "x", "labels": {"a": "b"}}, "spec": {"ports": [{"port": 80}], "empty": {}}}
BEGAN = datetime(2026, 11, 23, 12, 0, 5, 700000, tzinfo=UTC)


def found(**changes: Any) -> dict[str, Any]:
    metadata = {
        "name": "x",
        "labels": {"a": "b"},
        "uid": "1",
        "creationTimestamp": "2026-11-23T12:00:05Z",
        "managedFields": [{"manager": "faas"}],
    }
    spec = {"ports": [{"port": 80, "protocol": "TCP"}], "default": 1}
    return {"metadata": metadata | changes.pop("metadata", {}), "spec": spec | changes}


@pytest.mark.parametrize(
    ("there", "ours"),
    [
        pytest.param(found(), True, id="with-defaults"),
        pytest.param(found(ports=[{"port": 81}]), False, id="another-value"),
        pytest.param(found(ports=[{"port": 80}, {"port": 81}]), False, id="another-length"),
        pytest.param(found(metadata={"creationTimestamp": "2026-11-23T12:00:04Z"}), False, id="there-before"),
        pytest.param(found(metadata={"creationTimestamp": None}), False, id="no-time"),
        pytest.param(found(metadata={"managedFields": [{"manager": "kubectl"}]}), False, id="another-manager"),
        pytest.param(found(metadata={"managedFields": None}), False, id="no-managers"),
        pytest.param(found(metadata={"labels": {}}), False, id="a-label-less"),
    ],
)
def test_ours_was_made_since_then_by_our_manager_with_all_we_said(there: dict[str, Any], ours: bool) -> None:
    assert is_made_by(SENT, there, manager="faas", since=BEGAN) is ours


def test_what_a_server_keeps_in_another_form_is_not_compared() -> None:
    sent = {**SENT, "stringData": {"password": "secret"}}

    assert is_made_by(sent, found(), manager="faas", since=BEGAN)
