"""`faas doctor --context`: what it says of pull Secrets, of quotas, and of a namespace that is being deleted."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from faas.cli.checks.check import Check
from faas.cli.checks.cluster import run_checks
from faas.client.errors import NotFound
from faas.client.places.state import State
from faas.client.places.targets import Target
from faas.resources.kinds import CONFIG_MAP, NAMESPACE, SECRET, SERVICE_ACCOUNT
from tests.cluster.faults import refuse
from tests.cluster_world import ClusterWorld
from tests.containers_world import RunningRegistry, htpasswd, running_registry

WEBHOOK = (
    'admission webhook "validation.webhook.serving.knative.dev" denied the request: validation callback failed: '
    'dry run failed with pods "dry-run-validation" is forbidden: {}: spec.template'
)
Doctor = Callable[..., dict[str, Check]]


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningRegistry]:
    folder = tmp_path_factory.mktemp("guarded")
    with running_registry(folder, htpasswd(folder, "ann", "s3cret"), ("ann", "s3cret")) as registry:
        yield registry


@pytest.fixture(scope="module")
def public(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningRegistry]:
    with running_registry(tmp_path_factory.mktemp("public")) as registry:
        yield registry


@pytest.fixture
def doctor(cluster: ClusterWorld, tmp_path: Path) -> Doctor:
    """Of namespace `team`, for the project of a folder when there is one."""

    def run(registry: str = "", *, folder: Path | None = None, namespace: str = "team") -> dict[str, Check]:
        target = Target(State(tmp_path), namespace, "admin", "", cluster.cluster("admin"), " --context admin")
        return {check.name: check for check in run_checks(target, folder or tmp_path, registry)}

    return run


@pytest.fixture
def pulls(cluster: ClusterWorld) -> Iterator[Callable[[bytes], None]]:
    """Have the namespace's default ServiceAccount name a Secret `pull`, with this config.json in it."""

    def make(config: bytes) -> None:
        data = {".dockerconfigjson": base64.b64encode(config).decode()}
        asyncio.run(_apply(cluster, SECRET, "pull", {"type": "kubernetes.io/dockerconfigjson", "data": data}))
        asyncio.run(_apply(cluster, SERVICE_ACCOUNT, "default", {"imagePullSecrets": [{"name": "pull"}]}))

    yield make
    asyncio.run(_apply(cluster, SERVICE_ACCOUNT, "default", {"imagePullSecrets": []}))


async def _apply(cluster: ClusterWorld, kind: Any, name: str, content: dict[str, Any], namespace: str = "team") -> None:
    async with cluster.direct() as client:
        obj = {"apiVersion": kind.api_version, "kind": kind.kind, "metadata": {"name": name}, **content}
        await client.patch(kind, name, obj, namespace, type="apply", force=True)


def config_for(registry: RunningRegistry) -> bytes:
    login = base64.b64encode(b"ann:s3cret").decode()
    return json.dumps({"auths": {registry.host: {"auth": login}}}).encode()


def test_a_registry_that_wants_a_login_and_no_secret_for_it_is_a_warning(
    doctor: Doctor, guarded: RunningRegistry, pulls: object
) -> None:
    check = doctor(f"{guarded.host}/team")["pull secrets"]

    assert check.status == "warning"
    assert check.found.startswith(f"none, and {guarded.host} gives team/faas-sources to nobody without a login")
    assert check.fix.splitlines() == [
        "Make one:  faas secret create pull --from-file .dockerconfigjson=$HOME/.docker/config.json",
        'and name it, of the stage or of a function:  image_pull_secrets = ["pull"]',
    ]


def test_a_registry_that_wants_none_needs_no_secret(doctor: Doctor, public: RunningRegistry, pulls: object) -> None:
    check = doctor(f"{public.host}/team")["pull secrets"]
    assert (check.status, check.found) == ("ok", f"none: {public.host} wants none")


def test_a_secret_with_a_login_for_the_registry_is_right(
    doctor: Doctor, guarded: RunningRegistry, pulls: Callable[[bytes], None]
) -> None:
    pulls(config_for(guarded))
    check = doctor(f"{guarded.host}/team")["pull secrets"]
    assert (check.status, check.found) == ("ok", f"pull, with a login for {guarded.host}")


@pytest.mark.parametrize("config", [b'{"auths": {"ghcr.io": {"auth": "YTpi"}}}', b'{"credsStore": "pass"}', b"hello"])
def test_a_secret_with_another_registrys_login_is_a_warning(
    doctor: Doctor, guarded: RunningRegistry, pulls: Callable[[bytes], None], config: bytes
) -> None:
    pulls(config)

    check = doctor(f"{guarded.host}/team")["pull secrets"]

    assert check.status == "warning"
    assert check.found.startswith(f"pull: no login for {guarded.host} in it")
    assert check.fix.startswith("faas secret create pull --update --from-file")


@pytest.mark.parametrize(
    ("code", "refusal", "found", "fix"),
    [
        pytest.param(
            400,
            "failed quota: q: must specify limits.cpu for: user-container; limits.memory for: user-container",
            "quota q of the namespace wants limits.cpu, limits.memory of it",
            "Say cpu and memory, of the stage or of the function",
            id="quota",
        ),
        pytest.param(
            403,
            "maximum cpu usage per Container is 200m, but limit is 1",
            "the namespace's LimitRange refuses it: maximum cpu usage per Container is 200m, but limit is 1",
            "Ask for less (cpu, memory)",
            id="limit range",
        ),
    ],
)
def test_what_a_namespace_wants_of_functions_comes_with_what_to_say(
    cluster: ClusterWorld, doctor: Doctor, code: int, refusal: str, found: str, fix: str
) -> None:
    reason = "Forbidden" if code == 403 else "BadRequest"
    cluster.faults.add(refuse(code, reason=reason, message=WEBHOOK.format(refusal)), method="POST", path="/services")

    check = doctor()["admission"]

    assert (check.status, check.found, check.fix) == ("error", f"a function is refused: {found}", fix)


def test_the_server_is_asked_for_functions_as_the_project_has_them(
    cluster: ClusterWorld, doctor: Doctor, tmp_path: Path
) -> None:
    folder = tmp_path / "shop"
    folder.mkdir()
    (folder / "pyproject.toml").write_text('[project]\nname = "shop"\nversion = "0.1.0"\nrequires-python = ">=3.11"\n')
    (folder / "main.py").write_text(
        "from faas import function\n\n"
        '@function(cpu="2", memory="1Gi")\ndef heavy() -> None: ...\n\n@function\ndef plain() -> None: ...\n'
    )

    assert doctor(folder=folder)["admission"].status == "ok"

    asked = [request for request in cluster.requests("POST", "/services") if "dryRun" in request.query]
    assert len(asked) == 2
    assert cluster.writes() == []


def test_a_namespace_that_is_being_deleted_is_said_once(cluster: ClusterWorld, doctor: Doctor) -> None:
    held = {"metadata": {"name": "held", "finalizers": ["example.org/hold"]}}
    asyncio.run(_apply(cluster, NAMESPACE, "leaving", {}, ""))
    asyncio.run(_apply(cluster, CONFIG_MAP, "held", held, "leaving"))
    asyncio.run(_delete(cluster, "leaving"))
    try:
        checks = doctor(namespace="leaving")
    finally:
        asyncio.run(_apply(cluster, CONFIG_MAP, "held", {}, "leaving"))

    assert checks["namespace"].status == "error"
    assert checks["namespace"].found == "leaving is being deleted"
    assert checks["namespace"].fix.startswith("Wait until it is gone:  kubectl wait --for=delete namespace/leaving")
    for name in ("pull secrets", "admission"):
        assert (checks[name].status, checks[name].found) == ("unknown", "not asked: the namespace is being deleted")


async def _delete(cluster: ClusterWorld, namespace: str) -> None:
    async with cluster.direct() as client:
        await client.delete(NAMESPACE, namespace)
        with suppress(NotFound):
            await client.delete(SERVICE_ACCOUNT, "default", namespace)  # as Kubernetes does, before what is held
