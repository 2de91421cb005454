from __future__ import annotations

from typing import Any

import pytest

from faas.cli.list import _serving


@pytest.mark.parametrize(
    ("traffic", "shown"),
    [
        pytest.param([], "", id="not yet"),
        pytest.param([{"revisionName": "a-00001", "percent": 100, "latestRevision": True}], "a-00001", id="one"),
        pytest.param(
            [{"revisionName": "a-00001", "percent": 90}, {"revisionName": "a-00002", "percent": 10, "tag": "canary"}],
            "a-00001 90%, a-00002 10%",
            id="split",
        ),
        pytest.param(
            [{"revisionName": "a-00001", "percent": 100}, {"revisionName": "a-00002", "percent": 0, "tag": "canary"}],
            "a-00001",
            id="rolled back",
        ),
        pytest.param(
            [{"revisionName": "a-00001", "percent": 60}, {"revisionName": "a-00001", "percent": 40, "tag": "x"}],
            "a-00001",
            id="the same twice",
        ),
    ],
)
def test_a_function_is_listed_with_the_revisions_that_get_requests(traffic: list[dict[str, Any]], shown: str) -> None:
    assert _serving({"traffic": traffic, "latestReadyRevisionName": "a-00003"}) == shown
