"""Nodes as `faas doctor` sees them."""

from __future__ import annotations

from typing import Any

import pytest

from faas.cli.checks.nodes import judge


def node(*, ready: str = "True", architecture: str = "amd64", **spec: Any) -> dict[str, Any]:
    conditions = [{"type": "MemoryPressure", "status": "False"}, {"type": "Ready", "status": ready}]
    info = {"operatingSystem": "linux", "architecture": architecture}
    return {"spec": spec, "status": {"conditions": conditions, "nodeInfo": info}}


@pytest.mark.parametrize(
    ("nodes", "status", "found"),
    [
        pytest.param(
            [node(), node(architecture="arm64"), node()], "ok", "2 of linux/amd64, 1 of linux/arm64", id="all"
        ),
        pytest.param([node(), node(unschedulable=True)], "ok", "1 of linux/amd64; 1 more take no Pods now", id="some"),
        pytest.param(
            [node(ready="Unknown"), node(ready="False")], "error", "none of 2 takes Pods: nothing starts", id="no"
        ),
        pytest.param([{}], "error", "none of 1 takes Pods: nothing starts", id="nothing said"),
        pytest.param(
            [], "warning", "there are none: Pods wait until somebody, or an autoscaler, adds one", id="an empty pool"
        ),
    ],
)
def test_nodes_that_take_pods_are_counted_by_platform(nodes: list[dict[str, Any]], status: str, found: str) -> None:
    check = judge(nodes, "team a")

    assert (check.name, check.status, check.found) == ("nodes", status, found)
    assert check.fix == ("Ask why:  kubectl describe nodes --context 'team a'" if status == "error" else "")
