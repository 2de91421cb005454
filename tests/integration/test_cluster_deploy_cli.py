"""`faas deploy`, `diff` and `promote` on a cluster, as a user types them: images, stages, exit codes."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from faas.engine.contract.revision import InstanceFailure
from faas.resources.kinds import SERVICE
from tests.cluster_world import ClusterCommand
from tests.containers_world import MadeImage, RunningRegistry, debian_base, registry
from tests.deploy_world import Obedient, obedient_cluster
from tests.engine_world import World

__all__ = ["debian_base", "registry"]

CODE = """
from faas import function

@function(secrets=["db"])
def hello(name: str = "World") -> str:
    return f"GREETING {name}!\\n"

@function.http("/city")
def city() -> str:
    return "Wien\\n"
"""
PROJECT = """
[project]
name = "shop"
version = "1"
requires-python = ">=3.11"

[tool.faas.build]
base = "{host}/library/python:3.11-slim"

[tool.faas.secrets.db]
password = {{env = "DB_PASSWORD"}}

[tool.faas.environments.staging]
context = "admin"
namespace = "team"
registry = "{host}/staging"

[tool.faas.environments.production]
context = "admin"
namespace = "prod"
registry = "{host}/production"
max_scale = 7
"""


@pytest.fixture(scope="module")
def obedient(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Obedient]:
    with obedient_cluster(tmp_path_factory.mktemp("obedient")) as made:
        yield made


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory, registry: RunningRegistry, debian_base: MadeImage) -> Path:
    debian_base.push(registry, "library/python", "3.11-slim")
    folder = tmp_path_factory.mktemp("project") / "shop"
    folder.mkdir()
    (folder / "pyproject.toml").write_text(PROJECT.format(host=registry.host))
    write(folder, "Hello")
    return folder


@pytest.fixture(scope="module")
def faas(obedient: Obedient, project: Path, tmp_path_factory: pytest.TempPathFactory) -> ClusterCommand:
    faas = obedient.cluster.command("admin", tmp_path_factory.mktemp("state"))
    faas.environment |= {"DB_PASSWORD": "hunter2", "FAAS_CONTEXT": ""}
    faas.environment["XDG_CACHE_HOME"] = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return faas


def write(folder: Path, greeting: str) -> None:
    (folder / "main.py").write_text(CODE.replace("GREETING", greeting))


def image(obedient: Obedient, name: str, namespace: str = "team") -> str:
    async def read(world: World) -> str:
        service = await world.client.get(SERVICE, name, namespace)
        return str(service["spec"]["template"]["spec"]["containers"][0]["image"])

    found: str = obedient.call(read)
    return found


def test_a_project_is_built_pushed_and_deployed_and_the_same_again_writes_nothing(
    faas: ClusterCommand, obedient: Obedient, project: Path, registry: RunningRegistry
) -> None:
    obedient.cluster.reset()
    said = faas("deploy", project, "--stage", "staging")

    assert [line.split()[0] for line in said.splitlines()] == ["city", "hello"]
    assert "the cluster's nodes cannot be seen: the image is for linux/amd64" in faas.said
    reference = image(obedient, "hello")
    digest = reference.partition("@")[2]
    assert reference == f"{registry.host}/staging/shop@{digest}"
    assert registry.tags("staging/shop") == [digest.removeprefix("sha256:")[:12]]

    obedient.cluster.reset()
    assert faas("deploy", project, "--stage", "staging").count("unchanged") == 2
    assert obedient.cluster.writes() == []
    assert faas("diff", project, "--stage", "staging", "--exit-code") == ""
    assert "hunter2" not in faas.said


def test_a_secret_that_would_change_is_named_and_not_shown(
    faas: ClusterCommand, obedient: Obedient, project: Path
) -> None:
    faas("deploy", project, "--stage", "staging")
    faas.environment["DB_PASSWORD"] = "hunter3"

    shown = faas("diff", project, "--stage", "staging", "--exit-code", code=1)

    faas.environment["DB_PASSWORD"] = "hunter2"
    assert "+  password: (hidden, another value)" in shown
    assert not {"hunter", "aHVudGVy"} & {word for word in ("hunter", "aHVudGVy") if word in shown + faas.said}
    printed = faas("deploy", project, "--stage", "staging", "--dry-run", "-o", "yaml")
    assert [document["kind"] for document in yaml.safe_load_all(printed)] == ["Service", "Service"]


def test_a_dry_run_of_the_client_asks_nobody(faas: ClusterCommand, obedient: Obedient, project: Path) -> None:
    obedient.cluster.reset()

    said = faas("deploy", project, "--stage", "staging", "--dry-run=client")

    assert said.splitlines() == ["city (Service): would be applied", "hello (Service): would be applied"]
    assert obedient.cluster.requests() == []


def test_what_was_done_is_there_for_scripts(faas: ClusterCommand, project: Path) -> None:
    document = json.loads(faas("deploy", project, "--stage", "staging", "-o", "json"))

    assert [item["metadata"]["name"] for item in document["items"]] == ["city", "hello"]
    assert [(each["kind"], each["name"], each["action"]) for each in document["results"]] == [
        ("Secret", "db", "unchanged"), ("Service", "city", "unchanged"), ("Service", "hello", "unchanged"),
    ]  # fmt: skip


def test_exit_codes_say_why_it_failed(faas: ClusterCommand, obedient: Obedient, project: Path) -> None:
    write(project, "Hello")
    faas("deploy", project, "--stage", "staging")

    async def edit(world: World) -> None:
        patch = {"spec": {"template": {"spec": {"containerConcurrency": 3}}}}
        await world.client.patch(SERVICE, "hello", patch, "team", field_manager="kubectl-edit")

    obedient.call(edit)
    faas("deploy", project, "--stage", "staging", code=4)
    assert "hello (Service): .spec.template.spec.containerConcurrency is kubectl-edit's" in faas.said
    faas("deploy", project, "--stage", "staging", "--force-conflicts")

    faas("deploy", project, "--context", "nowhere", code=1)
    faas("deploy", project, "--stage", "nowhere", code=1)
    faas("deploy", project, "--context", "admin", "-n", "team", code=1)
    assert "--registry registry.example.org/team" in faas.said
    faas("deploy", project, "--stage", "staging", "--base", "host", code=1)
    assert "base host is this machine's Python" in faas.said

    write(project, "Broken")
    planned = faas("deploy", project, "--stage", "staging", "--dry-run", "-o", "json")
    broken = json.loads(planned)["items"][0]["spec"]["template"]["spec"]["containers"][0]["image"]
    obedient.fleet.broken[broken] = InstanceFailure("ExitCode1", "Container failed with: boom", restarts=1)
    faas("deploy", project, "--stage", "staging", "--wait-timeout", "20", code=3)
    assert "traffic stays where it was: city" in faas.said
    write(project, "Hello")
    faas("deploy", project, "--stage", "staging")


def test_who_has_no_rights_is_told_and_nothing_is_built_or_written(
    obedient: Obedient, project: Path, tmp_path: Path, registry: RunningRegistry
) -> None:
    viewer = obedient.cluster.command("viewer", tmp_path)
    viewer.environment["DB_PASSWORD"] = "hunter2"
    obedient.cluster.reset()

    viewer("deploy", project, "-n", "prod", "--registry", f"{registry.host}/viewer", code=5)

    assert "viewer" in viewer.said
    assert obedient.cluster.writes() == []


@pytest.mark.parametrize(
    ("user", "flags", "code", "said"),
    [
        pytest.param("admin", ("-n", "nowhere"), 1, "there is no namespace nowhere", id="no-namespace"),
        pytest.param("viewer", ("-n", "prod"), 5, "may not apply (patch)", id="no-rights"),
        pytest.param("admin", ("--registry", "127.0.0.1:1/team"), 1, "127.0.0.1:1", id="no-registry"),
        pytest.param("admin", (), 1, "there is no Secret nowhere, which city, hello needs", id="no-secret"),
    ],
)
def test_what_would_stop_it_is_known_before_anything_is_built(
    obedient: Obedient, project: Path, tmp_path: Path, registry: RunningRegistry, user: str, flags: tuple[str, ...],
    code: int, said: str,
) -> None:  # fmt: skip
    command = obedient.cluster.command(user, tmp_path / "state")
    command.environment["DB_PASSWORD"] = "hunter2"
    mine = tmp_path / "mine"
    shutil.copytree(project, mine)
    if not flags:
        with open(mine / "pyproject.toml", "a") as settings:
            settings.write('\n[tool.faas.functions.hello]\nsecret_env = {X = "nowhere/key"}\n')
            settings.write('\n[tool.faas.functions.city]\nsecret_env = {X = "nowhere/key"}\n')
    obedient.cluster.reset()

    command("deploy", mine, *(flags if "--registry" in flags else (*flags, "--registry", f"{registry.host}/early")),
            code=code)  # fmt: skip

    assert said in command.said
    assert "build:" not in command.said
    assert obedient.cluster.writes() == []
    assert registry.tags("early/shop") == []


@pytest.mark.parametrize(
    ("user", "flags", "code", "said"),
    [
        pytest.param("admin", ("-n", "nowhere"), 1, "there is no namespace nowhere", id="no-namespace"),
        pytest.param("viewer", ("-n", "team"), 5, "may not apply (patch) services", id="no-rights"),
        pytest.param("viewer", ("-n", "team"), 5, "kubectl create role faas-deploy", id="no-rights-and-no-project"),
    ],
)
def test_what_would_stop_an_image_is_known_before_anything_is_asked(
    obedient: Obedient, tmp_path: Path, user: str, flags: tuple[str, ...], code: int, said: str
) -> None:
    command = obedient.cluster.command(user, tmp_path)
    obedient.cluster.reset()

    command("deploy", "--image", "registry.example/go:1", *flags, code=code)

    assert said in command.said
    assert obedient.cluster.writes() == obedient.cluster.requests("PATCH") == []


def test_what_would_stop_a_promotion_is_known_before_any_image_is_copied(
    faas: ClusterCommand, obedient: Obedient, project: Path, registry: RunningRegistry, tmp_path: Path
) -> None:
    write(project, "Hello")
    faas("deploy", project, "--stage", "staging")
    mine = tmp_path / "mine"
    shutil.copytree(project, mine)
    with open(mine / "pyproject.toml", "a") as settings:
        settings.write(f"""
[tool.faas.environments.early]
context = "admin"
namespace = "team"
registry = "{registry.host}/early-promoted"
functions.hello = {{secret_env = {{X = "nowhere/key"}}}}

[tool.faas.environments.unreached]
context = "admin"
namespace = "team"
registry = "127.0.0.1:1/team"
""")
    obedient.cluster.reset()

    faas("promote", "--from", "staging", "--to", "early", "--project", mine, code=1)
    assert "there is no Secret nowhere, which hello needs" in faas.said
    faas("promote", "--from", "staging", "--to", "unreached", "--project", mine, code=1)
    assert "127.0.0.1:1" in faas.said

    assert registry.tags("early-promoted/shop") == []
    assert obedient.cluster.writes() == obedient.cluster.requests("PATCH") == []


def test_what_serves_in_one_stage_is_promoted_to_another(
    faas: ClusterCommand, obedient: Obedient, project: Path, registry: RunningRegistry
) -> None:
    write(project, "Tried")
    faas("deploy", project, "--stage", "staging")
    digest = image(obedient, "hello").partition("@")[2]
    write(project, "Untried")

    promote = ("promote", "--from", "staging", "--to", "production", "--project", project)
    faas(*promote, code=1)
    assert "there is no namespace prod" in faas.said
    faas(*promote, "--create-namespace")

    assert image(obedient, "hello", "prod") == f"{registry.host}/production/shop@{digest}"
    assert registry.manifest("production/shop", digest) == registry.manifest("staging/shop", digest)
    assert "hello: unchanged" in faas(*promote, "hello", "--dry-run")
    faas(*promote, "nothing", code=1)
    assert "no nothing runs in stage staging" in faas.said
