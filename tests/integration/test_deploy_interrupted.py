"""A deploy that dies at any step, or meets another: what the next one makes of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from faas.client.protocol import Client, Object, WatchEvent
from faas.deploy.deploying import carry_out_deploy
from faas.deploy.errors import Overtaken
from faas.deploy.planning import plan_deploy
from faas.deploy.services.rollout import DeployOptions
from faas.deploy.steps import Steps
from faas.project.manifests.objects import Objects
from faas.resources.kinds import CONFIG_MAP, SERVICE
from tests.deploy_world import service
from tests.engine_world import World, engine_world

NAMES = ("city", "web")


class Killed(BaseException):
    """As kill -9: nothing is cleaned up after it."""


class Dying:
    """A client of a process that is killed at one of its requests, before or after that is carried out."""

    def __init__(self, client: Client, at: int, *, after: bool) -> None:
        self._client, self._left, self._after = client, at, after

    def __getattr__(self, name: str) -> Any:
        asked = getattr(self._client, name)

        async def dying(*args: Any, **more: Any) -> Any:
            self._left -= 1
            if self._left < 0 and not self._after:
                raise Killed
            answer = await asked(*args, **more)
            if self._left < 0:
                raise Killed
            return answer

        async def watching(*args: Any, **more: Any) -> AsyncIterator[WatchEvent]:
            async for event in asked(*args, **more):
                self._left -= 1
                if self._left < 0:
                    raise Killed
                yield event

        return watching if name == "watch" else dying


def objects(version: str) -> Objects:
    labels = {"faas.dev/project": "shop"}
    metadata = {"name": "texts", "namespace": "default", "labels": labels}
    texts = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"version": version}}
    services = tuple(service(name, f"{name}-{version}", "default") for name in NAMES)
    return Objects(services, (), (), (), config_maps=(texts,))


async def deploy(client: Any, version: str) -> None:
    plan = await plan_deploy(client, objects(version), project="shop", namespace="default", whole=True, force=False)
    await carry_out_deploy(client, plan, DeployOptions(wait_timeout_s=20.0), Steps(), namespace="default")


async def look(world: World) -> tuple[dict[str, Any], Object]:
    services = {item["metadata"]["name"]: item for item in (await world.client.list(SERVICE, "default")).items}
    return services, await world.client.get(CONFIG_MAP, "texts", "default")


async def killed_at(at: int, *, after: bool) -> bool:
    """Whether the deploy was long enough to be killed there; what the next one made of it is checked."""
    async with engine_world() as world:
        await deploy(world.client, "1")
        try:
            await deploy(Dying(world.client, at, after=after), "2")
        except (Killed, BaseExceptionGroup):
            pass
        else:
            return False
        services, _ = await look(world)
        by_revision = {
            name: [target["revisionName"] for target in item["status"]["traffic"]] for name, item in services.items()
        }
        assert all(len(revisions) == 1 for revisions in by_revision.values())  # never a split nobody wanted

        await deploy(world.client, "2")

        services, texts = await look(world)
        assert texts["data"] == {"version": "2"}
        for name, item in services.items():
            assert item["spec"]["traffic"] == [{"latestRevision": True, "percent": 100}]
            assert item["status"]["latestReadyRevisionName"] == f"{name}-00002"
            assert set(item["metadata"]["annotations"]) & {"faas.dev/held-traffic", "faas.dev/rolled-back"} == set()
    return True


@pytest.mark.parametrize("after", [pytest.param(False, id="before"), pytest.param(True, id="after")])
def test_a_deploy_that_was_killed_at_any_step_and_runs_again_ends_right(after: bool) -> None:
    async def run() -> None:
        at = 0
        while await killed_at(at, after=after):
            at += 1
        assert at > 20

    asyncio.run(run())


def test_two_deploys_at_once_leave_every_function_in_order_and_one_of_them_is_told() -> None:
    told: list[str] = []

    async def one(world: World, version: str) -> None:
        try:
            await deploy(world.client, version)
        except Overtaken as error:
            told.extend(error.services)

    async def run() -> None:
        async with engine_world() as world:
            await deploy(world.client, "1")
            async with asyncio.TaskGroup() as group:
                for version in ("2", "3"):
                    group.create_task(one(world, version))
            services, _ = await look(world)
            for name, item in services.items():
                assert item["spec"]["template"]["spec"]["containers"][0]["image"] in (f"{name}-2", f"{name}-3")
                await world.service_ready(name, item["status"]["latestCreatedRevisionName"])
                assert item["spec"]["traffic"] == [{"latestRevision": True, "percent": 100}]
                assert "faas.dev/held-traffic" not in item["metadata"]["annotations"]

    asyncio.run(run())
    assert told
