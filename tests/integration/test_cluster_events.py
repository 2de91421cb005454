"""`faas events tail` and `send` on a cluster: through Knative's objects and the API server, and nothing else."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from faas.client.protocol import Object
from faas.deploy.programs.collecting import DEADLINE, make_collector
from faas.resources.kinds import BROKER, PING_SOURCE, SERVICE, TRIGGER, Kind
from tests.cluster.faults import refuse
from tests.cluster.rights import Right
from tests.cluster_world import TEAM, ClusterWorld
from tests.faas_command import FaasCommand
from tests.programs import DEADLINE_S
from tests.serving import serving

COLLECTOR = '''
import json, os, sys
from datetime import datetime, timezone
from faas import function

async def collect(scope, receive, send):
    """What `faas.inbox collect` does, as a function: the engine runs no command in a process of its own."""
    if scope["type"] != "http":
        return
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            break
    attributes = {name[3:].decode(): value.decode() for name, value in scope["headers"] if name.startswith(b"ce-")}
    if "id" in attributes:
        moment = datetime.now(timezone.utc).isoformat()
        event = {**attributes, "data": json.loads(body or b"null")}
        print(json.dumps({"storedTime": moment, "event": event}), flush=True)
    await send({"type": "http.response.start", "status": 202, "headers": []})
    await send({"type": "http.response.body", "body": b""})

function.app(collect)
'''

# The engine starts no command in a process, so the image's own program is the collector.
FAAS = """
import sys
from faas.deploy.programs import collecting
make = collecting.make_collector
def made(*args):
    service = make(*args)
    container = service["spec"]["template"]["spec"]["containers"][0]
    del container["command"], container["securityContext"]
    container["env"].append({"name": "FAAS_FUNCTION", "value": "main:app"})
    return service
collecting.make_collector = made
from faas.cli.main import main
sys.exit(main())
"""


@pytest.fixture(scope="module")
def image(cluster_engine: ClusterWorld, tmp_path_factory: pytest.TempPathFactory) -> str:
    project = tmp_path_factory.mktemp("collector")
    (project / "main.py").write_text(COLLECTOR)
    faas = FaasCommand(cluster_engine.folder / "engine")
    return str(json.loads(faas("build", project, "--base", "host", "-o", "json"))["reference"])


@pytest.fixture(autouse=True)
def _broker(cluster_engine: ClusterWorld) -> None:
    asyncio.run(_make(cluster_engine, BROKER, "default", {}))


async def _make(world: ClusterWorld, kind: Kind, name: str, spec: Object) -> None:
    obj = {
        "apiVersion": kind.api_version,
        "kind": kind.kind,
        "metadata": {"name": name, "namespace": TEAM},
        "spec": spec,
    }
    async with world.direct() as client:
        await client.patch(kind, name, obj, TEAM, type="apply")


def names(world: ClusterWorld, kind: Kind) -> list[str]:
    async def listed() -> list[str]:
        async with world.direct() as client:
            return [item["metadata"]["name"] for item in (await client.list(kind, TEAM)).items]

    return asyncio.run(listed())


class Tail:
    """`faas events tail` as somebody runs it; its lines as they come."""

    def __init__(self, world: ClusterWorld, image: str, *arguments: str, user: str = "alice") -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", FAAS, "events", "tail", "--image", image, "-o", "json", *arguments],
            env={**os.environ, **world.environment(user)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def wait_until_it_watches(self) -> None:
        assert self.process.stderr is not None
        said = []
        for line in self.process.stderr:
            said.append(line)
            if "events of Broker" in line:
                return
        raise AssertionError("".join(said))

    def event(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        return dict(json.loads(self.process.stdout.readline()))

    def end(self, signum: int) -> int:
        self.process.send_signal(signum)
        return self.wait()

    def wait(self) -> int:
        try:
            return self.process.wait(DEADLINE_S)
        finally:
            for stream in (self.process.stdout, self.process.stderr):
                assert stream is not None
                stream.close()


@contextmanager
def tailing(world: ClusterWorld, image: str, *arguments: str) -> Iterator[Tail]:
    tail = Tail(world, image, *arguments)
    watchdog = threading.Timer(90, tail.process.kill)
    watchdog.start()
    try:
        tail.wait_until_it_watches()
        yield tail
    finally:
        watchdog.cancel()
        tail.process.kill()
        tail.wait()


def send(world: ClusterWorld, *arguments: str) -> None:
    FaasCommand(world.folder / "engine")("events", "send", *arguments, "-n", TEAM)


def test_events_are_shown_as_they_come_and_all_is_removed_at_the_end(cluster: ClusterWorld, image: str) -> None:
    with tailing(cluster, image) as tail:
        made = [name for name in names(cluster, TRIGGER) if name.startswith("faas-tail-")]
        assert [name for name in names(cluster, SERVICE) if name in made] == made
        send(cluster, "order", "--data", '{"id": 7}', "--id", "e-1")
        event = tail.event()
        assert (event["id"], event["type"], event["data"]) == ("e-1", "order", {"id": 7})
        tail.end(signal.SIGINT)

    assert names(cluster, TRIGGER) == names(cluster, SERVICE) == []
    assert not any(seen.path.startswith("/faas/") for seen in cluster.requests())


def test_what_passes_is_chosen_by_the_trigger(cluster: ClusterWorld, image: str) -> None:
    with tailing(cluster, image, "--type", "com.*", "--sql", "id <> 'e-2'", "--limit", "2") as tail:
        for number, type in enumerate(["com.a", "org.a", "com.b", "com.c"]):
            send(cluster, type, "--id", f"e-{number}")
        assert [tail.event()["id"], tail.event()["id"]] == ["e-0", "e-3"]
        assert tail.wait() == 0

    assert names(cluster, SERVICE) == []


def test_a_command_that_is_asked_to_end_removes_what_it_made(cluster: ClusterWorld, image: str) -> None:
    with tailing(cluster, image) as tail:
        tail.end(signal.SIGTERM)

    assert names(cluster, TRIGGER) == names(cluster, SERVICE) == []


def test_what_a_killed_command_left_is_removed_by_the_next_once_its_time_is_over(
    cluster: ClusterWorld, image: str
) -> None:
    with tailing(cluster, image) as tail:
        tail.end(signal.SIGKILL)
    (left,) = names(cluster, SERVICE)
    with tailing(cluster, image) as tail:
        tail.end(signal.SIGINT)
    assert names(cluster, SERVICE) == [left]  # it may be somebody's who still looks
    past = (datetime.now(UTC) - timedelta(hours=1)).isoformat()

    async def age() -> None:
        async with cluster.direct() as client:
            await client.patch(SERVICE, left, {"metadata": {"annotations": {DEADLINE: past}}}, TEAM)

    asyncio.run(age())
    with tailing(cluster, image) as tail:
        tail.end(signal.SIGINT)

    assert names(cluster, SERVICE) == names(cluster, TRIGGER) == []


def test_a_collector_that_does_not_start_is_removed_and_says_why(cluster: ClusterWorld, tmp_path: Path) -> None:
    faas = cluster.command("alice", tmp_path)

    faas("events", "tail", "--image", "faas.local/nothing@sha256:" + "0" * 64, code=1)

    assert "the collector did not start" in faas.said
    assert names(cluster, SERVICE) == []


def test_without_a_registry_it_says_what_to_do(cluster: ClusterWorld, tmp_path: Path) -> None:
    faas = cluster.command("alice", tmp_path)

    faas("events", "tail", code=1)

    assert "no registry is known that the cluster could pull the collector from" in faas.said
    assert "faas image sources --push" in faas.said


@pytest.mark.parametrize("arguments", [["--since", "10m"], ["--all"], ["--no-follow"]])
def test_what_was_stored_is_not_to_be_had_from_a_cluster(
    cluster: ClusterWorld, tmp_path: Path, arguments: list[str]
) -> None:
    faas = cluster.command("alice", tmp_path)

    faas("events", "tail", *arguments, code=1)

    assert "does not keep events to be read again" in faas.said


class BrokerIngress:
    """Knative's: takes an event a request, and no batch."""

    def __init__(self) -> None:
        self.taken: list[dict[str, Any]] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                is_event = self.headers["content-type"] == "application/cloudevents+json"
                if is_event:
                    outer.taken.append({**json.loads(body), "path": self.path})
                self.send_response(202 if is_event else 400)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)


@pytest.fixture
def ingress(cluster: ClusterWorld) -> Iterator[BrokerIngress]:
    made = BrokerIngress()
    with serving(made.server) as (host, port):
        cluster.services["knative-eventing", "broker-ingress"] = f"http://{host}:{port}"
        yield made


def test_events_are_sent_to_the_brokers_address(cluster: ClusterWorld, ingress: BrokerIngress, tmp_path: Path) -> None:
    said = cluster.command("admin", tmp_path)("events", "send", "order", "--data", '{"id": 7}', "--id", "e", "-n", TEAM)

    assert said == "e stored\n"
    (event,) = ingress.taken
    assert (event["path"], event["id"], event["data"]) == (f"/{TEAM}/default", "e", {"id": 7})


def test_several_events_are_a_request_each(cluster: ClusterWorld, ingress: BrokerIngress, tmp_path: Path) -> None:
    cluster.command("admin", tmp_path)("events", "send", "tick", "--count", "20", "-n", TEAM)

    assert len({event["id"] for event in ingress.taken}) == 20


def test_who_may_not_reach_the_broker_is_told_which_right_it_takes(
    cluster: ClusterWorld, ingress: BrokerIngress, tmp_path: Path
) -> None:
    faas = cluster.command("alice", tmp_path)
    cluster.faults.add(refuse(403, reason="Forbidden"), times=9, path="/namespaces/knative-eventing/services/")

    faas("events", "send", "order", code=1)

    assert "you may not reach Service broker-ingress of namespace knative-eventing" in faas.said
    assert f"POST http://broker-ingress.knative-eventing.svc.cluster.local/{TEAM}/default" in faas.said


def test_a_collector_is_as_others_may_see_it() -> None:
    service = make_collector(
        "faas-tail-1", TEAM, "registry.example/faas-sources@sha256:1", datetime(2026, 1, 2, tzinfo=UTC)
    )

    metadata, template = service["metadata"], service["spec"]["template"]
    assert metadata["labels"]["networking.knative.dev/visibility"] == "cluster-local"
    assert metadata["annotations"] == {"faas.dev/deadline": "2026-01-02T00:00:00Z"}
    assert template["metadata"]["annotations"]["autoscaling.knative.dev/max-scale"] == "1"
    assert template["spec"]["containers"][0]["env"] == [{"name": "FAAS_INBOX_UNTIL", "value": "2026-01-02T00:00:00Z"}]


def test_sources_that_may_not_be_listed_are_named_and_the_others_shown(cluster: ClusterWorld, tmp_path: Path) -> None:
    sink = {"ref": {"apiVersion": "eventing.knative.dev/v1", "kind": "Broker", "name": "default"}}
    asyncio.run(_make(cluster, PING_SOURCE, "nightly", {"schedule": "0 9 * * *", "sink": sink}))
    readable = (
        "pingsources.sources.knative.dev,apiserversources.sources.knative.dev,containersources.sources.knative.dev"
    )
    cluster.rights["alice"] = [Right("get,list", readable, TEAM)]
    faas = cluster.command("alice", tmp_path)

    shown = faas("source", "list")

    assert "nightly" in shown
    assert "not shown, since you may not list them in team:" in faas.said
    assert "githubsources.sources.knative.dev, kafkasources.sources.knative.dev" in faas.said
