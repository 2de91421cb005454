"""From a Revision to its plan, and from what its instances do to its conditions."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from msgspec.structs import replace

from faas.engine.contract.revision import (
    ContainerPlan,
    EnvVar,
    FleetStatus,
    InstanceFailure,
    ProbePlan,
    RevisionKey,
    ScaleDecision,
    SecretRef,
    SecurityPlan,
    VolumeMount,
)
from faas.engine.controllers.revision.plan import make_plan, make_policy
from faas.engine.controllers.revision.status import observed_status, was_initialized
from faas.resources.conditions import find
from faas.resources.config import Config
from faas.resources.podspec import Container
from faas.resources.serving import Revision
from faas.resources.views import decode

NOW = datetime(2026, 1, 1, tzinfo=UTC)
QUEUED = ScaleDecision(1, "Unknown", "Queued", "Requests are being buffered.")
ACTIVE = ScaleDecision(1, "True", initialized=True)
IDLE = ScaleDecision(0, "False", "NoTraffic", "The target is not receiving traffic.", initialized=True)
RESTARTING = ScaleDecision(1, "Unknown", "Queued", "Requests are being buffered.", initialized=True)
GAVE_UP = ScaleDecision(0, "False", "TimedOut", "The target could not be activated.", gave_up=True)
UNKNOWN = ScaleDecision(-1, initialized=True)
CRASH = FleetStatus(failure=InstanceFailure("ExitCode1", "Container failed with: boom"))


def revision(container: dict[str, Any] | None = None, **spec: Any) -> Revision:
    raw = {
        "metadata": {
            "name": "hello-00001",
            "namespace": "default",
            "uid": "1",
            "generation": 1,
            "labels": {"serving.knative.dev/service": "hello", "serving.knative.dev/configuration": "hello"},
        },
        "spec": {"containers": [{"image": "app", "name": "user-container", **(container or {})}], **spec},
    }
    return decode(Revision, raw)


def labelled(state: str, **annotations: str) -> Revision:
    plain = revision()
    labels = {**plain.metadata.labels, "serving.knative.dev/routingState": state}
    return replace(plain, metadata=replace(plain.metadata, labels=labels, annotations=annotations))


def after(*observations: tuple[ScaleDecision | None, FleetStatus | None]) -> dict[str, tuple[str, str, str]]:
    """Conditions after these observations, one after the other: type -> status, reason, message."""
    current = revision()
    for decision, fleet in observations:
        current = replace(current, status=observed_status(current, decision, fleet, NOW))
    return {entry.type: (entry.status, entry.reason, entry.message) for entry in current.status.conditions}


def test_a_new_revision_is_deploying() -> None:
    deploying = ("Unknown", "Deploying", "")
    assert after((None, None)) == {
        "Active": deploying,
        "ContainerHealthy": deploying,
        "Ready": deploying,
        "ResourcesAvailable": deploying,
    }


def test_it_is_ready_when_its_initial_scale_is_reached() -> None:
    assert after((QUEUED, FleetStatus(starting=1)), (ACTIVE, FleetStatus(ready=1))) == {
        "Active": ("True", "", ""),
        "ContainerHealthy": ("True", "", ""),
        "Ready": ("True", "", ""),
        "ResourcesAvailable": ("True", "", ""),
    }


def test_it_stays_ready_at_zero() -> None:
    conditions = after((ACTIVE, FleetStatus(ready=1)), (IDLE, FleetStatus()))
    assert conditions["Ready"] == ("True", "", "")
    assert conditions["Active"] == ("False", "NoTraffic", "The target is not receiving traffic.")


def test_a_crash_shows_with_the_last_words_and_stays_until_it_runs() -> None:
    words = ("False", "ExitCode1", "Container failed with: boom")
    crashed = (QUEUED, CRASH)
    assert after(crashed)["ContainerHealthy"] == words
    assert after(crashed)["Ready"] == words
    assert after(crashed, (QUEUED, FleetStatus(starting=1)))["Ready"] == words
    assert after(crashed, (ACTIVE, FleetStatus(ready=1)))["Ready"] == ("True", "", "")


def test_one_crashing_instance_among_running_ones_is_no_failure_of_the_revision() -> None:
    fleet = FleetStatus(ready=2, failure=CRASH.failure)
    assert after((ACTIVE, fleet))["Ready"] == ("True", "", "")


def test_giving_up_says_so_and_a_later_attempt_does_not_hide_it() -> None:
    failed = ("False", "ProgressDeadlineExceeded", "Initial scale was never achieved")
    assert after((QUEUED, FleetStatus()), (GAVE_UP, FleetStatus()))["ResourcesAvailable"] == failed
    assert after((GAVE_UP, FleetStatus()), (QUEUED, FleetStatus(starting=1)))["ResourcesAvailable"] == failed
    assert after((GAVE_UP, FleetStatus()), (ACTIVE, FleetStatus(ready=1)))["Ready"] == ("True", "", "")


def test_giving_up_says_what_was_missing_also_when_nothing_is_there_any_more() -> None:
    fleet = FleetStatus(starting=1, unready="Readiness probe failed: Connection refused")
    words = "Initial scale was never achieved: Readiness probe failed: Connection refused"
    failed = ("False", "ProgressDeadlineExceeded", words)
    assert after((QUEUED, fleet), (GAVE_UP, fleet))["ResourcesAvailable"] == failed
    assert after((GAVE_UP, fleet), (GAVE_UP, FleetStatus()))["ResourcesAvailable"] == failed


@pytest.mark.parametrize("before", [(ACTIVE, FleetStatus(ready=1)), (IDLE, FleetStatus()), (GAVE_UP, CRASH)])
def test_a_restarted_engine_that_knows_nothing_yet_changes_nothing(
    before: tuple[ScaleDecision, FleetStatus],
) -> None:
    known = UNKNOWN if before[0].initialized else None
    assert after(before, (known, None)) == after(before)


def test_notes_are_informative_conditions_that_come_and_go() -> None:
    noted = FleetStatus(ready=1, notes=(("PlainStart", "grpc keeps threads"),))
    assert after((ACTIVE, noted))["PlainStart"] == ("True", "PlainStart", "grpc keeps threads")
    assert after((ACTIVE, noted))["Ready"] == ("True", "", "")
    assert "PlainStart" not in after((ACTIVE, noted), (ACTIVE, FleetStatus(ready=1)))


def test_replica_counts_and_the_digest_are_told() -> None:
    status = observed_status(revision(), ACTIVE, FleetStatus(ready=3, image_digests=("sha256:abc",)), NOW)
    assert (status.actual_replicas, status.desired_replicas) == (3, 1)
    assert status.container_statuses[0].image_digest == "sha256:abc"
    assert observed_status(revision(), UNKNOWN, None, NOW).desired_replicas is None


def test_having_been_up_once_is_remembered() -> None:
    current = revision()
    assert not was_initialized(current)
    current = replace(current, status=observed_status(current, ACTIVE, FleetStatus(ready=1), NOW))
    current = replace(current, status=observed_status(current, RESTARTING, CRASH, NOW))
    assert was_initialized(current)
    condition = find(current.status.conditions, "Ready")
    assert condition is not None
    assert condition.status == "False"


def test_a_plan_has_what_the_spec_says() -> None:
    plan = make_plan(
        revision(
            {
                "command": ["python"],
                "args": ["-m", "app"],
                "workingDir": "/app",
                "ports": [{"name": "h2c", "containerPort": 9000}],
                "env": [
                    {"name": "A", "value": "1"},
                    {"name": "B", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}},
                    {"name": "C", "valueFrom": {"configMapKeyRef": {"name": "c", "key": "k", "optional": True}}},
                ],
                "envFrom": [{"prefix": "P_", "configMapRef": {"name": "all"}}],
                "volumeMounts": [{"name": "v", "mountPath": "/v"}, {"name": "e", "mountPath": "/e"}],
                "readinessProbe": {"httpGet": {"path": "/ready"}, "periodSeconds": 5, "timeoutSeconds": 2},
                "livenessProbe": {"exec": {"command": ["true"]}},
                "resources": {"limits": {"cpu": "500m", "memory": "128Mi"}},
            },
            containerConcurrency=5,
            timeoutSeconds=60,
            idleTimeoutSeconds=7,
            volumes=[
                {"name": "v", "secret": {"secretName": "s", "items": [{"key": "k", "path": "f"}]}},
                {"name": "e", "emptyDir": {}},
            ],
        ),
        Config(),
        initialized=False,
    )
    assert (plan.key, plan.service, plan.container.image) == (RevisionKey("default", "hello-00001"), "hello", "app")
    assert (plan.container.command, plan.container.args, plan.container.working_dir) == (
        ("python",),
        ("-m", "app"),
        "/app",
    )
    assert plan.container.env == (
        EnvVar("P_", SecretRef("ConfigMap", "all", None)),
        EnvVar("A", "1"),
        EnvVar("B", SecretRef("Secret", "s", "k")),
        EnvVar("C", SecretRef("ConfigMap", "c", "k", optional=True)),
    )
    assert plan.container.volumes == (
        VolumeMount("/v", (SecretRef("Secret", "s", None),), (("k", "f"),), volume="v"),
        VolumeMount("/e", (), volume="e", read_only=False),
    )
    assert plan.container.readiness == ProbePlan("http", path="/ready", period_s=5, timeout_s=2)
    assert plan.container.liveness == ProbePlan("exec", command=("true",))
    assert (plan.container.cpu_limit_millis, plan.container.memory_limit_bytes) == (500, 128 * 1024 * 1024)
    assert (plan.timeout_s, plan.response_start_timeout_s, plan.idle_timeout_s) == (60, 60, 7)
    assert (plan.scaling.total, plan.scaling.target) == (5, 3.5)
    policy = make_policy(plan)
    assert (policy.revision, policy.container_concurrency, policy.protocol) == ("default/hello-00001", 5, "h2c")


def test_each_part_of_a_projected_volume_keeps_its_own_choice_of_keys() -> None:
    sources = [
        {"secret": {"name": "s", "items": [{"key": "k", "path": "f"}]}},
        {"configMap": {"name": "c", "optional": True}},
    ]
    projected = revision(
        {"volumeMounts": [{"name": "v", "mountPath": "/v"}]},
        volumes=[{"name": "v", "projected": {"sources": sources}}],
    )
    assert make_plan(projected, Config(), initialized=False).container.volumes == (
        VolumeMount("/v", (SecretRef("Secret", "s", None),), (("k", "f"),), volume="v"),
        VolumeMount("/v", (SecretRef("ConfigMap", "c", None, optional=True),), volume="v"),
    )


@pytest.mark.parametrize(
    ("state", "reachability", "warm"),
    [("active", "Reachable", True), ("reserve", "Unreachable", False), ("pending", "Unknown", True)],
)
def test_routing_decides_reachability_and_warmth(state: str, reachability: str, warm: bool) -> None:
    plan = make_plan(labelled(state), Config(), initialized=True)
    assert (plan.reachability, plan.warm, plan.initialized) == (reachability, warm, True)


def test_annotations_reach_the_plan() -> None:
    annotations = {
        "autoscaling.knative.dev/minScale": "2",
        "autoscaling.knative.dev/metric": "rps",
        "faas.dev/scale-to-zero-after": "10s",
        "faas.dev/snapshot": "false",
    }
    plan = make_plan(labelled("active", **annotations), Config(), initialized=False)
    assert (plan.scaling.min_scale, plan.scaling.metric, plan.scaling.target) == (2, "rps", 140)
    assert (plan.scaling.scale_to_zero_after_s, plan.snapshot) == (10, False)


def test_every_container_is_planned_and_keeps_the_image_that_it_was_found_to_be() -> None:
    made = revision(
        {"ports": [{"containerPort": 9000}], "resources": {"requests": {"cpu": "1", "memory": "1Gi"}}},
        imagePullSecrets=[{"name": "registry"}],
        volumes=[{"name": "e", "emptyDir": {"medium": "Memory", "sizeLimit": "1Mi"}}],
    )
    probe = {"httpGet": {"port": 7000, "scheme": "HTTPS", "path": "/up"}}
    context = {"runAsUser": 7, "runAsNonRoot": True, "capabilities": {"drop": ["ALL"]}}
    side = decode(
        Container,
        {
            "name": "side",
            "image": "logger",
            "imagePullPolicy": "Always",
            "startupProbe": probe,
            "securityContext": context,
            "volumeMounts": [{"name": "e", "mountPath": "/e", "subPath": "logs"}],
        },
    )
    spec = replace(made.spec, containers=(side, *made.spec.containers))
    plan = make_plan(replace(made, spec=spec), Config(), initialized=False)
    assert (plan.container.image, plan.container.port, plan.pull_secrets) == ("app", 9000, ("registry",))
    assert (plan.container.cpu_request_millis, plan.container.memory_request_bytes) == (1000, 1024**3)
    (logger,) = plan.sidecars
    assert logger == ContainerPlan(
        "logger",
        "side",
        port=0,
        readiness=None,
        startup=ProbePlan("http", 7000, "HTTPS", "/up"),
        volumes=(
            VolumeMount(
                "/e", (), volume="e", read_only=False, sub_path="logs", in_memory=True, size_limit_bytes=1024**2
            ),
        ),
        pull_policy="Always",
        security=SecurityPlan(user=7, non_root=True, drop_capabilities=("ALL",)),
    )
    digests = FleetStatus(ready=1, image_digests=("app@sha256:1", "logger@sha256:2"))
    status = observed_status(replace(made, spec=spec), ACTIVE, digests, NOW)
    assert {found.name: found.image_digest for found in status.container_statuses} == {
        plan.container.name: "app@sha256:1",
        "side": "logger@sha256:2",
    }
    again = make_plan(replace(made, spec=spec, status=status), Config(), initialized=False)
    assert [container.resolved for container in again.containers] == ["app@sha256:1", "logger@sha256:2"]


def test_an_image_of_this_machine_alone_is_what_its_tag_means() -> None:
    made = revision({"image": "dev.local/app:v1"})
    status = observed_status(made, ACTIVE, FleetStatus(ready=1, image_digests=("dev.local/app@sha256:1",)), NOW)
    assert make_plan(replace(made, status=status), Config(), initialized=False).container.resolved == ""
