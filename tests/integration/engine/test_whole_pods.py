"""A Pod of several containers as kubectl makes and sees it, on a real engine and a real Docker engine."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.containers_world import MadeImage, RunningRegistry, busybox, docker, registry
from tests.integration.engine.conftest import eventually
from tests.integration.engine.whole import Whole, running

__all__ = ["busybox", "docker", "registry"]


@pytest.fixture(scope="module")
def whole(docker: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Whole]:
    with running(tmp_path_factory.mktemp("whole")) as whole:
        yield whole


@pytest.fixture(scope="module")
def image(busybox: MadeImage, registry: RunningRegistry) -> str:
    return busybox.push(registry, "pods").partition("@")[0]


def shell(image: str, script: str, **fields: Any) -> dict[str, Any]:
    mounts = [{"name": "shared", "mountPath": "/shared"}]
    return {"image": image, "command": ["/bin/sh", "-c"], "args": [script], "volumeMounts": mounts, **fields}


def apply(whole: Whole, folder: Path, *documents: dict[str, Any]) -> None:
    path = folder / "documents.yaml"
    path.write_text(yaml.safe_dump_all(documents))
    whole.kubectl("apply", "-f", str(path))


def test_a_sidecar_feeds_the_server_and_kubectl_sees_both(whole: Whole, image: str, tmp_path: Path) -> None:
    server = shell(image, "echo serving; exec httpd -f -p $PORT -h /shared", ports=[{"containerPort": 9000}])
    side = shell(image, "echo $(GREETING) > /shared/index.html; echo feeding; exec sleep 1000", name="feeder")
    side["env"] = [{"name": "NAME", "value": "you"}, {"name": "GREETING", "value": "hello $(NAME)"}]
    spec = {"containers": [side, server], "volumes": [{"name": "shared", "emptyDir": {}}]}
    metadata = {"annotations": {"autoscaling.knative.dev/min-scale": "1"}}
    service = {
        "apiVersion": "serving.knative.dev/v1",
        "kind": "Service",
        "metadata": {"name": "fed"},
        "spec": {"template": {"metadata": metadata, "spec": spec}},
    }
    apply(whole, tmp_path, service)
    whole.kubectl("wait", "--for=condition=Ready", "ksvc/fed", "--timeout=60s")
    assert whole.get("fed") == (200, b"hello you\n")
    (pod,) = json.loads(whole.kubectl("get", "pods", "-l", "serving.knative.dev/service=fed", "-o", "json"))["items"]
    name = pod["metadata"]["name"]
    assert {container["name"] for container in pod["spec"]["containers"]} == {"user-container-0", "feeder"}
    eventually(lambda: "2/2" in whole.kubectl("get", "pod", name), "both are ready")
    assert whole.kubectl("logs", name).strip().endswith("serving")
    assert whole.kubectl("logs", name, "-c", "feeder").strip() == "feeding"
    revision = json.loads(whole.kubectl("get", "revision", "fed-00001", "-o", "json"))
    statuses = revision["status"]["containerStatuses"]
    assert {status["name"] for status in statuses} == {"user-container-0", "feeder"}
    assert all("@sha256:" in status["imageDigest"] for status in statuses)
    whole.kubectl("delete", "ksvc", "fed")


def test_a_secret_is_mounted_where_an_image_expects_it(whole: Whole, image: str, tmp_path: Path) -> None:
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "page"},
        "stringData": {"index.html": "secret\n", "other": "x"},
    }
    volume = {
        "name": "shared",
        "secret": {"secretName": "page", "items": [{"key": "index.html", "path": "index.html"}]},
    }
    container = shell(image, "ls /shared; exec httpd -f -p $PORT -h /shared")
    service = {
        "apiVersion": "serving.knative.dev/v1",
        "kind": "Service",
        "metadata": {"name": "mounted"},
        "spec": {"template": {"spec": {"containers": [container], "volumes": [volume]}}},
    }
    apply(whole, tmp_path, secret, service)
    whole.kubectl("wait", "--for=condition=Ready", "ksvc/mounted", "--timeout=60s")
    assert whole.get("mounted") == (200, b"secret\n")
    whole.kubectl("delete", "ksvc", "mounted")
