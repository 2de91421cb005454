"""Deploys over the real API and controllers, with instances that obey at once: what is applied, when traffic moves."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from faas.deploy.deploying import carry_out_deploy
from faas.deploy.errors import DeployError, NotReady, TrafficError
from faas.deploy.images.requests import images_in_use
from faas.deploy.objects.plan import Change
from faas.deploy.planning import Plan, plan_deploy
from faas.deploy.services import traffic
from faas.deploy.services.rollout import DeployOptions, carry_out
from faas.deploy.services.split import change_split, roll_back
from faas.deploy.steps import Steps
from faas.engine.contract.revision import InstanceFailure
from faas.project.manifests.objects import Objects
from faas.resources.kinds import REVISION, ROUTE, SERVICE, TRIGGER
from tests.engine_world import World, in_world

EXITS = InstanceFailure("ExitCode1", "Container failed with: boom", restarts=1)
LATEST = {"latestRevision": True, "percent": 100}


def manifest(name: str, image: str, namespace: str = "default") -> dict[str, Any]:
    return {
        "apiVersion": "serving.knative.dev/v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": namespace, "labels": {"faas.dev/project": "shop"}},
        "spec": {"template": {"spec": {"containerConcurrency": 20, "containers": [{"image": image}]}}},
    }


async def plan(world: World, images: dict[str, str], namespace: str = "default") -> Plan:
    services = tuple(manifest(name, image, namespace) for name, image in images.items())
    objects = Objects(services=services, brokers=(), sources=(), triggers=())
    return await plan_deploy(world.client, objects, project="shop", namespace=namespace, whole=True)


async def deploy(world: World, images: dict[str, str], **options: Any) -> tuple[Sequence[Change], list[Any], Steps]:
    steps = Steps()
    changes = (await plan(world, images)).services
    objects = await carry_out(world.client, changes, DeployOptions(**{"wait_timeout_s": 20.0, **options}), steps)
    return changes, objects, steps


async def spec_traffic(world: World, name: str) -> list[dict[str, Any]]:
    service = await world.client.get(SERVICE, name, "default")
    return list(service["spec"]["traffic"])


async def annotations(world: World, name: str) -> dict[str, str]:
    """Those that a deploy makes for a while."""
    service = await world.client.get(SERVICE, name, "default")
    return {
        key: value
        for key, value in (service["metadata"].get("annotations") or {}).items()
        if key.startswith("faas.dev/") and key != "faas.dev/applied"
    }


@in_world
async def test_a_first_deploy_creates_waits_and_returns_what_is_ready(world: World) -> None:
    changes, objects, steps = await deploy(world, {"city": "c1", "web": "w1"})

    assert [change.action for change in changes] == ["create", "create"]
    assert [obj["status"]["url"] for obj in objects] == [
        "http://city.default.localhost:8080",
        "http://web.default.localhost:8080",
    ]
    assert [(step.name, step.state) for step in steps.done] == [
        ("apply", "done"),
        ("wait", "done"),
        ("traffic", "done"),
    ]


@in_world
async def test_a_deploy_of_the_same_writes_nothing(world: World) -> None:
    await deploy(world, {"web": "w1"})
    before = (await world.client.get(SERVICE, "web", "default"))["metadata"]["resourceVersion"]

    changes, _, _ = await deploy(world, {"web": "w1"})

    assert [change.action for change in changes] == ["unchanged"]
    assert (await world.client.get(SERVICE, "web", "default"))["metadata"]["resourceVersion"] == before


@in_world
async def test_new_code_makes_a_revision_that_gets_the_traffic(world: World) -> None:
    await deploy(world, {"web": "w1"})

    changes, (service,), _ = await deploy(world, {"web": "w2"})

    assert [(change.action, change.new_revision) for change in changes] == [("update", True)]
    assert service["status"]["latestReadyRevisionName"] == "web-00002"
    await world.route_splits("web", web_00002=100)
    assert await spec_traffic(world, "web") == [LATEST]
    assert await annotations(world, "web") == {}


@in_world
async def test_no_traffic_moves_before_all_new_revisions_are_ready(world: World) -> None:
    await deploy(world, {"city": "c1", "web": "w1"})
    world.fleet.held.add("w2")

    async with asyncio.TaskGroup() as group:
        task = group.create_task(deploy(world, {"city": "c2", "web": "w2"}))
        await world.until(SERVICE, "city", lambda raw: raw["status"].get("latestReadyRevisionName") == "city-00002")
        await world.route_splits("city", city_00001=100)
        assert not task.done()
        world.fleet.release("w2")

    await world.route_splits("city", city_00002=100)
    await world.route_splits("web", web_00002=100)
    assert await spec_traffic(world, "city") == [LATEST]
    assert await annotations(world, "city") == {}


@in_world
async def test_one_that_fails_keeps_the_traffic_of_all_and_the_next_deploy_goes_on(world: World) -> None:
    await deploy(world, {"city": "c1", "web": "w1"})
    world.fleet.broken["w2"] = EXITS

    with pytest.raises(NotReady) as error:
        await deploy(world, {"city": "c2", "web": "w2"})

    assert [(failure.service, failure.reason) for failure in error.value.failures] == [("web", "RevisionFailed")]
    assert "boom" in error.value.failures[0].message
    assert [str(kept) for kept in error.value.kept] == ["city (city-00001 100 %)", "web (web-00001 100 %)"]
    await world.route_splits("city", city_00001=100)

    await deploy(world, {"city": "c2", "web": "w3"})  # city is unchanged, and moves now

    await world.route_splits("city", city_00002=100)
    await world.route_splits("web", web_00003=100)
    assert await annotations(world, "city") == {}


@in_world
async def test_independent_services_move_alone(world: World) -> None:
    await deploy(world, {"city": "c1", "web": "w1"})
    world.fleet.broken["w2"] = EXITS

    with pytest.raises(NotReady):
        await deploy(world, {"city": "c2", "web": "w2"}, independent=True)

    await world.route_splits("city", city_00002=100)
    await world.route_splits("web", web_00001=100)


@in_world
async def test_a_single_failing_revision_gets_nothing_and_its_reason_is_told(world: World) -> None:
    await deploy(world, {"web": "w1"})
    world.fleet.broken["w2"] = EXITS

    with pytest.raises(NotReady, match="boom") as error:
        await deploy(world, {"web": "w2"})

    assert error.value.failures[0].revision == "web-00002"
    await world.route_splits("web", web_00001=100)


@in_world
async def test_one_that_takes_too_long_says_so(world: World) -> None:
    world.fleet.held.add("w1")

    with pytest.raises(NotReady, match=r"not within 0\.2 s"):
        await deploy(world, {"web": "w1"}, wait_timeout_s=0.2)


@in_world
async def test_without_traffic_the_new_revision_is_ready_and_gets_none(world: World) -> None:
    await deploy(world, {"web": "w1"})

    _, (service,), _ = await deploy(world, {"web": "w2"}, traffic=False, tag="candidate")

    assert service["status"]["latestReadyRevisionName"] == "web-00002"
    await world.route_splits("web", web_00001=100)
    await world.route_splits("candidate-web", web_00002=100)

    await change_split(world.client, "web", "default", lambda now: traffic.change(now, percents={"@latest": 100}))
    await world.route_splits("web", web_00002=100)


@in_world
async def test_a_tag_names_the_new_revision_and_traffic_moves(world: World) -> None:
    await deploy(world, {"web": "w1"})

    await deploy(world, {"web": "w2"}, tag="v2")

    await world.route_splits("web", web_00002=100)
    await world.route_splits("v2-web", web_00002=100)


@in_world
async def test_a_canary_is_kept_by_the_next_deploy(world: World) -> None:
    await deploy(world, {"web": "w1"})
    await deploy(world, {"web": "w2"})
    split = {"web-00001": 90, "@latest": 10}
    await change_split(world.client, "web", "default", lambda now: traffic.change(now, percents=split))

    await deploy(world, {"web": "w3"})

    await world.route_splits("web", web_00001=90, web_00003=10)


@in_world
async def test_a_rollback_goes_to_the_revision_before_and_ends_with_new_code(world: World) -> None:
    await deploy(world, {"web": "w1"})
    await deploy(world, {"web": "w2"})

    target, service = await roll_back(world.client, "web", "default", None)

    assert target == "web-00001"
    assert [entry["revisionName"] for entry in service["status"]["traffic"]] == ["web-00001"]
    await deploy(world, {"web": "w2"})  # nothing new: it stays rolled back
    await world.route_splits("web", web_00001=100)
    await deploy(world, {"web": "w3"})
    await world.route_splits("web", web_00003=100)
    assert await annotations(world, "web") == {}


@in_world
async def test_a_canary_that_was_rolled_back_never_returns(world: World) -> None:
    await deploy(world, {"web": "w1"})
    await deploy(world, {"web": "w2"})
    split = {"web-00001": 90, "@latest": 10}
    await change_split(world.client, "web", "default", lambda now: traffic.change(now, percents=split))
    await roll_back(world.client, "web", "default", "web-00001")

    _, _, steps = await deploy(world, {"web": "w3"})

    await world.route_splits("web", web_00003=100)
    assert await spec_traffic(world, "web") == [LATEST]
    assert "web: @latest 100 %: web-00003, the rollback is over" in [line for step in steps.done for line in step.lines]


@in_world
async def test_after_a_rollback_new_code_of_several_moves_together(world: World) -> None:
    for version in ("1", "2"):
        await deploy(world, {"city": f"c{version}", "web": f"w{version}"})
    split = {"web-00001": 90, "web-00002": 10}
    await change_split(world.client, "web", "default", lambda now: traffic.change(now, percents=split))
    await roll_back(world.client, "web", "default", "web-00001")

    await deploy(world, {"city": "c3", "web": "w3"})

    await world.route_splits("city", city_00003=100)
    await world.route_splits("web", web_00003=100)


@in_world
async def test_new_code_without_traffic_leaves_a_rollback_in_force(world: World) -> None:
    await deploy(world, {"web": "w1"})
    await deploy(world, {"web": "w2"})
    await roll_back(world.client, "web", "default", None)

    await deploy(world, {"web": "w3"}, traffic=False, tag="candidate")
    await world.route_splits("web", web_00001=100)
    await world.route_splits("candidate-web", web_00003=100)

    await deploy(world, {"web": "w4"})
    await world.route_splits("web", web_00004=100)


@in_world
async def test_a_rollback_to_a_revision_that_is_not_there_changes_nothing(world: World) -> None:
    await deploy(world, {"web": "w1"})

    with pytest.raises(TrafficError, match="web has no revision web-00009") as error:
        await roll_back(world.client, "web", "default", "web-00009")
    assert "web-00001" in error.value.hint
    with pytest.raises(TrafficError, match="no earlier ready revision"):
        await roll_back(world.client, "web", "default", None)
    assert await spec_traffic(world, "web") == [LATEST]


@in_world
async def test_a_dry_run_of_a_split_writes_nothing(world: World) -> None:
    await deploy(world, {"web": "w1"})

    planned = await change_split(
        world.client,
        "web",
        "default",
        lambda now: traffic.change(now, tags={"canary": "@latest"}),
        dry_run=True,
    )

    assert planned["spec"]["traffic"][1]["tag"] == "canary"
    assert await spec_traffic(world, "web") == [LATEST]


@in_world
async def test_images_of_all_revisions_are_in_use(world: World) -> None:
    await deploy(world, {"web": "w1"})
    await deploy(world, {"web": "w2"})

    assert sorted(await images_in_use(world.client)) == ["w1", "w2"]
    assert len((await world.client.list(REVISION, "default")).items) == 2


@in_world
async def test_a_namespace_that_is_not_there_is_named(world: World) -> None:
    with pytest.raises(DeployError, match="there is no namespace prod") as error:
        await plan(world, {"web": "w1"}, "prod")

    assert error.value.hint.startswith("Make it:  kubectl create namespace prod")


@in_world
async def test_without_traffic_events_stay_as_they_are(world: World) -> None:
    subscriber = {"ref": {"apiVersion": "serving.knative.dev/v1", "kind": "Service", "name": "web"}}
    trigger = {
        "apiVersion": "eventing.knative.dev/v1",
        "kind": "Trigger",
        "metadata": {"name": "web", "namespace": "default", "labels": {"faas.dev/project": "shop"}},
        "spec": {"broker": "default", "subscriber": subscriber},
    }
    objects = Objects(services=(manifest("web", "w1"),), brokers=(), sources=(), triggers=(trigger,))
    steps = Steps()

    plan = await plan_deploy(world.client, objects, project="shop", namespace="default", whole=True)
    options = DeployOptions(traffic=False, wait_timeout_s=20.0)
    await carry_out_deploy(world.client, plan, options, steps, namespace="default")

    assert [f"{change.kind.kind} {change.action}" for change in plan.changes] == ["Service create", "Trigger create"]
    assert (await world.client.list(TRIGGER, "default")).items == []
    assert steps.done[-1].lines == ["Triggers and sources stay as they are: the new revisions get no traffic yet"]


@in_world
async def test_what_the_code_no_longer_declares_is_named(world: World) -> None:
    await deploy(world, {"api": "v1", "old": "v1"})

    assert [change.name for change in (await plan(world, {"api": "v2"})).gone.asked] == ["old"]


@in_world
async def test_a_revision_that_nobody_routes_to_yet_comes_up_whatever_happens_to_its_route(world: World) -> None:
    await deploy(world, {"web": "w1"})
    world.fleet.held.add("w2")

    async with asyncio.TaskGroup() as group:
        group.create_task(deploy(world, {"web": "w2"}, traffic=False))
        await world.until(SERVICE, "web", lambda raw: raw["status"].get("latestCreatedRevisionName") == "web-00002")
        note = {"metadata": {"annotations": {"team": "sales"}}}  # which the Route gets too
        await world.client.patch(SERVICE, "web", note, "default")
        await world.until(ROUTE, "web", lambda raw: raw["metadata"]["annotations"].get("team") == "sales")
        world.fleet.release("w2")

    await world.route_splits("web", web_00001=100)
