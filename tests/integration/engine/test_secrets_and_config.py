"""`secrets=[…]` and `config=[…]` from the decorator to the handler, with objects that kubectl makes."""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

from faas.resources.kinds import REVISION
from tests.integration.conftest import KUBECTL
from tests.integration.engine.conftest import Engine, eventually

CODE = """
from faas import Context, function

@function(secrets=["db"], config=["limits"], scale_to_zero_after="1s")
def show(ctx: Context) -> str:
    return ctx.secrets["db"]["password"] + " " + ctx.config["limits"]["max"]
"""


def kubectl(engine: Engine, *arguments: str) -> None:
    command = [str(KUBECTL), "--kubeconfig", str(engine.state.kubeconfig), *arguments]
    subprocess.run(command, check=True, capture_output=True, timeout=60)


def reason(engine: Engine) -> str:
    async def look() -> str:
        async with engine.client() as client:
            revisions = (await client.list(REVISION, "default")).items
            conditions = [entry for raw in revisions for entry in raw.get("status", {}).get("conditions", ())]
            return "".join(entry.get("reason", "") for entry in conditions if entry["type"] == "ContainerHealthy")

    return asyncio.run(look())


def files(engine: Engine) -> list[str]:
    return [name for name in os.listdir(f"{engine.plan.runtime_dir}/v") if name.endswith("@")]


def test_a_function_reads_what_kubectl_made(engine: Engine, make_project: Callable[..., Path]) -> None:
    kubectl(engine, "create", "secret", "generic", "db", "--from-literal=password=s3cret")
    kubectl(engine, "create", "configmap", "limits", "--from-literal=max=7")

    engine.deploy(make_project(CODE))

    assert engine.get("show") == (200, b"s3cret 7")
    eventually(lambda: not engine.pids("instance") and not files(engine), "it scales to zero")
    kubectl(engine, "patch", "secret", "db", "-p", '{"stringData": {"password": "changed"}}')
    assert engine.get("show") == (200, b"changed 7")


def test_a_function_starts_when_the_secret_that_it_waits_for_is_made(
    engine: Engine, make_project: Callable[..., Path]
) -> None:
    kubectl(engine, "create", "configmap", "limits", "--from-literal=max=7")
    project = str(make_project(CODE))
    command = [str(KUBECTL.with_name("faas")), "deploy", "--no-wait", "--state", engine.plan.state_dir, project]
    subprocess.run(command, check=True, capture_output=True, timeout=60)

    eventually(lambda: reason(engine) == "CreateContainerConfigError", "it says what is missing")
    kubectl(engine, "create", "secret", "generic", "db", "--from-literal=password=s3cret")
    eventually(lambda: engine.get("show") == (200, b"s3cret 7"), "it starts by itself")
