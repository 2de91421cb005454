"""The children a Service makes, and how it sums up their state; a Configuration's newest Revisions."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from faas.engine.controllers.configuration.make import make_revision, name_of_revision
from faas.engine.controllers.configuration.status import Numbered, latest_ready
from faas.engine.controllers.events import make_event
from faas.engine.controllers.labeler.routing import revision_changes, routed_revisions
from faas.engine.controllers.service.make import make_configuration, make_route, merged
from faas.engine.controllers.service.status import observed_status
from faas.resources.meta import Condition, ConditionStatus, ObjectMeta
from faas.resources.serving import (
    Configuration,
    ConfigurationStatus,
    Revision,
    RevisionStatus,
    Route,
    RouteSpec,
    RouteStatus,
    Service,
    TrafficTarget,
)
from faas.resources.views import decode

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SERVICE: dict[str, Any] = {
    "apiVersion": "serving.knative.dev/v1",
    "kind": "Service",
    "metadata": {
        "name": "hello",
        "namespace": "default",
        "uid": "s-1",
        "generation": 3,
        "labels": {"team": "a"},
        "annotations": {
            "kubectl.kubernetes.io/last-applied-configuration": "{}",
            "serving.knative.dev/rollout-duration": "10s",
            "serving.knative.dev/lastModifier": "me",
        },
    },
    "spec": {
        "template": {"spec": {"containers": [{"image": "app"}]}},
        "traffic": [{"latestRevision": True, "percent": 90}, {"revisionName": "hello-00001", "percent": 10}],
    },
}
LABELS = {"team": "a", "serving.knative.dev/service": "hello", "serving.knative.dev/serviceUID": "s-1"}


def test_the_configuration_of_a_service() -> None:
    made = make_configuration(SERVICE)
    assert made["spec"] == {"template": SERVICE["spec"]["template"]}
    assert made["metadata"]["labels"] == LABELS
    assert made["metadata"]["annotations"] == {
        "serving.knative.dev/lastModifier": "me",
        "serving.knative.dev/routes": "hello",
    }
    assert made["metadata"]["ownerReferences"][0]["uid"] == "s-1"


def test_the_route_of_a_service() -> None:
    made = make_route(SERVICE)
    assert made["spec"]["traffic"] == [
        {"latestRevision": True, "percent": 90, "configurationName": "hello"},
        {"revisionName": "hello-00001", "percent": 10},
    ]
    assert made["metadata"]["labels"] == LABELS
    assert made["metadata"]["annotations"]["serving.knative.dev/rollout-duration"] == "10s"


def test_a_child_loses_what_its_service_lost_but_not_what_the_labeler_noted() -> None:
    existing = {
        "metadata": {"labels": {"old": "1"}, "annotations": {"old": "x", "serving.knative.dev/routes": "other"}},
        "spec": {},
        "status": {"a": 1},
    }
    result = merged(existing, make_configuration(SERVICE))
    assert result["metadata"]["labels"] == LABELS
    assert result["metadata"]["annotations"] == {
        "serving.knative.dev/lastModifier": "me",
        "serving.knative.dev/routes": "hello,other",
    }
    assert result["status"] == {"a": 1}
    assert existing["spec"] == {}


def test_the_revision_of_a_configuration() -> None:
    configuration = make_configuration(SERVICE)
    configuration["metadata"] |= {"uid": "c-1", "generation": 7}
    made = make_revision(configuration, NOW)
    assert made["metadata"]["name"] == "hello-00007"
    assert made["metadata"]["labels"] == {
        "serving.knative.dev/configuration": "hello",
        "serving.knative.dev/configurationUID": "c-1",
        "serving.knative.dev/configurationGeneration": "7",
        "serving.knative.dev/routingState": "pending",
        "serving.knative.dev/service": "hello",
        "serving.knative.dev/serviceUID": "s-1",
    }
    assert made["metadata"]["annotations"] == {
        "serving.knative.dev/creator": "me",
        "serving.knative.dev/routes": "hello",
        "serving.knative.dev/routingStateModified": "2026-01-01T00:00:00Z",
    }
    configuration["spec"]["template"]["metadata"] = {"name": "hello-mine"}
    assert name_of_revision(configuration) == "hello-mine"


def child(status: ConditionStatus, *, generation: int = 1, observed: int = 1, reason: str = "") -> dict[str, Any]:
    return {
        "metadata": ObjectMeta(generation=generation),
        "status": {
            "observed_generation": observed,
            "conditions": (Condition(type="Ready", status=status, reason=reason, message=reason.lower()),),
        },
    }


def configuration_of(entry: dict[str, Any], ready: str = "hello-00003") -> Configuration:
    status = ConfigurationStatus(**entry["status"], latest_ready_revision_name=ready)
    return Configuration(metadata=entry["metadata"], status=status)


def route_of(entry: dict[str, Any], *traffic: TrafficTarget) -> Route:
    return Route(metadata=entry["metadata"], status=RouteStatus(**entry["status"], traffic=traffic))


MIGRATED = (
    TrafficTarget(revision_name="hello-00003", percent=90, latest_revision=True),
    TrafficTarget(revision_name="hello-00001", percent=10),
)


@pytest.mark.parametrize(
    ("configuration", "route", "ready"),
    [
        pytest.param(
            configuration_of(child("True")), route_of(child("True"), *MIGRATED), ("True", "", ""), id="both ready"
        ),
        pytest.param(
            configuration_of(child("True", generation=2)),
            route_of(child("True"), *MIGRATED),
            (
                "Unknown",
                "OutOfDate",
                "The Configuration is still working to reflect the latest desired specification.",
            ),
            id="the configuration is behind",
        ),
        pytest.param(
            configuration_of(child("True")),
            route_of(child("True", generation=2), *MIGRATED),
            ("Unknown", "OutOfDate", "The Route is still working to reflect the latest desired specification."),
            id="the route is behind",
        ),
        pytest.param(
            configuration_of(child("True")),
            route_of(child("True"), TrafficTarget(revision_name="hello-00002", percent=100)),
            ("Unknown", "TrafficNotMigrated", "Traffic is not yet migrated to the latest revision."),
            id="traffic is elsewhere",
        ),
        pytest.param(
            configuration_of(child("False", reason="RevisionFailed")),
            route_of(child("True"), *MIGRATED),
            ("False", "RevisionFailed", "revisionfailed"),
            id="a failure is passed on",
        ),
        pytest.param(
            None,
            route_of(child("True"), *MIGRATED),
            ("False", "NotOwned", 'There is an existing Configuration "hello" that we do not own.'),
            id="somebody else's configuration",
        ),
    ],
)
def test_a_service_sums_up(
    configuration: Configuration | None, route: Route | None, ready: tuple[str, str, str]
) -> None:
    status = observed_status(decode(Service, SERVICE), configuration, route, now=NOW)
    assert status.observed_generation == 3
    [condition] = [entry for entry in status.conditions if entry.type == "Ready"]
    assert (condition.status, condition.reason, condition.message) == ready


def numbered(generation: int, status: ConditionStatus) -> Numbered:
    conditions = (Condition(type="Ready", status=status),)
    return Numbered(generation, Revision(status=RevisionStatus(conditions=conditions)))


@pytest.mark.parametrize(
    ("known", "states", "expected"),
    [
        pytest.param("", ["Unknown"], "", id="none is ready"),
        pytest.param("", ["True", "True", "Unknown"], "r2", id="the newest ready one"),
        pytest.param("r2", ["True", "True", "False"], "r2", id="a failure changes nothing"),
        pytest.param("r2", ["True", "False"], "r2", id="one that was ready stays"),
        pytest.param("r3", ["Unknown", "True", "False"], "r3", id="an older one that is late never moves it back"),
        pytest.param("r1", ["True", "True", "Unknown"], "r2", id="one in between moves it forward"),
        pytest.param("gone", ["True"], "r1", id="the known one was deleted"),
    ],
)
def test_the_latest_ready_revision(known: str, states: list[ConditionStatus], expected: str) -> None:
    revisions = {f"r{index}": numbered(index, state) for index, state in enumerate(states, 1)}
    assert latest_ready(known, revisions) == expected


def test_a_route_means_what_it_serves_names_and_waits_for() -> None:
    route = Route(
        spec=RouteSpec(traffic=(TrafficTarget(configuration_name="hello"), TrafficTarget(revision_name="hello-00001"))),
        status=RouteStatus(traffic=(TrafficTarget(revision_name="hello-00002"),)),
    )
    waiting = Configuration(
        status=ConfigurationStatus(latest_created_revision_name="hello-00004", latest_ready_revision_name="hello-00003")
    )
    assert routed_revisions(route, {"hello": waiting}) == {f"hello-0000{number}" for number in (1, 2, 3, 4)}


def test_routing_metadata_changes_only_when_it_has_to() -> None:
    state, routes, modified = (
        f"serving.knative.dev/{key}" for key in ("routingState", "routes", "routingStateModified")
    )
    pending = ObjectMeta(labels={state: "pending"}, annotations={routes: "hello"})
    active = ObjectMeta(labels={state: "active"}, annotations={routes: "hello"})
    shared = ObjectMeta(labels={state: "active"}, annotations={routes: "hello,other"})
    stamp = {modified: "2026-01-01T00:00:00Z"}
    assert revision_changes(active, "hello", routed=True, now=NOW) == {}
    assert revision_changes(pending, "hello", routed=True, now=NOW) == {
        "labels": {state: "active"},
        "annotations": stamp,
    }
    assert revision_changes(active, "hello", routed=False, now=NOW) == {
        "labels": {state: "reserve"},
        "annotations": {routes: None, **stamp},
    }
    assert revision_changes(shared, "hello", routed=False, now=NOW) == {"annotations": {routes: "other"}}


def test_the_same_event_has_the_same_name() -> None:
    def event(message: str) -> dict[str, Any]:
        return make_event(SERVICE, "Normal", "Created", message, now="2026-01-01T00:00:00Z")

    assert event("one")["metadata"] == event("one")["metadata"]
    assert event("one")["metadata"]["name"] != event("two")["metadata"]["name"]
    assert event("one")["involvedObject"]["uid"] == "s-1"
