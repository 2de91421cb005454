"""What a Pod shows of an instance."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from faas.engine.contract.revision import ContainerPlan, EnvVar, RevisionKey, RevisionPlan, SecretRef, VolumeMount
from faas.engine.instances.driver import ExitStatus
from faas.engine.instances.pods import ContainerView, PodView, make_pod
from tests.virtual_clock import EPOCH

SERVER = ContainerPlan(
    "go/hello:v1",
    command=("/hello",),
    args=("--fast",),
    working_dir="/srv",
    env=(EnvVar("A", "1"), EnvVar("B", SecretRef("Secret", "s", "k")), EnvVar("P_", SecretRef("ConfigMap", "c", None))),
    port=9000,
    volumes=(VolumeMount("/v", (), volume="v", read_only=False, sub_path="logs"),),
    memory_limit_bytes=1024,
    cpu_request_millis=100,
)
SIDE = ContainerPlan("side", "side", port=0, readiness=None)
PLAN = RevisionPlan(
    RevisionKey("default", "hello-00001"), "uid", "hello", "hello", SERVER, (SIDE,), ("registry",), timeout_s=60.0
)
RUNNING = ContainerView(SERVER, ready=True, running_since=EPOCH, digest="sha256:1")


def pod(*containers: ContainerView, plan: RevisionPlan = PLAN, **fields: Any) -> Any:
    return make_pod(PodView(plan, "hello-00001-deployment-x-y", EPOCH, containers, **fields))


def test_every_container_is_there_as_the_revision_has_it() -> None:
    spec = pod(RUNNING, ContainerView(SIDE, ready=True))["spec"]
    assert spec["containers"] == [
        {
            "name": "user-container",
            "image": "go/hello:v1",
            "imagePullPolicy": "IfNotPresent",
            "command": ["/hello"],
            "args": ["--fast"],
            "workingDir": "/srv",
            "ports": [{"name": "user-port", "containerPort": 9000, "protocol": "TCP"}],
            "env": [
                {"name": "A", "value": "1"},
                {"name": "B", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}},
            ],
            "resources": {"limits": {"memory": "1024"}, "requests": {"cpu": "100m"}},
            "volumeMounts": [{"name": "v", "mountPath": "/v", "subPath": "logs"}],
        },
        {"name": "side", "image": "side", "imagePullPolicy": "IfNotPresent", "env": [], "resources": {}},
    ]
    assert spec["volumes"] == [{"name": "v", "emptyDir": {}}]
    assert spec["imagePullSecrets"] == [{"name": "registry"}]
    assert spec["terminationGracePeriodSeconds"] == 60


def test_it_is_ready_when_all_are_and_kubectl_shows_the_servers_log() -> None:
    made = pod(RUNNING, ContainerView(SIDE, ready=False, running_since=EPOCH), address="tcp:172.17.0.2:9000")
    ready = {condition["type"]: condition["status"] for condition in made["status"]["conditions"]}
    assert (ready["Ready"], ready["ContainersReady"]) == ("False", "False")
    assert made["metadata"]["annotations"] == {"kubectl.kubernetes.io/default-container": "user-container"}
    assert (made["status"]["phase"], made["status"]["podIP"]) == ("Running", "172.17.0.2")
    assert pod(RUNNING, address="unix:/x")["status"]["podIP"] == "127.0.0.1"


@pytest.mark.parametrize(
    ("view", "state"),
    [
        pytest.param(RUNNING, {"running": {"startedAt": "2026-01-01T00:00:00Z"}}, id="running"),
        pytest.param(ContainerView(SERVER, False), {"waiting": {"reason": "ContainerCreating"}}, id="creating"),
        pytest.param(
            ContainerView(SERVER, False, backoff_s=20.0),
            {
                "waiting": {
                    "reason": "CrashLoopBackOff",
                    "message": "back-off 20s restarting failed container=user-container",
                }
            },
            id="backoff",
        ),
        pytest.param(
            ContainerView(SERVER, False, waiting=("CreateContainerConfigError", 'secret "s" not found')),
            {"waiting": {"reason": "CreateContainerConfigError", "message": 'secret "s" not found'}},
            id="cannot be created",
        ),
    ],
)
def test_a_containers_state_is_said_in_kubelets_words(view: ContainerView, state: dict[str, Any]) -> None:
    assert pod(view)["status"]["containerStatuses"][0]["state"] == state


@pytest.mark.parametrize(
    ("status", "reason", "code"),
    [
        pytest.param(ExitStatus(0), "Completed", 0, id="done"),
        pytest.param(ExitStatus(5), "Error", 5, id="error"),
        pytest.param(ExitStatus(137, 9, oom_killed=True), "OOMKilled", 137, id="memory"),
        pytest.param(ExitStatus(128, start_error="no such file"), "StartError", 128, id="never ran"),
        pytest.param(ExitStatus(None), "Error", 255, id="nobody knows"),
    ],
)
def test_the_last_end_has_its_reason(status: ExitStatus, reason: str, code: int) -> None:
    view = replace(RUNNING, last=status, last_message="why", last_finished=EPOCH, restarts=3)
    shown = pod(view)["status"]["containerStatuses"][0]
    assert shown["restartCount"] == 3
    ended = shown["lastState"]["terminated"]
    assert (ended["reason"], ended["exitCode"], ended["message"]) == (reason, code, "why")


@pytest.mark.parametrize(
    ("resources", "quality"),
    [
        pytest.param({}, "BestEffort", id="none"),
        pytest.param({"cpu_request_millis": 1}, "Burstable", id="a request"),
        pytest.param({"cpu_limit_millis": 1, "memory_limit_bytes": 1}, "Guaranteed", id="limits"),
        pytest.param(
            {"cpu_limit_millis": 2, "memory_limit_bytes": 1, "cpu_request_millis": 1},
            "Burstable",
            id="below limits",
        ),
    ],
)
def test_its_quality_of_service_follows_from_its_resources(resources: dict[str, int], quality: str) -> None:
    plan = replace(PLAN, container=ContainerPlan("i", **resources), sidecars=())  # type: ignore[arg-type]
    assert pod(ContainerView(plan.container, True), plan=plan)["status"]["qosClass"] == quality
