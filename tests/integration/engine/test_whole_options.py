"""Options do what they say: from the decorator, over Knative's fields, to what a client and kubectl see."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from faas.resources.kinds import POD, SERVICE
from tests.integration.engine.conftest import eventually
from tests.integration.engine.whole import Whole, host, running

CODE = """
import asyncio
import os
import threading
import time

from faas import Context, function

@function(env={"GREETING": "hello"}, secrets=["db"], config=["limits"], labels={"team": "blue"}, cpu="100m",
          memory="256Mi")
def settings(ctx: Context) -> dict:
    return {"greeting": os.environ.get("GREETING"), "extra": os.environ.get("EXTRA"),
            "password": ctx.secrets["db"]["password"], "max": ctx.config["limits"]["max"],
            "path": os.environ["K_SERVICE"], "pid": os.getpid()}

running = 0
most = 0

@function(concurrency=1, max_scale=1)
def single() -> int:
    global running, most
    running += 1
    most = max(most, running)
    time.sleep(0.01)
    running -= 1
    return most

@function(timeout=1)
async def slow(s: float = 60) -> str:
    await asyncio.sleep(s)
    return "done"

@function(min_scale=2, max_scale=3, concurrency=1, target=1)
async def several(s: float = 0.0) -> int:
    await asyncio.sleep(s)
    return os.getpid()

@function(initial_scale=0, scale_to_zero_after="1s")
def sleeper() -> str:
    return "awake"

@function.http("/a", service="shared")
def first() -> int:
    return os.getpid()

@function.http("/b/{name}", service="shared")
def second(name: str) -> dict:
    return {"name": name, "pid": os.getpid()}

@function(visibility="cluster-local")
def inner(body: bytes) -> bytes:
    return body[::-1]

@function
async def outer(ctx: Context) -> bytes:
    return await ctx.call("inner", b"abc", into=bytes)
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("whole") / "shop"


@pytest.fixture(scope="module")
def whole(project: Path) -> Iterator[Whole]:
    with running(project.parent) as whole:
        whole.kubectl("create", "secret", "generic", "db", "--from-literal=password=s3cret")
        whole.kubectl("create", "configmap", "limits", "--from-literal=max=7")
        patch_config(whole, "config-autoscaler", '{"allow-zero-initial-scale": "true"}')
        whole.serve(project, CODE)
        yield whole


def patch_config(whole: Whole, name: str, data: str) -> None:
    whole.kubectl("patch", "configmap", name, "-n", "knative-serving", "--type=merge", "-p", f'{{"data": {data}}}')


def pods(whole: Whole, name: str) -> list[dict[str, Any]]:
    found = whole.objects(POD, f"serving.knative.dev/service={name}")
    return [pod for pod in found if "deletionTimestamp" not in pod["metadata"]]


def ready(whole: Whole, name: str) -> int:
    return sum(
        condition["status"] == "True"
        for pod in pods(whole, name)
        for condition in pod["status"].get("conditions", ())
        if condition["type"] == "Ready"
    )


def test_variables_secrets_and_configs_reach_the_handler(whole: Whole) -> None:
    with whole.http("settings") as client:
        said = client.get("/").json()

    assert said | {"pid": 0} == {
        "greeting": "hello", "extra": None, "password": "s3cret", "max": "7", "path": "settings", "pid": 0,
    }  # fmt: skip


def test_labels_and_resources_are_on_the_objects(whole: Whole) -> None:
    (service,) = whole.objects(SERVICE, "team=blue")
    (pod,) = whole.objects(POD, "team=blue")

    assert service["metadata"]["name"] == "settings"
    template = service["spec"]["template"]["spec"]
    assert template["containerConcurrency"] == 20
    amounts = {"cpu": "100m", "memory": "256Mi"}
    assert template["containers"][0]["resources"] == {"requests": amounts, "limits": amounts}
    assert pod["metadata"]["labels"]["serving.knative.dev/service"] == "settings"
    shown = {"cpu": "100m", "memory": "268435456"}
    assert pod["spec"]["containers"][0]["resources"] == {"requests": shown, "limits": shown}


def test_a_concurrency_of_one_lets_one_in_at_a_time(whole: Whole) -> None:
    def ask(_: int) -> int:
        return int(whole.get("single")[1])

    with ThreadPoolExecutor(16) as clients:
        assert set(clients.map(ask, range(48))) == {1}
    assert len(pods(whole, "single")) == 1


def test_a_handler_that_takes_too_long_is_504(whole: Whole) -> None:
    with whole.http("slow") as client:
        late = client.get("/")
        assert (late.status_code, late.headers["content-type"]) == (504, "application/problem+json")
        assert client.get("/?s=0").text == "done"


def test_instances_stay_between_the_bounds(whole: Whole) -> None:
    eventually(lambda: ready(whole, "several") == 2, "the least are there without a request")

    seen: set[int] = set()
    counts: set[int] = set()
    stop = threading.Event()

    def ask() -> None:
        with whole.http("several") as client:
            while not stop.is_set():
                seen.add(int(client.get("/?s=0.02").text))

    threads = [threading.Thread(target=ask) for _ in range(12)]
    for thread in threads:
        thread.start()
    try:
        eventually(lambda: counts.add(len(pods(whole, "several"))) or 3 in counts, "it scales to the most")
        eventually(lambda: len(seen) == 3, "all three take requests")
        counts.add(len(pods(whole, "several")))
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert max(counts) == 3


def test_one_that_starts_at_zero_wakes_and_sleeps_again(whole: Whole) -> None:
    eventually(lambda: not pods(whole, "sleeper"), "nothing runs")
    with whole.http("sleeper") as client:
        asked = time.monotonic()
        assert client.get("/").text == "awake"
        assert len(pods(whole, "sleeper")) == 1
        eventually(lambda: not pods(whole, "sleeper"), "it sleeps again")
        assert time.monotonic() - asked >= 1.0
        assert client.get("/").text == "awake"

    labels = 'namespace="default",service="sleeper",revision="sleeper-00001"'
    assert f"faas_gateway_cold_start_seconds_count{{{labels}}} 2" in whole.metrics().splitlines()


def test_functions_of_one_service_share_instance_and_host(whole: Whole) -> None:
    with whole.http("shared") as client:
        assert client.get("/b/x").json() == {"name": "x", "pid": int(client.get("/a").text)}
        assert client.get("/").status_code == 404


def test_a_cluster_local_function_is_there_for_functions_only(whole: Whole) -> None:
    with whole.http("outer") as client:
        assert client.get("/").content == b"cba"
    for name in ("inner.default.localhost", "inner.default.svc.cluster.local", "inner.default"):
        assert whole.visit("/", name).status_code == 404
    assert whole.faas("invoke", "inner", "-d", "xyz") == "zyx"


def test_the_path_form_is_for_clients_that_cannot_resolve_names(whole: Whole) -> None:
    assert whole.visit("/_/default/shared/b/x").json()["name"] == "x"
    assert whole.visit("/_/default/inner/").status_code == 404
    assert whole.visit("/_/default/none/").status_code == 404
    rebound = whole.visit("/_/default/shared/b/x", "evil.example")
    assert rebound.status_code == 404


def test_variables_are_set_and_removed_by_the_command_line_and_a_tag_is_a_host(whole: Whole, tmp_path: Path) -> None:
    project = tmp_path / "cli"
    project.mkdir()
    (project / "main.py").write_text(
        "import os\nfrom faas import function\n\n"
        "@function(env={'A': 'decorator', 'B': 'decorator'})\n"
        "def said() -> str:\n    return ' '.join(os.environ.get(name, '-') for name in 'ABC')\n"
    )
    whole.faas("deploy", project, "-e", "A=flag", "-e", "B-", "-e", "C=a=b", "--tag", "changed")

    for answer in (
        whole.visit("/", host("said")),
        whole.visit("/", host("changed-said")),
        whole.visit("/_/default/changed-said/"),
    ):
        assert answer.text == "flag - a=b"
    assert whole.visit("/", host("none-said")).status_code == 404
