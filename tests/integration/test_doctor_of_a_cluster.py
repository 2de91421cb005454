"""`faas doctor --context`: what it finds in a cluster that is fit, in one that is not, and with few rights."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from faas.cli.checks.check import Check
from faas.cli.checks.cluster import run_checks
from faas.client.kubeconfigs.cluster import Cluster
from faas.client.places.state import State
from faas.client.places.targets import Target
from faas.resources import kinds
from tests.cluster.rights import READ, Right
from tests.cluster_world import ClusterWorld, dressed
from tests.containers_world import RunningRegistry, running_registry
from tests.faas_command import FaasCommand

CONFIG = {
    ("knative-serving", "config-network"): {"ingress-class": "kourier.ingress.networking.knative.dev"},
    ("knative-serving", "config-domain"): {"example.com": ""},
    ("knative-eventing", "config-br-defaults"): {
        "default-br-config": "clusterDefault:\n  brokerClass: MTChannelBasedBroker\n  name: channel\n"
    },
    ("knative-eventing", "channel"): {"channel-template-spec": "kind: InMemoryChannel"},
}
PROJECT = """
from faas import Event, function

@function(node_selector={"disk": "ssd"})
def hello() -> str:
    return "hello"

@function.schedule("0 9 * * *")
def morning(event: Event) -> None: ...
"""


@pytest.fixture(scope="module")
def world(api: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClusterWorld]:
    with dressed(api.kubeconfig, tmp_path_factory.mktemp("cluster")) as made:
        asyncio.run(_configure(made))
        yield made


async def _configure(world: ClusterWorld) -> None:
    async with world.direct() as client:
        for (namespace, name), data in CONFIG.items():
            labels = {"app.kubernetes.io/version": "1.19.0"}
            metadata = {"name": name, "namespace": namespace, "labels": labels}
            obj = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}
            await client.patch(kinds.CONFIG_MAP, name, obj, namespace, type="apply", force=True)


@pytest.fixture
def look(world: ClusterWorld, tmp_path: Path) -> Callable[..., dict[str, Check]]:
    world.reset()

    def run(
        user: str = "admin", *, folder: Path | None = None, cluster: Cluster | None = None, registry: str = ""
    ) -> dict[str, Check]:
        target = Target(State(tmp_path), "team", user, "", cluster or world.cluster(user), f" --context {user}")
        return {check.name: check for check in run_checks(target, folder or tmp_path, registry)}

    return run


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shop")
    (folder / "main.py").write_text(PROJECT)
    (folder / "pyproject.toml").write_text('[project]\nname = "shop"\nversion = "0.1.0"\nrequires-python = ">=3.11"\n')
    return folder


@pytest.mark.parametrize("user", ["admin", "robot", "plugin"])
def test_an_administrator_is_told_all_there_is(look: Callable[..., dict[str, Check]], user: str) -> None:
    checks = look(user)
    unknown = [name for name, check in checks.items() if check.status == "unknown"]
    assert unknown == ["nodes", "quota", "storage"]  # the API server behind does not have these kinds
    assert checks["serving"].found == "Knative Serving 1.19.0 (v1, v1beta1)"
    assert checks["rights"].status == checks["operating"].status == "ok"
    assert checks["namespace"].found == "team"
    assert checks["admission"].found == "the server would take a function"
    assert checks["clock"].status == "ok"


def test_defaults_that_lead_nowhere_are_explained(look: Callable[..., dict[str, Check]]) -> None:
    checks = look()
    assert checks["domain"].status == "warning"
    assert "example.com, a placeholder" in checks["domain"].found
    assert "kubectl patch configmap config-domain" in checks["domain"].fix
    assert checks["broker"].status == "error"  # its channels are not installed
    assert "MTChannelBasedBroker, which is not installed" in checks["broker"].found
    assert checks["ingress"].status == "error"
    assert "Service kourier-system/kourier, the ingress, is not there" in checks["ingress"].found


def test_what_the_project_needs_is_looked_for(look: Callable[..., dict[str, Check]], project: Path) -> None:
    checks = look(folder=project)
    assert checks["project"].found == "shop, 2 services"
    assert checks["features"].status == "error"
    assert checks["features"].found == "kubernetes.podspec-nodeselector not enabled, which hello needs"
    assert '"kubernetes.podspec-nodeselector":"enabled"' in checks["features"].fix
    assert checks["kinds"].found == "PingSource"
    assert checks["registry"].status == "warning"
    assert "shop names no registry" in checks["registry"].found


def test_kinds_that_the_project_uses_and_the_cluster_lacks_are_errors(
    world: ClusterWorld, look: Callable[..., dict[str, Check]], project: Path
) -> None:
    world.hidden.update({"eventing.knative.dev", "sources.knative.dev"})
    checks = look(folder=project)
    assert checks["eventing"].status == checks["kinds"].status == "error"
    assert "PingSource (sources.knative.dev/v1)" in checks["kinds"].found
    assert look()["eventing"].status == "ok"  # without functions that take events nobody misses it


def test_without_knative_serving_nothing_can_be_deployed(
    world: ClusterWorld, look: Callable[..., dict[str, Check]]
) -> None:
    world.hidden.add("serving.knative.dev")
    checks = look()
    assert checks["serving"].found == "Knative Serving is not there: nothing can be deployed"
    assert "knative.dev/docs/install" in checks["serving"].fix


def test_what_may_not_be_read_is_unknown_and_no_error(look: Callable[..., dict[str, Check]]) -> None:
    """alice may all in her namespace, and look at nothing else."""
    checks = look("alice")
    unknown = {name for name, check in checks.items() if check.status == "unknown"}
    assert {"broker", "ingress", "domain", "storage"} <= unknown
    assert checks["rights"].status == "ok"
    assert "error" not in {check.status for check in checks.values()}


def test_rights_that_are_missing_are_named_with_who_can_grant_them(
    world: ClusterWorld, look: Callable[..., dict[str, Check]]
) -> None:
    world.rights["alice"] = [Right(READ, "*", "team"), Right("create", "services.serving.knative.dev", "team")]
    checks = look("alice")
    assert checks["rights"].status == "error"
    assert "you may not patch, delete services.serving.knative.dev" in checks["rights"].found
    assert checks["rights"].fix == ("An administrator grants them:  faas export rbac -n team | kubectl apply -f -")
    assert checks["operating"].status == "warning"
    assert "create pods/portforward" in checks["operating"].found


def test_a_namespace_that_is_not_there_comes_with_its_command(
    world: ClusterWorld, look: Callable[..., dict[str, Check]], tmp_path: Path
) -> None:
    target = Target(State(tmp_path), "nowhere", "admin", "", world.cluster())
    checks = {check.name: check for check in run_checks(target, tmp_path)}
    assert (checks["namespace"].status, checks["namespace"].fix) == (
        "error",
        "Make it:  kubectl create namespace nowhere --context admin",
    )
    assert "error" not in (checks["pull secrets"].status, checks["admission"].status)  # it is the one thing to make


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningRegistry]:
    with running_registry(tmp_path_factory.mktemp("registry")) as running:
        yield running


@pytest.mark.parametrize(("in_project", "image"), [(True, "team/shop"), (False, "team/faas-sources")])
def test_a_registry_of_the_command_line_is_tried(
    look: Callable[..., dict[str, Check]], project: Path, registry: RunningRegistry, in_project: bool, image: str
) -> None:
    check = look(folder=project if in_project else None, registry=f"{registry.host}/team/")["registry"]

    assert check.status == "ok"
    assert check.found.startswith(f"{registry.host}/{image} takes images from here, with")
    assert registry.tags(image) == []


def test_a_stages_registry_is_tried(
    world: ClusterWorld, registry: RunningRegistry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.reset()
    (tmp_path / "main.py").write_text(PROJECT)
    (tmp_path / "pyproject.toml").write_text(
        f'[project]\nname = "shop"\nversion = "0.1.0"\n[tool.faas.environments.staging]\ncontext = "alice"\n'
        f'registry = "{registry.host}/stage"\n'
    )
    monkeypatch.chdir(tmp_path)

    found = json.loads(world.command("alice", tmp_path / "state")("doctor", "--stage", "staging", "-o", "json"))

    (check,) = (each for each in found if each["name"] == "registry")
    assert check["found"].startswith(f"{registry.host}/stage/shop takes images from here")


def test_the_engine_has_no_registry_to_try(tmp_path: Path) -> None:
    faas = FaasCommand(tmp_path)

    faas("doctor", "--registry", "registry.example.org/team", "--context", "local", code=2)

    assert "--registry is for a cluster" in faas.said


def test_requests_are_bounded(world: ClusterWorld, look: Callable[..., dict[str, Check]], project: Path) -> None:
    look(folder=project)
    assert 1 < world.proxy.most_in_flight <= 10
    assert world.writes() == []


def test_who_is_not_known_is_told_before_anything_else(
    world: ClusterWorld, look: Callable[..., dict[str, Check]]
) -> None:
    known = world.cluster("robot")
    stranger = Cluster(known.server, ca_data=known.ca_data, token="outdated", source="/home/ada/.kube/config")
    (check,) = look(cluster=stranger).values()
    assert (check.name, check.status) == ("reachable", "error")
    assert "does not take the credentials" in check.found
    assert "/home/ada/.kube/config" in check.fix


@pytest.mark.parametrize(
    ("server", "found"),
    [
        pytest.param("https://nowhere.invalid:6443", "nowhere.invalid has no address", id="DNS"),
        pytest.param("", "nobody listens on 127.0.0.1", id="TCP"),
    ],
)
def test_where_the_way_to_a_server_ends_is_said(look: Callable[..., dict[str, Check]], server: str, found: str) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        (check,) = look(cluster=Cluster(server or f"https://127.0.0.1:{port}", token="x")).values()
    assert check.status == "error"
    assert found in check.found


def test_a_certificate_that_is_not_believed_is_said(world: ClusterWorld, look: Callable[..., dict[str, Check]]) -> None:
    (check,) = look(cluster=Cluster(world.url, token="token-of-robot")).values()
    assert "its certificate is not trusted" in check.found
    assert "certificate-authority-data" in check.fix


def test_the_command_prints_data_and_ends_with_1_for_errors(
    world: ClusterWorld, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.reset()
    monkeypatch.chdir(tmp_path)  # whose project is asked
    faas = world.command("alice", tmp_path)
    found = json.loads(faas("doctor", "-o", "json", code=0))
    assert {"name", "status", "found", "fix"} == set(found[0])
    assert "? domain" in faas("doctor")
    world.rights["alice"] = []
    faas("doctor", code=1)
