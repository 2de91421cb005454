"""A cluster: what a deploy asks of its API server, an unchanged project's deploy, and exports of fifty functions."""

from __future__ import annotations

import asyncio
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from faas_runtime.declaring.spec import FunctionSpec, Trigger

from bench.engine import Engine, engine, make_project
from bench.report import Figure
from faas.deploy.deploying import carry_out_deploy
from faas.deploy.planning import plan_deploy
from faas.deploy.services.rollout import DeployOptions
from faas.deploy.steps import Steps
from faas.project.manifests.objects import Objects, make_objects
from faas.project.manifests.surroundings import Surroundings
from faas.project.pyproject.settings import Settings
from faas.project.services import make_services
from tests.cluster_world import TEAM, ClusterWorld, dressed

FUNCTIONS = 50
_PAID = {"filters": [{"exact": {"type": "order.paid"}}]}
IMAGE = "registry.example.org/team/fifty@sha256:" + "0a" * 32
_STAGES = """
[tool.faas.environments.staging]
namespace = "staging"
max_scale = 2

[tool.faas.environments.production]
namespace = "production"
min_scale = 1
env = {AREA = "eu"}
"""


def unchanged_deploy(runs: int = 7) -> list[Figure]:
    """The whole command, of a project that is deployed as it is."""
    with engine() as up, tempfile.TemporaryDirectory() as folder:
        project = make_project(Path(folder), "same", after="10m")
        up.faas("deploy", project)
        before = _written(up)
        took = _median(lambda: up.faas("deploy", project), runs)
        written = sum(now != before.get(name) for name, now in _written(up).items())
    return [
        Figure("faas deploy of an unchanged project, whole command", took, "s", 1.0, "less"),
        Figure("Services written by it", written, "", 0, "less"),
    ]


def _written(up: Engine) -> dict[str, str]:
    """When each Service was last written by somebody who deploys."""
    listed = json.loads(up.faas("list", "-o", "json"))["items"]
    return {
        service["metadata"]["name"]: json.dumps([each for each in service["metadata"].get("managedFields") or ()
                                                 if each.get("manager") == "faas"])
        for service in listed
    }  # fmt: skip


def requests() -> list[Figure]:
    """Requests and writes of a project's deploy, counted in front of an engine that is dressed as a cluster."""
    figures: list[Figure] = []
    with engine() as up, dressed(up.state / "kubeconfig", _made(up.state.parent / "cluster")) as world:
        for what, env, wanted in (
            ("new", "1", 3 * FUNCTIONS), ("unchanged", "1", 60), ("changed", "2", 3 * FUNCTIONS),
        ):  # fmt: skip
            world.reset()
            begun = time.perf_counter()
            asyncio.run(_deploy(world, _fifty(up.state, env)))
            took = time.perf_counter() - begun
            writes = len(world.writes())
            note = f"{writes} of them writes, {took:.2f} s"
            figures.append(Figure(f"requests to deploy {FUNCTIONS} {what} functions", len(world.requests()), "", wanted,
                                  "less", note=note))  # fmt: skip
            if what == "unchanged":
                figures.append(Figure(f"writes to deploy {FUNCTIONS} unchanged functions", writes, "", 0, "less"))
    return figures


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


def _fifty(root: Path, env: str) -> Objects:
    """Every fifth function also takes events."""
    functions = []
    for number in range(FUNCTIONS):
        name, options = f"f{number:02}", {"env": {"A": env}}
        trigger = Trigger(kind="http")
        if number % 5 == 0:
            trigger = Trigger(kind="event", name=name, path=f"/_faas/events/{name}", options=_PAID)
        functions.append(
            FunctionSpec(name=name, target=f"main:{name}", service=name, triggers=(trigger,), options=options)
        )
    services = make_services(functions, Settings(root, "fifty"))
    return make_objects(services, IMAGE, project="fifty", namespace=TEAM, root=root, variables={}, there=Surroundings())


async def _deploy(world: ClusterWorld, objects: Objects) -> None:
    async with world.client("alice") as client:
        plan = await plan_deploy(client, objects, project="fifty", namespace=TEAM, whole=True)
        await carry_out_deploy(client, plan, DeployOptions(wait=False), Steps(), namespace=TEAM)


def exports(runs: int = 5) -> list[Figure]:
    """Fifty functions as files, with two stages where the form has a place for them; whole commands."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        project = make_project(root, "fifty")
        named = "\n\n".join(f'@function.http("/", name="f{n:02}")\ndef f{n:02}() -> str:\n    return "{n}"'
                            for n in range(FUNCTIONS))  # fmt: skip
        (project / "main.py").write_text(f"from faas import function\n\n\n{named}\n")
        with open(project / "pyproject.toml", "a") as settings:
            settings.write(_STAGES)
        up = Engine(root / "state", 0)
        return [_export(up, project, form, wanted, runs) for form, wanted in _FORMS]


_FORMS = (("plain", 1.0), ("kustomize", 1.5), ("helm", 1.5))


def _export(up: Engine, project: Path, form: str, wanted_s: float, runs: int) -> Figure:
    into = project.parent / form
    took = _median(lambda: up.faas("export", form, "--project", project, "--image", IMAGE, "--to", into), runs)
    return Figure(f"faas export {form} of {FUNCTIONS} functions, whole command", took, "s", wanted_s, "less")


def _median(work: Callable[[], object], runs: int) -> float:
    taken = []
    for _ in range(runs):
        begun = time.perf_counter()
        work()
        taken.append(time.perf_counter() - begun)
    return statistics.median(taken)
