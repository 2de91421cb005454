"""The commands of operating against a cluster: HTTPS, certificates and tokens, and people who may do little."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from faas.client.http.client import HttpClient
from faas.client.places.state import State
from faas.resources import kinds
from tests.cluster.faults import cut, drop_before, gone_in_watch
from tests.cluster.rights import READ, Right
from tests.cluster_world import ClusterCommand, ClusterWorld, cluster, cluster_engine  # noqa: F401
from tests.faas_command import FaasCommand

PROJECT = """
from faas import Event, function

@function
def hello(name: str = "World") -> str:
    print(f"greeting {name}", flush=True)
    return f"Hello {name}!"

@function.event(type="com.acme.order")
def on_order(event: Event) -> None:
    print(f"order {event.id}", flush=True)
"""


@pytest.fixture(scope="module")
def deployed(cluster_engine: ClusterWorld, tmp_path_factory: pytest.TempPathFactory) -> Path:  # noqa: F811
    """A project with a function for requests and one for events, in namespace team of the engine behind."""
    folder = tmp_path_factory.mktemp("shop")
    (folder / "main.py").write_text(PROJECT)
    (folder / "pyproject.toml").write_text('[project]\nname = "shop"\nversion = "0.1.0"\nrequires-python = ">=3.11"\n')
    FaasCommand(cluster_engine.folder / "engine")("deploy", folder, "-n", "team", "--context", "local")
    return folder


@pytest.fixture
def world(cluster: ClusterWorld, deployed: Path) -> ClusterWorld:  # noqa: F811
    return cluster


@pytest.fixture
def gateway(world: ClusterWorld) -> str:
    engine = State(world.folder / "engine").engine()
    assert engine is not None
    return engine.public_url


@pytest.mark.parametrize("user", ["admin", "robot", "alice"])
def test_functions_are_listed_described_and_called_as_on_the_engine(
    world: ClusterWorld, gateway: str, tmp_path: Path, user: str
) -> None:
    """admin and alice show a certificate, robot a token; alice may do all in her namespace, and nothing elsewhere."""
    faas = world.command(user, tmp_path)
    rows = [line.split()[:1] for line in faas("list", "-n", "team").splitlines()[1:]]
    assert rows == [["hello"], ["on-order"]]
    described = faas("describe", "hello", "-n", "team")
    assert "Project:" in described
    assert "Runs as" not in described  # that is of the engine
    assert faas("invoke", "hello", "-n", "team", "--via", gateway, "--path", "/?name=Ada") == "Hello Ada!"
    assert "greeting Ada" in faas("logs", "hello", "-n", "team")
    (row,) = faas("revisions", "hello", "-n", "team").splitlines()[1:]
    assert row.split()[:3] == ["hello", "hello-00001", "100%"]
    assert world.requests(path="/faas/v1") == []  # only the engine has it


def test_the_namespace_is_that_of_the_context(world: ClusterWorld, tmp_path: Path) -> None:
    faas = world.command("alice", tmp_path)
    assert "hello" in faas("list")
    faas("list", "-A", code=1)
    assert "you may not list the functions of all namespaces" in faas.said


def test_what_may_not_be_seen_is_named_and_the_rest_is_shown(world: ClusterWorld, tmp_path: Path) -> None:
    world.rights["alice"] = [Right(READ, "services.serving.knative.dev,revisions.serving.knative.dev", "team")]
    faas = world.command("alice", tmp_path)
    assert "hello" in faas("list")
    assert "not shown, since you may not list them in team:" in faas.said
    assert "triggers.eventing.knative.dev" in faas.said
    assert "hello-00001" in faas("describe", "hello")
    assert "domainmappings.serving.knative.dev" in faas.said
    faas("logs", "hello", code=1)
    assert 'cannot list resource "pods"' in faas.said


def test_a_cluster_without_eventing_and_domains_shows_functions(world: ClusterWorld, tmp_path: Path) -> None:
    world.hidden.update({"eventing.knative.dev", "sources.knative.dev", "domainmappings.serving.knative.dev"})
    faas = world.command("robot", tmp_path)
    assert "on-order" in faas("list", "-n", "team")
    assert "Traffic" in faas("describe", "on-order", "-n", "team")
    assert "not shown" not in faas.said


def test_traffic_goes_back_and_forth(world: ClusterWorld, tmp_path: Path) -> None:
    faas = world.command("alice", tmp_path)
    split = json.loads(faas("traffic", "hello", "--tag", "hello-00001=first", "-o", "json"))
    assert "first" in [target.get("tag") for target in split]
    faas("traffic", "hello", "--untag", "first")
    faas("rollback", "hello", code=1)
    assert "hello has no earlier ready revision" in faas.said
    assert "See them:  faas revisions hello --context alice" in faas.said


def test_what_doctor_says_to_do_names_the_place(world: ClusterWorld, tmp_path: Path) -> None:
    world.rights["alice"] = [Right(READ, "*", "team")]
    faas = world.command("alice", tmp_path)
    told = faas("doctor", "-n", "team", "--context", "alice", code=1)
    (fix, *_) = [line for line in told.splitlines() if "faas export rbac" in line]
    assert " -n team --context alice " in fix


def test_no_way_in_is_explained_step_by_step(world: ClusterWorld, tmp_path: Path) -> None:
    world.rights["alice"] = [Right(READ, "*", "team")]
    faas = world.command("alice", tmp_path)
    faas("invoke", "hello", code=1)
    assert "there is no way to hello from here" in faas.said
    assert "you lack the right to get configmaps in namespace knative-serving" in faas.said
    assert "--via http://HOST:PORT" in faas.said


def test_status_says_what_it_is_for(world: ClusterWorld, tmp_path: Path) -> None:
    faas = world.command("alice", tmp_path)
    faas("status", code=1)
    assert "faas doctor" in faas.said


class Following:
    """`faas logs -f` in a process of its own; lines come as they are printed."""

    def __init__(self, faas: ClusterCommand, *arguments: str) -> None:
        self.lines: list[str] = []
        self._came = threading.Condition()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "faas.cli.main", "logs", *arguments, "-f"],
            env={**os.environ, "FAAS_STATE": str(faas.state), **faas.environment},
            stdout=subprocess.PIPE,
            text=True,
        )
        self._thread = threading.Thread(target=self._read)
        self._thread.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            with self._came:
                self.lines.append(line.rstrip("\n").partition(" ")[2])
                self._came.notify_all()

    def until(self, text: str) -> None:
        with self._came:
            assert self._came.wait_for(lambda: text in self.lines, 40), (text, self.lines)

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(20)
        self._thread.join(20)
        assert self._process.stdout is not None
        self._process.stdout.close()


@pytest.fixture
def following(world: ClusterWorld, tmp_path: Path) -> Iterator[list[Following]]:
    started: list[Following] = []
    yield started
    for each in started:
        each.stop()


def test_logs_are_followed_across_broken_connections_without_loss_or_repetition(
    world: ClusterWorld, gateway: str, tmp_path: Path, following: list[Following]
) -> None:
    faas = world.command("alice", tmp_path)

    def greet(name: str) -> None:
        faas("invoke", "hello", "--via", gateway, "--path", f"/?name={name}")

    greet("before")
    world.faults.add(cut(60), times=2, path=r"/log\?")
    world.faults.add(drop_before(), path=r"/log\?")
    world.faults.add(gone_in_watch(), path=r"/pods\?.*watch=true")
    seen = Following(faas, "hello")
    following.append(seen)
    seen.until("greeting before")
    for name in ("one", "two", "three"):
        greet(name)
        seen.until(f"greeting {name}")
    assert len(world.requests(path="/log")) > 3  # it was cut, and went on
    greeted = seen.lines[seen.lines.index("greeting before") :]
    assert greeted == ["greeting before", "greeting one", "greeting two", "greeting three"]


def test_a_function_goes_with_its_trigger_and_domain_and_nothing_of_others(world: ClusterWorld, tmp_path: Path) -> None:
    ours = {"faas.dev/project": "shop", "app.kubernetes.io/managed-by": "faas"}
    asyncio.run(
        _make(
            world,
            (kinds.SERVICE, service("brief", ours)),
            (kinds.DOMAIN_MAPPING, mapping("brief.example.com", "brief", ours)),
            (kinds.DOMAIN_MAPPING, mapping("by-hand.example.com", "brief", {})),
        )
    )
    faas = world.command("alice", tmp_path)
    assert faas("delete", "brief", "--dry-run") == "brief with 1 domain would be deleted\n"
    for tried in world.requests("DELETE"):
        assert json.loads(tried.body)["dryRun"] == ["All"]  # beside a body Kubernetes reads no query, and would delete
    assert "brief" in asyncio.run(_names(world, kinds.SERVICE))
    assert faas("delete", "brief", "--yes") == "brief with 1 domain deleted\n"
    left = asyncio.run(_names(world, kinds.DOMAIN_MAPPING))
    assert left == ["by-hand.example.com"]
    asyncio.run(_remove(world, kinds.DOMAIN_MAPPING, "by-hand.example.com"))


def test_a_project_goes_stage_by_stage_once_it_was_shown(world: ClusterWorld, tmp_path: Path) -> None:
    labels = {"faas.dev/project": "gone", "app.kubernetes.io/managed-by": "faas"}
    staging = {**labels, "faas.dev/stage": "staging"}
    asyncio.run(
        _make(
            world,
            (kinds.SERVICE, service("gone-one", labels)),
            (kinds.CONFIG_MAP, {"metadata": {"name": "gone-config", "namespace": "team", "labels": labels}}),
            (kinds.SERVICE, service("gone-staging", staging)),
            (kinds.CONFIG_MAP, {"metadata": {"name": "gone-not", "namespace": "team"}}),
        )
    )
    faas = world.command("alice", tmp_path)
    faas("delete", "--project", "gone", "--dry-run")
    assert "  services.serving.knative.dev/gone-one\n  configmaps/gone-config\n" in faas.said
    faas("delete", "--project", "gone,!team", "--yes")  # no selector: a project of another name
    assert "nothing of project gone-team is in namespace team" in faas.said
    faas("delete", "--project", " ", "--yes", code=2)
    assert faas("delete", "--project", "gone", "--yes") == "project gone deleted: 2 objects\n"
    assert "gone-staging" in asyncio.run(_names(world, kinds.SERVICE))
    assert "gone-not" in asyncio.run(_names(world, kinds.CONFIG_MAP))
    asyncio.run(_remove(world, kinds.SERVICE, "gone-staging"))


def service(name: str, labels: dict[str, str]) -> dict[str, Any]:
    return {
        "metadata": {"name": name, "namespace": "team", "labels": labels},
        "spec": {"template": {"spec": {"containers": [{"image": "registry.invalid/x"}]}}},
    }


def mapping(name: str, to: str, labels: dict[str, str]) -> dict[str, Any]:
    reference = {"apiVersion": "serving.knative.dev/v1", "kind": "Service", "name": to}
    return {"metadata": {"name": name, "namespace": "team", "labels": labels}, "spec": {"ref": reference}}


async def _make(world: ClusterWorld, *objects: tuple[kinds.Kind, dict[str, Any]]) -> None:
    async with world.direct() as client:
        for kind, obj in objects:
            await client.create(kind, {"apiVersion": kind.api_version, "kind": kind.kind, **obj})


async def _names(world: ClusterWorld, kind: kinds.Kind) -> list[str]:
    async with world.direct() as client:
        return [each["metadata"]["name"] for each in (await client.list(kind, "team")).items]


async def _remove(world: ClusterWorld, kind: kinds.Kind, name: str) -> None:
    client: HttpClient
    async with world.direct() as client:
        await client.delete(kind, name, "team")
