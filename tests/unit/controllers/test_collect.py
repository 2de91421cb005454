"""Which Revisions are deleted, as a function of values."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from faas.engine.controllers.gc.collect import collectable, next_look_s
from faas.resources.config import GcConfig
from faas.resources.meta import ObjectMeta
from faas.resources.serving import Revision

NOW = datetime(2026, 1, 10, tzinfo=UTC)
CONFIG = GcConfig(
    retain_since_create_time_s=48 * 3600,
    retain_since_last_active_time_s=15 * 3600,
    min_non_active_revisions=1,
    max_non_active_revisions=3,
)


def revision(
    name: str, *, created_h: float = 100, active_h: float = 100, state: str = "reserve", no_gc: bool = False
) -> Revision:
    moment = (NOW - timedelta(hours=active_h)).strftime("%Y-%m-%dT%H:%M:%SZ")
    annotations = {"serving.knative.dev/routingStateModified": moment}
    if no_gc:
        annotations["serving.knative.dev/no-gc"] = "true"
    return Revision(
        metadata=ObjectMeta(
            name=name,
            labels={"serving.knative.dev/routingState": state},
            annotations=annotations,
            creation_timestamp=NOW - timedelta(hours=created_h),
        )
    )


@pytest.mark.parametrize(
    ("revisions", "expected"),
    [
        pytest.param([revision("a"), revision("b", active_h=90)], ["a"], id="the oldest stale one; the minimum stays"),
        pytest.param([revision("a")], [], id="never below the minimum"),
        pytest.param([revision("a", created_h=47), revision("b")], ["b"], id="young ones stay"),
        pytest.param([revision("a", active_h=14), revision("b", active_h=13)], [], id="lately active ones stay"),
        pytest.param([revision("a", state="active"), revision("b"), revision("c")], ["b"], id="routed ones stay"),
        pytest.param([revision("a", state="pending"), revision("b")], [], id="new ones stay"),
        pytest.param([revision("a", no_gc=True), revision("b"), revision("c")], ["b"], id="no-gc ones stay"),
        pytest.param([revision("latest"), revision("b"), revision("c")], ["b"], id="the latest ready one stays"),
        pytest.param(
            [revision(name, created_h=1, active_h=age) for name, age in zip("abcde", (5, 4, 3, 2, 1), strict=True)],
            ["a", "b"],
            id="the oldest above the maximum, however young",
        ),
    ],
)
def test_collectable(revisions: list[Revision], expected: list[str]) -> None:
    assert collectable(revisions, "latest", CONFIG, NOW) == expected


def test_bounds_can_be_disabled() -> None:
    keep = GcConfig(None, None, 0, None)
    assert collectable([revision("a"), revision("b")], "", keep, NOW) == []
    only_age = GcConfig(None, 3600, 0, None)
    assert collectable([revision("a", active_h=2), revision("b", active_h=0.5)], "", only_age, NOW) == ["a"]


def test_it_looks_again_when_the_next_one_turns_stale() -> None:
    revisions = [revision("a", created_h=47), revision("b", active_h=14), revision("c")]
    assert next_look_s(revisions, "", CONFIG, NOW) == 3600
    assert next_look_s(revisions[:1], "", CONFIG, NOW) is None
