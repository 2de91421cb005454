"""Instances and traffic in motion, under load, as kubectl and the Kubernetes client for Python see them."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from faas.resources.kinds import POD, ROUTE
from tests.integration.conftest import KUBECTL
from tests.integration.engine.clients import Clients
from tests.integration.engine.conftest import PATIENCE_S, eventually
from tests.integration.engine.terminal import Terminal
from tests.integration.engine.whole import Whole, running

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # the client's own, at import
    from kubernetes import client, config, informer

CODE = """
from faas import function

@function(min_scale=1)
async def versioned() -> str:
    return "VERSION"

@function(metric="rps", target=10, max_scale=3)
async def counted() -> str:
    return "counted"

@function(min_scale=1)
async def steady() -> str:
    return "steady"

@function(scale_to_zero_after="1s")
async def napper() -> str:
    return "here"
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("whole") / "shop"


@pytest.fixture(scope="module")
def whole(project: Path) -> Iterator[Whole]:
    with running(project.parent) as whole:
        whole.serve(project, CODE)
        yield whole


def names(whole: Whole, function: str) -> set[str]:
    found = whole.objects(POD, f"serving.knative.dev/service={function}")
    return {pod["metadata"]["name"] for pod in found if pod["status"]["phase"] == "Running"}


@contextmanager
def watching(whole: Whole, *arguments: str) -> Iterator[Terminal]:
    """What `kubectl ... -w` prints, as it prints it."""
    process = subprocess.Popen(
        [str(KUBECTL), "--kubeconfig", str(whole.state.kubeconfig), *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    terminal = Terminal(process)
    try:
        yield terminal
    finally:
        process.terminate()
        process.wait(PATIENCE_S)
        terminal._reader.join(PATIENCE_S)
        assert process.stdout is not None
        process.stdout.close()


def test_a_gradual_rollout_moves_traffic_step_by_step_and_fails_no_request(whole: Whole, tmp_path: Path) -> None:
    project = tmp_path / "rolling"
    project.mkdir()
    code = "from faas import function\n\n@function(min_scale=1)\nasync def rolling() -> str:\n    return 'VERSION'\n"
    (project / "main.py").write_text(code)
    whole.faas("deploy", project)
    before = asyncio.run(_version(whole))
    (project / "main.py").write_text(code.replace("VERSION", "second"))

    with Clients(whole.file.public_port, "rolling", count=4) as clients:
        clients.wait_for(20)
        whole.faas("deploy", project, "--rollout-duration", "3s")
        steps = asyncio.run(_percents(whole, "rolling-00002", before))
        clients.wait_for(50)

    assert steps == [1, 51, 100]
    assert set(clients.said) == {"200"}
    assert whole.get("rolling") == (200, b"second")


async def _version(whole: Whole) -> str:
    async with whole.client() as api:
        return (await api.list(ROUTE, "default")).resource_version


async def _percents(whole: Whole, revision: str, version: str) -> list[int]:
    """How much of the Route's traffic a revision had, one after the other, up to all of it."""
    found: list[int] = []
    async with asyncio.timeout(PATIENCE_S), whole.client() as api:
        async for event in api.watch(ROUTE, "default", resource_version=version):
            traffic = (event.object.get("status") or {}).get("traffic") or ()
            for target in traffic:
                if target.get("revisionName") == revision and target.get("percent", 0) not in (0, *found[-1:]):
                    found.append(target["percent"])
            if found and found[-1] == 100:
                break
    return found


def test_an_annotation_on_the_service_rolls_out_gradually_too(whole: Whole, project: Path) -> None:
    annotation = "serving.knative.dev/rollout-duration=2s"
    whole.kubectl("annotate", "ksvc", "versioned", annotation)
    before = asyncio.run(_version(whole))
    environment = [
        {"op": "add", "path": "/spec/template/spec/containers/0/env/-", "value": {"name": "A", "value": "1"}}
    ]

    whole.kubectl("patch", "ksvc", "versioned", "--type=json", "-p", json.dumps(environment))

    assert asyncio.run(_percents(whole, "versioned-00002", before)) == [1, 100]
    whole.kubectl("wait", "ksvc", "versioned", "--for=condition=Ready", "--timeout=30s")


def test_requests_per_second_are_a_metric_to_scale_by(whole: Whole) -> None:
    with Clients(whole.file.public_port, "counted", count=4) as clients:
        eventually(lambda: len(names(whole, "counted")) == 3, "far more than 10 a second for one instance")

    assert set(clients.said) == {"200"}


def test_kubectl_sees_instances_come_and_go(whole: Whole) -> None:
    eventually(lambda: not names(whole, "napper"), "it sleeps")
    selector = "serving.knative.dev/service=napper"
    with watching(whole, "get", "pods", "-w", "-l", selector) as kubectl:
        with watching(whole, "get", "pods", "-w", "-l", selector, "--output-watch-events") as events:
            with whole.http("napper") as requests:
                eventually(lambda: requests.get("/").text == "here", "it wakes")
            kubectl.wait_for(r"^napper-00001-deployment-\S+ +1/1 +Running")
            events.wait_for(r"^ADDED +napper-00001-deployment-")
            events.wait_for(r"^DELETED +napper-00001-deployment-")
        kubectl.wait_for(r"^napper-00001-deployment-\S+ +[01]/1 +Terminating")


def test_an_instance_that_is_deleted_is_replaced_without_a_failed_request(whole: Whole) -> None:
    eventually(lambda: len(names(whole, "steady")) == 1, "it runs")
    (old,) = names(whole, "steady")
    with Clients(whole.file.public_port, "steady", count=4) as clients:
        clients.wait_for(20)
        whole.kubectl("delete", "pod", old)
        eventually(lambda: names(whole, "steady") - {old} != set(), "another one takes its place")
        clients.wait_for(50)

    assert set(clients.said) == {"200"}
    assert old not in names(whole, "steady")


def test_what_happened_is_told_in_events(whole: Whole) -> None:
    def told() -> str:
        return whole.kubectl("get", "events", "-o", "jsonpath={range .items[*]}{.involvedObject.kind} {.reason};{end}")

    eventually(lambda: "Configuration Created;" in told() and "Service Created;" in told(), "creations are events")
    described = whole.kubectl("describe", "ksvc", "steady")
    assert re.search(r"Normal +Created .*Created Configuration", described)


def test_an_informer_of_the_kubernetes_client_follows_the_instances(whole: Whole) -> None:
    eventually(lambda: not names(whole, "napper"), "it sleeps")
    changed, seen = threading.Condition(), []

    def note(kind: str, pod: object) -> None:
        with changed:
            seen.append((kind, pod.metadata.labels["serving.knative.dev/service"]))  # type: ignore[attr-defined]
            changed.notify_all()

    with config.new_client_from_config(str(whole.state.kubeconfig)) as api:
        following = informer.SharedInformer(
            client.CoreV1Api(api).list_namespaced_pod, namespace="default",
            label_selector="serving.knative.dev/service in (napper, steady)",
        )  # fmt: skip
        for kind in ("ADDED", "DELETED"):
            following.add_event_handler(kind, lambda pod, kind=kind: note(kind, pod))
        following.start()
        try:
            with changed:
                assert changed.wait_for(lambda: ("ADDED", "steady") in seen, PATIENCE_S)
            assert whole.get("napper") == (200, b"here")
            with changed:
                assert changed.wait_for(lambda: ("DELETED", "napper") in seen, PATIENCE_S), seen
        finally:
            following.stop()
    assert ("ADDED", "napper") in seen
    assert [pod.metadata.labels["serving.knative.dev/service"] for pod in following.cache.list()] == ["steady"]
