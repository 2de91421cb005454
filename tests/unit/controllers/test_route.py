"""What a traffic block means, how requests are split, and under which hosts."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faas.engine.contract.dataplane import Split as WireSplit
from faas.engine.contract.settings import EngineSettings, Listeners
from faas.engine.controllers.naming import Naming
from faas.engine.controllers.route.hosts import make_targets
from faas.engine.controllers.route.rollout import Progress, Share
from faas.engine.controllers.route.split import split
from faas.engine.controllers.route.traffic import BadTarget, Resolved, resolve
from faas.resources.config import Config
from faas.resources.meta import Condition, ConditionStatus, ObjectMeta
from faas.resources.serving import (
    Configuration,
    ConfigurationStatus,
    Revision,
    RevisionStatus,
    Route,
    TrafficTarget,
)

SETTINGS = EngineSettings(Path("/state"), Path("/run"), Listeners(-1, -1, -1, -1))
NAMING = Naming.of(SETTINGS, Config().network)


def configuration(ready: str = "", status: ConditionStatus = "Unknown") -> Configuration:
    conditions = (Condition(type="Ready", status=status),)
    return Configuration(status=ConfigurationStatus(latest_ready_revision_name=ready, conditions=conditions))


def revision(status: ConditionStatus, service: str = "hello") -> Revision:
    return Revision(
        metadata=ObjectMeta(labels={"serving.knative.dev/service": service}),
        status=RevisionStatus(conditions=(Condition(type="Ready", status=status),)),
    )


def route(name: str = "hello", **labels: str) -> Route:
    marks = {f"networking.knative.dev/{key}": value for key, value in labels.items()}
    return Route(metadata=ObjectMeta(name=name, namespace="default", labels=marks))


LATEST = TrafficTarget(configuration_name="hello", latest_revision=True, percent=100)
NAMED = TrafficTarget(revision_name="one", percent=100, tag="old")


@pytest.mark.parametrize(
    ("target", "configurations", "revisions", "expected"),
    [
        pytest.param(
            LATEST,
            {"hello": configuration("one")},
            {},
            (Resolved("one", 100, "", "hello", latest=True),),
            id="the latest ready revision",
        ),
        pytest.param(
            LATEST,
            {"hello": configuration()},
            {},
            BadTarget("Unknown", "RevisionMissing", 'Configuration "hello" is waiting for a Revision to become ready.'),
            id="none is ready yet",
        ),
        pytest.param(
            LATEST,
            {"hello": configuration(status="False")},
            {},
            BadTarget("False", "RevisionMissing", 'Configuration "hello" does not have any ready Revision.'),
            id="the first one failed",
        ),
        pytest.param(
            LATEST,
            {},
            {},
            BadTarget("False", "ConfigurationMissing", 'Configuration "hello" referenced in traffic not found.'),
            id="no such configuration",
        ),
        pytest.param(
            NAMED,
            {},
            {"one": revision("True")},
            (Resolved("one", 100, "old", "", latest=False),),
            id="a named revision",
        ),
        pytest.param(
            NAMED,
            {},
            {"one": revision("Unknown")},
            BadTarget("Unknown", "RevisionMissing", 'Revision "one" is not yet ready.'),
            id="a named one that is not ready",
        ),
        pytest.param(
            NAMED,
            {},
            {"one": revision("False")},
            BadTarget("False", "RevisionMissing", 'Revision "one" failed to become ready.'),
            id="a named one that failed",
        ),
        pytest.param(
            NAMED,
            {},
            {"one": revision("True", service="other")},
            BadTarget(
                "False",
                "RevisionNotOwned",
                'Revision "one" referenced in traffic is not owned by Service "hello".',
            ),
            id="somebody else's",
        ),
    ],
)
def test_resolve(
    target: TrafficTarget,
    configurations: dict[str, Configuration],
    revisions: dict[str, Revision],
    expected: tuple[Resolved, ...] | BadTarget,
) -> None:
    assert resolve([target], configurations, revisions, owned_by="hello") == expected


def test_targets_that_mean_the_same_are_one() -> None:
    result = split(
        [Resolved("one", 30, "", "", False), Resolved("one", 20, "", "", False), Resolved("two", 50, "x", "", False)],
        (),
        duration_s=0,
        now_s=0,
    )
    assert [(t.revision_name, t.percent, t.tag) for t in result.traffic] == [("one", 50, ""), ("two", 50, "x")]


def test_each_tag_rolls_out_on_its_own() -> None:
    before = (
        Progress("hello", "", 50, (Share("one", 50),)),
        Progress("hello", "next", 50, (Share("two", 50),)),
    )
    resolved = [Resolved("two", 50, "", "hello", True), Resolved("two", 50, "next", "hello", True)]
    result = split(resolved, before, duration_s=10, now_s=100)
    assert [(t.revision_name, t.percent, t.tag) for t in result.traffic] == [
        ("one", 49, ""),
        ("two", 1, ""),
        ("two", 50, "next"),
    ]
    assert result.next_step_s == 101


def test_urls_can_be_used_as_they_are() -> None:
    assert NAMING.url(route()) == "http://hello.default.localhost:8080"
    assert NAMING.url(route(), "canary") == "http://canary-hello.default.localhost:8080"
    assert replace(NAMING, port=80).url(route()) == "http://hello.default.localhost"
    assert replace(NAMING, port=443, tls=True).url(route()) == "https://hello.default.localhost"
    assert replace(NAMING, tls=True).url(route()) == "https://hello.default.localhost:8080"
    assert NAMING.url(route(visibility="cluster-local")) == "http://hello.default.svc.cluster.local"
    assert NAMING.local_url(route()) == "http://hello.default.svc.cluster.local"


def test_hosts_are_lower_case_and_include_the_names_of_kubernetes_dns() -> None:
    assert NAMING.hosts(route(), "v2") == (
        "v2-hello.default.localhost",
        "v2-hello.default.svc.cluster.local",
        "v2-hello.default.svc",
        "v2-hello.default",
    )


def test_a_tag_serves_its_target_alone() -> None:
    traffic = (
        TrafficTarget(revision_name="one", percent=90),
        TrafficTarget(revision_name="two", percent=10, tag="canary"),
        TrafficTarget(revision_name="old", percent=0, tag="old"),
    )
    targets = make_targets(route(), traffic, NAMING)
    assert {name: target.splits for name, target in targets.items()} == {
        "default/hello": (WireSplit("default/one", 90), WireSplit("default/two", 10)),
        "default/canary-hello": (WireSplit("default/two", 100),),
        "default/old-hello": (WireSplit("default/old", 100),),
    }
    assert all(target.public for target in targets.values())


def test_a_route_without_traffic_has_a_target_without_splits() -> None:
    assert make_targets(route(), (), NAMING)["default/hello"].splits == ()


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 60), st.sampled_from(["", "a", "b"])), max_size=8))
def test_splits_of_a_tag_add_up_to_a_hundred(entries: list[tuple[int, int, str]]) -> None:
    traffic = tuple(TrafficTarget(revision_name=f"r{n}", percent=p, tag=tag) for n, p, tag in entries)
    for target in make_targets(route(), traffic, NAMING).values():
        assert len({part.revision for part in target.splits}) == len(target.splits)
        assert all(part.percent > 0 for part in target.splits)
        if target.tag:
            assert sum(part.percent for part in target.splits) == 100
