"""`faas up` after everything was killed with -9: what was acknowledged is there, and everything serves again."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from faas.cli.engine_options import make_plan
from faas.client.errors import ApiError
from faas.engine.supervisor import start
from faas.engine.supervisor.census import Role, census
from faas.engine.supervisor.processes import socket_holders
from faas.resources.kinds import CONFIG_MAP, POD, ROUTE
from tests.integration.engine.conftest import PATIENCE_S, eventually
from tests.integration.engine.whole import Whole

CODE = """
import os
from faas import function

@function(min_scale=1)
async def work() -> str:
    return "VERSION " + str(os.getpid())

@function(scale_to_zero_after="1s")
async def napper() -> str:
    return "here"
"""
EVERYTHING: tuple[Role, ...] = ("supervisor", "engine", "gateway", "zygote", "instance")


@pytest.fixture
def whole(tmp_path: Path) -> Iterator[Whole]:
    plan = make_plan(tmp_path / "state", host="127.0.0.1", port=0, tls=None)
    whole = Whole(plan, None, None)  # type: ignore[arg-type]  # known once it is up
    up(whole)
    yield whole
    whole.faas("down")


def up(whole: Whole) -> None:
    whole.faas("up", "--port", "0")
    found = start.find(whole.state.path)
    assert found is not None
    whole.file = found


def kill(whole: Whole, *roles: Role) -> set[int]:
    """Kill these with -9, all found before the first one dies; returns the pids of the instances among them."""
    members = [member for member in census(whole.file.pid, whole.plan.runtime_dir) if member.role in roles]
    assert {member.role for member in members} >= {role for role in roles if role != "instance"}
    for member in members:
        with contextlib.suppress(ProcessLookupError):  # the kernel ends gateway and engine with their supervisor
            os.kill(member.pid, signal.SIGKILL)
    eventually(lambda: not whole.file.is_alive, "the supervisor is dead")
    return {member.pid for member in members if member.role == "instance"}


def test_after_all_were_killed_everything_is_as_it_was(whole: Whole, tmp_path: Path) -> None:
    deploy(whole, tmp_path / "shop", "one")
    deploy(whole, tmp_path / "shop", "two", "--tag", "next")
    whole.faas("traffic", "work", "--traffic", "work-00001=100")
    whole.kubectl("create", "secret", "generic", "db", "--from-literal=password=s3cret")
    kubeconfig = whole.state.kubeconfig.read_text()
    killed = kill(whole, *EVERYTHING)
    assert killed

    up(whole)

    assert whole.state.kubeconfig.read_text() == kubeconfig
    status, body = whole.get("work")
    assert (status, body[:3]) == (200, b"one")
    assert int(body.split()[1]) not in killed
    assert whole.faas("invoke", "work", "--tag", "next")[:3] == "two"
    assert whole.get("napper") == (200, b"here")
    assert whole.kubectl("get", "secret", "db", "-o", "jsonpath={.data.password}") == "czNjcmV0"
    whole.kubectl("wait", "ksvc", "--all", "--for=condition=Ready", "--timeout=30s")
    whole.faas("traffic", "work", "--traffic", "@latest=100")
    assert whole.get("work")[1][:3] == b"two"


def deploy(whole: Whole, project: Path, version: str, *options: str) -> None:
    project.mkdir(exist_ok=True)
    (project / "main.py").write_text(CODE.replace("VERSION", version))
    whole.faas("deploy", project, *options)


def test_after_the_supervisor_was_killed_no_process_is_left_over(whole: Whole, tmp_path: Path) -> None:
    whole.serve(tmp_path / "shop", CODE)
    holders = socket_holders(whole.plan.runtime_dir)
    kill(whole, "supervisor")

    up(whole)

    assert whole.get("work")[0] == 200
    work = "serving.knative.dev/service=work"
    eventually(lambda: [pod["status"]["phase"] for pod in whole.objects(POD, work)] == ["Running"], "it has its Pod")
    (pod,) = whole.objects(POD, work)
    assert pod["metadata"]["ownerReferences"][0]["name"] == "work-00001"
    members = {member.pid: member.role for member in census(whole.file.pid, whole.plan.runtime_dir)}
    assert socket_holders(whole.plan.runtime_dir) <= members.keys()
    assert {members[pid] for pid in members.keys() & holders} <= {"instance"}


def test_what_was_acknowledged_while_everything_was_killed_is_there(whole: Whole) -> None:
    acknowledged: list[str] = []
    enough = threading.Event()

    async def write() -> None:
        async with whole.client() as client:
            for number in range(10_000):
                name = f"note-{number}"
                body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": "default"}}
                try:
                    await client.create(CONFIG_MAP, {**body, "data": {"number": str(number)}})
                except ApiError:
                    return
                acknowledged.append(name)
                if number == 50:
                    enough.set()

    writer = threading.Thread(target=lambda: asyncio.run(write()))
    writer.start()
    assert enough.wait(PATIENCE_S)
    kill(whole, "supervisor", "engine", "gateway")
    writer.join(PATIENCE_S)
    assert not writer.is_alive()

    up(whole)

    stored = {item["metadata"]["name"]: item["data"] for item in whole.objects(CONFIG_MAP)}
    assert [name for name in acknowledged if name not in stored] == []
    assert len(stored) <= len(acknowledged) + 1  # the one that was under way may be there or not
    assert stored["note-50"] == {"number": "50"}


def test_a_rollout_that_was_cut_short_goes_on(whole: Whole, tmp_path: Path) -> None:
    whole.serve(tmp_path / "shop", CODE.replace("VERSION", "one"))
    whole.kubectl("annotate", "ksvc", "work", "serving.knative.dev/rollout-duration=4s")
    (tmp_path / "shop" / "main.py").write_text(CODE.replace("VERSION", "two"))
    image = '{"op": "add", "path": "/spec/template/spec/containers/0/env/-", "value": {"name": "A", "value": "1"}}'
    whole.kubectl("patch", "ksvc", "work", "--type=json", "-p", f"[{image}]")

    def share() -> int:
        (route,) = [item for item in whole.objects(ROUTE) if item["metadata"]["name"] == "work"]
        percents = {target["revisionName"]: target["percent"] for target in route["status"]["traffic"]}
        return int(percents.get("work-00002", 0))

    eventually(lambda: share() >= 1, "the rollout has begun")
    kill(whole, *EVERYTHING)

    up(whole)

    eventually(lambda: share() == 100, "it is finished")
    whole.kubectl("wait", "ksvc", "work", "--for=condition=Ready", "--timeout=30s")
    assert whole.get("work")[0] == 200
