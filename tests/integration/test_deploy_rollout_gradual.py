"""Deploys of functions that roll out gradually: by steps from one @latest to the next, and yet with the others."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest

from faas.deploy.errors import NotReady
from faas.deploy.planning import plan_deploy
from faas.deploy.services.rollout import DeployOptions, carry_out
from faas.deploy.steps import Steps
from faas.engine.contract.revision import InstanceFailure
from faas.project.manifests.objects import Objects
from faas.resources.kinds import ROUTE, SERVICE
from tests.deploy_world import service
from tests.engine_world import World, in_world

EXITS = InstanceFailure("ExitCode1", "Container failed with: boom", restarts=1)
LATEST = {"latestRevision": True, "percent": 100}


async def deploy(
    world: World, images: Mapping[str, str], *, gradual: tuple[str, ...] = (), over: str = "600s", **options: Any
) -> Steps:
    """Args: gradual: those that roll out over so long."""
    services = [service(name, image, "default") for name, image in images.items()]
    for each in services:
        if each["metadata"]["name"] in gradual:
            each["metadata"]["annotations"] = {"serving.knative.dev/rollout-duration": over}
    objects = Objects(services=tuple(services), brokers=(), sources=(), triggers=())
    plan = await plan_deploy(world.client, objects, project="shop", namespace="default", whole=True)
    steps = Steps()
    await carry_out(world.client, plan.services, DeployOptions(**{"wait_timeout_s": 20.0, **options}), steps)
    return steps


@asynccontextmanager
async def deploying(world: World, images: Mapping[str, str], **options: Any) -> AsyncIterator[None]:
    """A deploy that is still waiting for a rollout at the end of the block."""
    task = asyncio.create_task(deploy(world, images, **options))
    try:
        yield
        assert not task.done(), task.result()
    finally:
        task.cancel()
        await asyncio.wait({task})


def shares(raw: dict[str, Any]) -> set[str]:
    return {target["revisionName"] for target in raw["status"].get("traffic") or () if target.get("percent")}


async def held(world: World, name: str) -> bool:
    metadata = (await world.client.get(SERVICE, name, "default"))["metadata"]
    return "faas.dev/held-traffic" in metadata["annotations"]


@in_world
async def test_one_that_rolls_out_gradually_does_so_beside_others(world: World) -> None:
    await deploy(world, {"city": "c1", "web": "w1"}, gradual=("web",))

    async with deploying(world, {"city": "c2", "web": "w2"}, gradual=("web",)):
        await world.until(ROUTE, "web", lambda raw: shares(raw) == {"web-00001", "web-00002"})
        await world.route_splits("city", city_00002=100)
        assert (await world.client.get(SERVICE, "web", "default"))["spec"]["traffic"] == [LATEST]


@in_world
async def test_it_begins_when_the_others_are_ready(world: World) -> None:
    await deploy(world, {"city": "c1", "web": "w1"}, gradual=("web",))
    world.fleet.held.add("c2")

    async with deploying(world, {"city": "c2", "web": "w2"}, gradual=("web",)):
        await world.until(SERVICE, "city", lambda raw: raw["status"]["latestCreatedRevisionName"] == "city-00002")
        assert (await world.client.get(SERVICE, "web", "default"))["status"]["latestCreatedRevisionName"] == "web-00001"
        world.fleet.release("c2")
        await world.until(ROUTE, "web", lambda raw: shares(raw) == {"web-00001", "web-00002"})


@in_world
async def test_it_does_not_begin_when_another_fails(world: World) -> None:
    await deploy(world, {"city": "c1", "web": "w1"}, gradual=("web",))
    world.fleet.broken["c2"] = EXITS

    with pytest.raises(NotReady) as error:
        await deploy(world, {"city": "c2", "web": "w2"}, gradual=("web",))

    assert [failure.service for failure in error.value.failures] == ["city"]
    assert [str(kept) for kept in error.value.kept] == ["city (city-00001 100 %)", "web (web-00001 100 %)"]
    assert (await world.client.get(SERVICE, "web", "default"))["status"]["latestCreatedRevisionName"] == "web-00001"

    async with deploying(world, {"city": "c3", "web": "w2"}, gradual=("web",)):
        await world.until(ROUTE, "web", lambda raw: shares(raw) == {"web-00001", "web-00002"})
        await world.route_splits("city", city_00003=100)


@in_world
async def test_the_others_stay_where_they_were_when_it_fails_and_the_next_deploy_is_gradual(world: World) -> None:
    await deploy(world, {"city": "c1", "web": "w1"}, gradual=("web",))
    world.fleet.broken["w2"] = EXITS

    with pytest.raises(NotReady) as error:
        await deploy(world, {"city": "c2", "web": "w2"}, gradual=("web",))

    assert [failure.service for failure in error.value.failures] == ["web"]
    assert [str(kept) for kept in error.value.kept] == ["city (city-00001 100 %)", "web (web-00001 100 %)"]
    world.fleet.release("w2")  # what failed for a while must not move alone, when nobody looks any more
    await world.until(SERVICE, "web", lambda raw: raw["status"]["latestReadyRevisionName"] == "web-00002")
    await world.route_splits("web", web_00001=100)

    world.fleet.broken["w3"] = EXITS
    with pytest.raises(NotReady):
        await deploy(world, {"city": "c2", "web": "w3"}, gradual=("web",))
    await world.route_splits("city", city_00001=100)
    await world.route_splits("web", web_00001=100)


@in_world
async def test_one_whose_new_code_never_ran_rolls_out_gradually_the_next_time(world: World) -> None:
    await deploy(world, {"city": "c1", "web": "w1"}, gradual=("web",))
    world.fleet.broken["w2"] = EXITS
    with pytest.raises(NotReady):
        await deploy(world, {"city": "c2", "web": "w2"}, gradual=("web",))

    async with deploying(world, {"city": "c2", "web": "w3"}, gradual=("web",)):
        await world.until(ROUTE, "web", lambda raw: shares(raw) == {"web-00001", "web-00003"})
        await world.route_splits("city", city_00002=100)


@in_world
async def test_all_go_back_when_one_of_several_gradual_ones_fails(world: World) -> None:
    both = ("city", "web")
    await deploy(world, {"city": "c1", "web": "w1"}, gradual=both)
    world.fleet.held.add("w2")

    async with asyncio.TaskGroup() as group:
        task = group.create_task(failing(world, {"city": "c2", "web": "w2"}, gradual=both))
        await world.until(ROUTE, "city", lambda raw: shares(raw) == {"city-00001", "city-00002"})
        world.fleet.broken["w2"] = EXITS
        world.fleet.held.discard("w2")
        world.fleet.release("none")
    error = task.result()

    assert [failure.service for failure in error.failures] == ["web"]
    assert [str(kept) for kept in error.kept] == ["city (city-00001 100 %)", "web (web-00001 100 %)"]
    await world.route_splits("city", city_00001=100)
    assert await held(world, "city")

    world.fleet.release("w2")
    await deploy(world, {"city": "c2", "web": "w4"}, over="1s", gradual=both)
    await world.route_splits("city", city_00002=100)
    await world.route_splits("web", web_00003=100)
    assert not await held(world, "city")


async def failing(world: World, images: Mapping[str, str], **options: Any) -> NotReady:
    with pytest.raises(NotReady) as error:
        await deploy(world, images, **options)
    return error.value


@in_world
async def test_a_duration_of_nothing_is_none(world: World) -> None:
    await deploy(world, {"city": "c1", "web": "w1"}, gradual=("web",), over="0s")
    world.fleet.broken["c2"] = EXITS

    with pytest.raises(NotReady):
        await deploy(world, {"city": "c2", "web": "w2"}, gradual=("web",), over="0s")

    assert (await world.client.get(SERVICE, "web", "default"))["status"]["latestCreatedRevisionName"] == "web-00002"
    await world.route_splits("web", web_00001=100)


@in_world
async def test_a_rollout_may_take_longer_than_what_is_waited_for_its_start(world: World) -> None:
    await deploy(world, {"web": "w1"}, gradual=("web",), over="3s")

    await deploy(world, {"web": "w2"}, gradual=("web",), over="3s", wait_timeout_s=2.0)

    await world.route_splits("web", web_00002=100)
