"""What a deploy changes, what conditions mean for it, and what an export leaves out."""

from __future__ import annotations

from typing import Any

import pytest

from faas.deploy.export.editions.cleaning import exported, unportable
from faas.deploy.objects.plan import change_of
from faas.deploy.services.wait import Goal, Verdict, judge
from faas.deploy.steps import Step, Steps

IMAGE = "faas.local/shop@sha256:" + "ab" * 32


def live(**template: Any) -> dict[str, Any]:
    return {
        "apiVersion": "serving.knative.dev/v1",
        "kind": "Service",
        "metadata": {
            "name": "hello",
            "namespace": "default",
            "uid": "u",
            "resourceVersion": "7",
            "generation": 2,
            "creationTimestamp": "2026-11-23T12:00:00Z",
            "labels": {"faas.dev/project": "shop"},
            "annotations": {"serving.knative.dev/creator": "faas", "faas.dev/held-traffic": "[]"},
            "managedFields": [{"manager": "faas"}],
        },
        "spec": {
            "template": {
                "metadata": {"creationTimestamp": None, "annotations": {"autoscaling.knative.dev/min-scale": "1"}},
                "spec": {
                    "containerConcurrency": 20,
                    "timeoutSeconds": 300,
                    "enableServiceLinks": False,
                    "containers": [
                        {
                            "name": "user-container",
                            "image": IMAGE,
                            "readinessProbe": {"successThreshold": 1, "tcpSocket": {"port": 0}},
                            "resources": {},
                        }
                    ],
                    **template,
                },
            },
            "traffic": [{"latestRevision": True, "percent": 100}],
        },
        "status": {"observedGeneration": 2},
    }


def test_nothing_there_is_created() -> None:
    change = change_of(live(), None, live())

    assert (change.action, change.new_revision) == ("create", True)


def test_what_only_the_server_keeps_is_no_change() -> None:
    dry = live()
    dry["metadata"].update(resourceVersion="8", generation=3, managedFields=[])
    dry["metadata"]["annotations"]["serving.knative.dev/creator"] = "somebody"
    dry["status"] = {}

    assert change_of(live(), live(), dry).action == "unchanged"


def test_a_change_of_the_template_makes_a_revision() -> None:
    change = change_of(live(), live(), live(containerConcurrency=5))

    assert (change.action, change.new_revision) == ("update", True)
    assert change.fields == ("spec.template.spec.containerConcurrency",)


def test_a_change_beside_the_template_makes_none() -> None:
    dry = live()
    dry["metadata"]["labels"]["team"] = "sales"

    change = change_of(live(), live(), dry)

    assert (change.action, change.new_revision, change.fields) == ("update", False, ("metadata.labels.team",))


def status(generation: int = 2, latest: str = "hello-00002", **conditions: tuple[str, str, str]) -> dict[str, Any]:
    return {
        "metadata": {"generation": 2},
        "status": {
            "observedGeneration": generation,
            "latestCreatedRevisionName": latest,
            "latestReadyRevisionName": "hello-00002",
            "conditions": [
                {"type": name, "status": value, "reason": reason, "message": message}
                for name, (value, reason, message) in conditions.items()
            ],
        },
    }


GOOD = ("True", "", "")
FAILED = ("False", "RevisionFailed", "it does not start")
BUSY = ("Unknown", "Deploying", "")


@pytest.mark.parametrize(
    ("service", "goal", "verdict"),
    [
        pytest.param(
            {"metadata": {"generation": 1}}, "service", Verdict("waiting", "OutOfDate", "not seen yet"), id="new"
        ),
        pytest.param(status(1, Ready=GOOD), "service", Verdict("waiting", "OutOfDate", "not seen yet"), id="old"),
        pytest.param(status(Ready=GOOD, ConfigurationsReady=GOOD), "service", Verdict("ready"), id="ready"),
        pytest.param(status(ConfigurationsReady=GOOD, Ready=BUSY), "revision", Verdict("ready"), id="revision-ready"),
        pytest.param(
            status(Ready=BUSY, ConfigurationsReady=FAILED),
            "service",
            Verdict("failed", "RevisionFailed", "it does not start"),
            id="revision-failed",
        ),
        pytest.param(
            status(Ready=FAILED, ConfigurationsReady=FAILED, RoutesReady=GOOD),
            "routes",
            Verdict("ready"),
            id="routes-do-not-care-for-the-newest-revision",
        ),
        pytest.param(status(Ready=BUSY), "service", Verdict("waiting", "Deploying", ""), id="busy"),
        pytest.param(
            status(latest="hello-00003", Ready=GOOD, ConfigurationsReady=GOOD),
            "service",
            Verdict("waiting"),
            id="newest-not-ready-yet",
        ),
    ],
)
def test_conditions_decide(service: dict[str, Any], goal: Goal, verdict: Verdict) -> None:
    assert judge(service, goal) == verdict


def test_what_no_node_takes_yet_is_waited_for() -> None:
    message = 'Revision "hello-00002" failed with message: 0/3 nodes are available: 3 Insufficient cpu.'
    condition = {"type": "ConfigurationsReady", "status": "False", "reason": "RevisionFailed", "message": message}
    service = {"metadata": {"generation": 2}, "status": {"observedGeneration": 2, "conditions": [condition]}}

    assert judge(service, "revision") == Verdict("waiting", "RevisionFailed", message)


def test_an_export_is_what_somebody_would_have_written() -> None:
    assert exported(live()) == {
        "apiVersion": "serving.knative.dev/v1",
        "kind": "Service",
        "metadata": {"name": "hello", "namespace": "default", "labels": {"faas.dev/project": "shop"}},
        "spec": {
            "template": {
                "metadata": {"annotations": {"autoscaling.knative.dev/min-scale": "1"}},
                "spec": {"containerConcurrency": 20, "containers": [{"image": IMAGE}]},
            }
        },
    }


def test_an_export_keeps_a_split_that_was_chosen() -> None:
    service = live()
    service["spec"]["traffic"] = [{"revisionName": "hello-00001", "percent": 100}]

    assert exported(service)["spec"]["traffic"] == [{"revisionName": "hello-00001", "percent": 100}]


def test_images_of_this_machine_are_named_as_not_portable() -> None:
    foreign = exported(live())
    foreign["spec"]["template"]["spec"]["containers"][0]["image"] = "registry.example/shop:1"

    assert unportable([exported(live()), foreign]) == [IMAGE]


def test_steps_keep_their_log_and_their_time_and_fail_with_their_block() -> None:
    ticks = iter([0.0, 1.5, 2.0, 5.0])
    heard: list[tuple[str, str, str]] = []

    def listen(step: Step, line: str) -> None:
        heard.append((step.name, step.state, line))

    steps = Steps(listen, lambda: next(ticks))
    with steps.step("resolve") as log:
        log("found it")

    def fail() -> None:
        with steps.step("apply"):
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()

    assert [(step.name, step.state, step.took_s, step.lines) for step in steps.done] == [
        ("resolve", "done", 1.5, ["found it"]),
        ("apply", "failed", 3.0, []),
    ]
    assert heard == [
        ("resolve", "running", ""),
        ("resolve", "running", "found it"),
        ("resolve", "done", ""),
        ("apply", "running", ""),
        ("apply", "failed", ""),
    ]
