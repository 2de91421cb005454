"""What is exported is what is deployed: applied by others' tools it makes the same services, and they answer."""

from __future__ import annotations

import asyncio
import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from faas.client.http.client import HttpClient
from faas.deploy.deploying import carry_out_deploy
from faas.deploy.export.editions.of_project import read_stage
from faas.deploy.export.editions.reading import read_edition
from faas.deploy.export.rbac import make_rbac
from faas.deploy.planning import plan_deploy
from faas.deploy.services.rollout import DeployOptions
from faas.deploy.steps import Steps
from faas.project.manifests.objects import Objects
from tests.cluster.rights import Right
from tests.cluster_world import TEAM, ClusterWorld
from tests.faas_command import FaasCommand
from tests.helm import find_helm
from tests.programs import find_program
from tests.unit.deploy.exported_project import make_project

SHOP = """
from faas import Context, Event, function


@function.http("/", config=["texts"], env={"LEVEL": "info"})
def web(ctx: Context) -> str:
    return ctx.config["texts"]["motto"]


@function.event(type="order.paid")
def book(event: Event) -> None: ...


@function.schedule("0 0 1 1 *")
def tick(event: Event) -> None: ...
"""
PYPROJECT = """
[project]
name = "shop"
version = "1"
dependencies = []

[tool.faas.config.texts]
motto = "one at a time"

[tool.faas.environments.production]
namespace = "default"
env = {LEVEL = "warning"}
max_scale = 4

[tool.faas.environments.production.config.texts]
motto = "all together"
"""


@dataclass
class Faas(FaasCommand):
    project: Path

    def kubectl(self, *arguments: str, given: str = "") -> str:
        command = [find_program("kubectl"), "--kubeconfig", str(self.state / "kubeconfig"), *arguments]
        done = subprocess.run(command, input=given, capture_output=True, text=True, timeout=100, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def apply(self, manifests: str) -> Any:
        """Have only these, from nothing; what they answer, and what is exported of them then."""
        self.kubectl("delete", "ksvc,trigger,pingsource,broker,configmap", "--all", "--wait=true")
        self.kubectl("apply", "-f", "-", given=manifests)
        self.kubectl("wait", "--for=condition=Ready", "ksvc/web", "ksvc/book", "trigger/book", "--timeout=60s")
        return self("invoke", "web").strip(), json.loads(self("export", "-o", "json"))["items"]


@pytest.fixture(scope="module")
def faas(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Faas]:
    folder = tmp_path_factory.mktemp("engine")
    faas = Faas(folder / "state", project=folder / "shop")
    faas.project.mkdir()
    (faas.project / "main.py").write_text(SHOP)
    (faas.project / "pyproject.toml").write_text(PYPROJECT)
    faas("up", "--port", "0")
    try:
        yield faas
    finally:
        faas("down")


@pytest.fixture(scope="module")
def image(faas: Faas) -> str:
    """What the project runs from, once it is deployed."""
    faas("deploy", faas.project)
    first = next(item for item in json.loads(faas("export", "-o", "json"))["items"] if item["kind"] == "Service")
    return str(first["spec"]["template"]["spec"]["containers"][0]["image"])


def test_what_is_deployed_is_exported_and_applied_again_the_same(faas: Faas, image: str) -> None:
    before = faas("export")
    wanted = json.loads(faas("export", "-o", "json"))["items"]

    assert [f"{item['kind']} {item['metadata']['name']}" for item in wanted] == [
        "ConfigMap texts", "Broker default", "Service book", "Service tick", "Service web",
        "Trigger book", "Trigger tick-schedule", "PingSource tick-schedule",
    ]  # fmt: skip
    assert faas.apply(before) == ("one at a time", wanted)
    assert faas("export") == before


def test_a_project_is_the_same_by_each_way_and_answers(faas: Faas, image: str, tmp_path: Path) -> None:
    stage = ("--project", str(faas.project), "--stage", "production", "--image", image)
    both = ("--project", str(faas.project), "--image", image)
    kustomize, chart = tmp_path / "kustomize", tmp_path / "chart"
    faas("export", "kustomize", *both, "--to", kustomize)
    faas("export", "helm", *both, "--to", chart)

    plain = faas.apply(faas("export", *stage))
    by_kustomize = faas.apply(faas.kubectl("kustomize", str(kustomize / "overlays/production")))

    assert plain[0] == "all together"
    assert plain == by_kustomize
    helm = [find_helm(tmp_path), "template", "shop", chart, "-f", chart / "values-production.yaml"]
    rendered = subprocess.run(helm, capture_output=True, text=True, timeout=60, check=True).stdout
    assert faas.apply(rendered) == plain


def test_what_was_rolled_back_to_is_what_is_exported(faas: Faas) -> None:
    faas.kubectl("delete", "ksvc,trigger,pingsource,broker,configmap", "--all", "--wait=true")
    faas("deploy", faas.project)
    before = faas("export")
    (faas.project / "main.py").write_text(SHOP.replace('["motto"]', '["motto"].upper()'))
    faas("deploy", faas.project)
    assert faas("invoke", "web").strip() == "ONE AT A TIME"
    for name in ("web", "book", "tick"):
        faas("rollback", name)

    rolled_back = faas("export")

    assert "which serves; web-0000" in faas.said
    assert rolled_back == before
    assert faas.apply(rolled_back)[0] == "one at a time"
    (faas.project / "main.py").write_text(SHOP)


def test_files_are_one_an_object_and_written_again_only_when_they_change(faas: Faas, tmp_path: Path) -> None:
    export = ("export", "--project", faas.project, "--to", tmp_path)
    faas(*export)
    assert "8 written, 0 unchanged\n" in faas.said
    assert yaml.safe_load((tmp_path / "service-web.yaml").read_text())["metadata"]["name"] == "web"

    faas(*export)
    assert "0 written, 8 unchanged\n" in faas.said

    (tmp_path / "service-web.yaml").write_text("mine: true\n")
    faas(*export, code=1)
    assert "service-web.yaml" in faas.said
    assert "--force" in faas.said
    faas(*export, "--force")
    assert "1 written, 7 unchanged\n" in faas.said


def test_cloud_run_gets_services_and_what_it_does_not_take_is_said(faas: Faas) -> None:
    made = faas("export", "--for", "cloud-run", "--project", faas.project, "--image", "gcr.io/acme/shop:1")

    assert [each["kind"] for each in yaml.safe_load_all(made)] == ["Service"] * 3
    assert "note: Cloud Run does not take PingSource tick-schedule; make a Cloud Scheduler job" in faas.said


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        pytest.param(["helm"], "several files: say where with --to", id="a chart on stdout"),
        pytest.param(["--image", "x"], "are for a --project", id="an image of what is deployed"),
        pytest.param(["hello", "--project", "."], "exported as a whole", id="names of a project"),
        pytest.param(["--force"], "--force is for --to", id="force without a folder"),
        pytest.param(["--cluster-role"], "is for rbac", id="rights of no role"),
    ],
)
def test_what_makes_no_sense_is_said_before_anything_is_asked(arguments: list[str], said: str, tmp_path: Path) -> None:
    faas = FaasCommand(tmp_path)
    faas("export", *arguments, code=2)

    assert said in faas.said


# Rights


def rights_of(rules: list[dict[str, Any]]) -> list[Right]:
    found = []
    for rule in rules:
        (group,) = rule["apiGroups"]
        for resource in rule["resources"]:
            plural, slash, sub = resource.partition("/")
            named = plural + (f".{group}" if group else "") + slash + sub
            found.append(Right(",".join(rule["verbs"]), named, TEAM))
    return found


def objects_of(manifests: list[dict[str, Any]]) -> Objects:
    def of(*kinds: str) -> tuple[dict[str, Any], ...]:
        return tuple(obj for obj in manifests if obj["kind"] in kinds)

    return Objects(
        services=of("Service"), brokers=of("Broker"), triggers=of("Trigger"), sources=of("PingSource"),
        config_maps=of("ConfigMap"), domain_mappings=of("DomainMapping"),
    )  # fmt: skip


def test_the_exported_rights_are_enough_to_deploy_to_look_and_to_delete(cluster: ClusterWorld, tmp_path: Path) -> None:
    edition = read_stage(make_project(tmp_path / "shop"), "production", namespace=TEAM).base
    role = next(each for each in make_rbac(edition) if each["kind"] == "Role")
    cluster.rights["robot"] = rights_of(role["rules"])

    async def deploy(client: HttpClient) -> list[str]:
        objects = objects_of(list(edition.objects))
        plan = await plan_deploy(client, objects, project="shop", namespace=TEAM, stage="production", whole=True)
        await carry_out_deploy(client, plan, DeployOptions(wait=False), Steps(), namespace=TEAM)
        return [each["metadata"]["name"] for each in (await read_edition(client, TEAM, hidden=set())).services]

    async def session() -> list[str]:
        async with cluster.client("robot") as client:
            return await deploy(client)

    assert asyncio.run(session()) == ["book", "tick", "web"]
    faas = cluster.command("robot", tmp_path / "state")
    assert [line.split()[0] for line in faas("list", "-n", TEAM).splitlines()] == ["NAME", "book", "tick", "web"]
    faas("describe", "web", "-n", TEAM)
    faas("export", "-n", TEAM)
    faas("delete", "web", "book", "tick", "-n", TEAM, "--yes")
    assert cluster.command("admin", tmp_path / "state")("export", "-n", TEAM) == ""
