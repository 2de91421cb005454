"""The life of a Service over the real API in process, with instances that obey at once."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from faas.engine.contract.dataplane import LoadSample
from faas.engine.contract.revision import InstanceFailure, RevisionKey
from faas.resources.kinds import CONFIGURATION, EVENT, REVISION, ROUTE, SERVICE
from tests.engine_world import World, condition, engine_world, in_world, is_ready, make_service, observed
from tests.virtual_clock import VirtualClock

EXITS = InstanceFailure("ExitCode1", "Container failed with: boom", restarts=1)


@in_world
async def test_a_new_service_becomes_ready_and_reachable(world: World) -> None:
    await world.apply("hello")
    service = await world.service_ready("hello", "hello-00001")
    status = service["status"]
    assert status["url"] == "http://hello.default.localhost:8080"
    assert status["address"] == {"url": "http://hello.default.svc.cluster.local"}
    assert status["traffic"] == [{"latestRevision": True, "percent": 100, "revisionName": "hello-00001"}]
    assert [entry["type"] for entry in status["conditions"]] == ["ConfigurationsReady", "Ready", "RoutesReady"]
    await world.route_splits("hello", hello_00001=100)
    assert dict(world.board.hosts.items()) == {
        "hello.default.localhost": "default/hello",
        "hello.default.svc.cluster.local": "default/hello",
        "hello.default.svc": "default/hello",
        "hello.default": "default/hello",
    }
    revision = await world.routing_state("hello-00001", "active")
    assert revision["metadata"]["annotations"]["serving.knative.dev/routes"] == "hello"
    assert revision["status"]["containerStatuses"] == [{"name": "user-container", "imageDigest": "sha256:v1"}]
    assert (revision["status"]["actualReplicas"], revision["status"]["desiredReplicas"]) == (1, 1)
    assert world.board.policies[RevisionKey("default", "hello-00001")].service == "hello"


@in_world
async def test_an_update_moves_traffic_only_when_the_new_revision_is_ready(world: World) -> None:
    await world.apply("hello")
    await world.service_ready("hello", "hello-00001")
    world.fleet.held.add("v2")
    await world.apply("hello", "v2")
    service = await world.until(
        SERVICE, "hello", lambda raw: raw["status"].get("latestCreatedRevisionName") == "hello-00002"
    )
    assert condition(service, "ConfigurationsReady")["status"] == "Unknown"
    assert service["status"]["latestReadyRevisionName"] == "hello-00001"
    await world.route_splits("hello", hello_00001=100)
    world.fleet.release("v2")
    await world.service_ready("hello", "hello-00002")
    await world.route_splits("hello", hello_00002=100)
    await world.routing_state("hello-00001", "reserve")
    await world.routing_state("hello-00002", "active")


@in_world
async def test_a_revision_that_fails_leaves_traffic_where_it_is(world: World) -> None:
    await world.apply("hello")
    await world.service_ready("hello", "hello-00001")
    world.fleet.broken["v2"] = EXITS
    await world.apply("hello", "v2")
    service = await world.until(SERVICE, "hello", lambda raw: condition(raw, "Ready").get("status") == "False")
    assert condition(service, "ConfigurationsReady")["reason"] == "RevisionFailed"
    assert condition(service, "ConfigurationsReady")["message"] == (
        'Revision "hello-00002" failed with message: Container failed with: boom.'
    )
    assert condition(service, "RoutesReady")["status"] == "True"
    revision = await world.client.get(REVISION, "hello-00002", "default")
    assert condition(revision, "ContainerHealthy")["reason"] == "ExitCode1"
    assert condition(revision, "Ready")["message"] == "Container failed with: boom"
    await world.route_splits("hello", hello_00001=100)
    world.fleet.release("v2")
    await world.service_ready("hello", "hello-00002")


@in_world
async def test_a_mistake_that_was_mended_does_not_crash_on(world: World) -> None:
    world.fleet.broken["v1"] = EXITS
    await world.apply("hello", "v1")
    await world.until(REVISION, "hello-00001", lambda raw: condition(raw, "Ready").get("status") == "False")
    first = RevisionKey("default", "hello-00001")
    assert world.board.decisions[first].desired == 1
    await world.apply("hello", "v2")
    await world.service_ready("hello", "hello-00002")
    async with asyncio.timeout(10):
        async for _ in world.board.decisions.changes():
            if world.board.decisions[first].desired == 0:
                break
    revision = await world.client.get(REVISION, "hello-00001", "default")
    assert condition(revision, "ContainerHealthy")["reason"] == "ExitCode1"


@in_world
async def test_a_canary_and_a_rollback(world: World) -> None:
    await world.apply("hello")
    await world.service_ready("hello", "hello-00001")
    canary = [
        {"revisionName": "hello-00001", "percent": 90},
        {"latestRevision": True, "percent": 10, "tag": "canary"},
    ]
    await world.apply("hello", "v2", traffic=canary)
    service = await world.service_ready("hello", "hello-00002")
    assert service["status"]["traffic"] == [
        {"latestRevision": False, "percent": 90, "revisionName": "hello-00001"},
        {
            "latestRevision": True,
            "percent": 10,
            "revisionName": "hello-00002",
            "tag": "canary",
            "url": "http://canary-hello.default.localhost:8080",
        },
    ]
    await world.route_splits("hello", hello_00001=90, hello_00002=10)
    await world.route_splits("canary-hello", hello_00002=100)
    assert world.board.hosts["canary-hello.default.localhost"] == "default/canary-hello"
    await world.apply("hello", "v2", traffic=[{"revisionName": "hello-00001", "percent": 100}])
    await world.route_splits("hello", hello_00001=100)
    await world.until(SERVICE, "hello", lambda raw: is_ready(raw) and observed(raw))
    await world.routing_state("hello-00001", "active")
    await world.routing_state("hello-00002", "reserve")
    await settled(world)
    assert "default/canary-hello" not in world.board.targets
    assert "canary-hello.default.localhost" not in world.board.hosts


@in_world
async def test_a_missing_revision_in_the_traffic_block_changes_no_traffic(world: World) -> None:
    await world.apply("hello")
    await world.service_ready("hello", "hello-00001")
    await world.apply("hello", traffic=[{"revisionName": "hello-00009", "percent": 100}])
    service = await world.until(
        SERVICE, "hello", lambda raw: condition(raw, "RoutesReady").get("reason") == "RevisionMissing"
    )
    assert condition(service, "Ready")["message"] == 'Revision "hello-00009" referenced in traffic not found.'
    await world.route_splits("hello", hello_00001=100)


@in_world
async def test_a_service_may_not_send_traffic_to_another_services_revision(world: World) -> None:
    await world.apply("hello")
    await world.apply("other")
    await world.service_ready("hello", "hello-00001")
    await world.service_ready("other", "other-00001")
    await world.apply("hello", traffic=[{"revisionName": "other-00001", "percent": 100}])
    route = await world.until(
        ROUTE, "hello", lambda raw: condition(raw, "AllTrafficAssigned").get("reason") == "RevisionNotOwned"
    )
    assert condition(route, "Ready")["status"] == "False"


@in_world
async def test_a_chosen_name_is_kept_and_a_taken_one_is_refused(world: World) -> None:
    await world.apply("hello", template={"name": "hello-first"})
    await world.service_ready("hello", "hello-first")
    await world.apply("hello", "v2", template={"name": "hello-second"})
    await world.service_ready("hello", "hello-second")
    await world.apply("hello", "v3", template={"name": "hello-first"})
    service = await world.until(
        SERVICE, "hello", lambda raw: condition(raw, "RoutesReady").get("reason") == "RevisionNameTaken"
    )
    assert condition(service, "RoutesReady")["message"] == (
        'The revision name "hello-first" is taken by a conflicting Revision, so traffic will not be migrated'
    )
    await world.route_splits("hello", hello_second=100)
    await world.apply("hello", "v4", template={"name": "hello-third"})
    await world.service_ready("hello", "hello-third")
    await world.apply("hello", "v1", template={"name": "hello-first"})
    await world.service_ready("hello", "hello-first")
    await world.route_splits("hello", hello_first=100)


@in_world
async def test_two_updates_in_a_moment_that_end_with_the_name_before_are_told_apart(world: World) -> None:
    await world.apply("hello", template={"name": "hello-first"})
    await world.service_ready("hello", "hello-first")
    # The controller sees only the last of these: the same name as before, for another template.
    await world.apply("hello", "v2", template={"name": "hello-second"})
    await world.apply("hello", "v3", template={"name": "hello-first"})
    await world.until(SERVICE, "hello", lambda raw: condition(raw, "RoutesReady").get("reason") == "RevisionNameTaken")
    await world.apply("hello", "v4", template={"name": "hello-third"})
    await world.service_ready("hello", "hello-third")


@in_world
async def test_what_somebody_else_owns_is_left_alone(world: World) -> None:
    mine = {
        "apiVersion": "serving.knative.dev/v1",
        "kind": "Configuration",
        "metadata": {"name": "hello", "namespace": "default"},
        "spec": {"template": {"spec": {"containers": [{"image": "mine"}]}}},
    }
    await world.client.create(CONFIGURATION, mine)
    await world.until(CONFIGURATION, "hello", is_ready)
    await world.apply("hello")
    service = await world.until(
        SERVICE, "hello", lambda raw: condition(raw, "ConfigurationsReady").get("reason") == "NotOwned"
    )
    assert condition(service, "ConfigurationsReady")["message"] == (
        'There is an existing Configuration "hello" that we do not own.'
    )
    stored = await world.client.get(CONFIGURATION, "hello", "default")
    assert stored["spec"]["template"]["spec"]["containers"][0]["image"] == "mine"


@in_world
async def test_a_cluster_local_service_has_a_local_url_and_is_not_public(world: World) -> None:
    await world.apply("hello", labels={"networking.knative.dev/visibility": "cluster-local"})
    service = await world.service_ready("hello", "hello-00001")
    assert service["status"]["url"] == "http://hello.default.svc.cluster.local"
    assert world.board.targets["default/hello"].public is False
    assert "hello.default.localhost" not in world.board.hosts
    await world.apply("hello")
    await world.until(SERVICE, "hello", lambda raw: raw["status"]["url"] == "http://hello.default.localhost:8080")
    assert world.board.targets["default/hello"].public is True


@in_world
async def test_a_tag_that_makes_the_name_of_another_route_is_refused(world: World) -> None:
    await world.apply("a-b")
    await world.service_ready("a-b", "a-b-00001")
    await world.apply("b", traffic=[{"latestRevision": True, "percent": 100, "tag": "a"}])
    route = await world.until(ROUTE, "b", lambda raw: condition(raw, "IngressReady").get("reason") == "NotOwned")
    assert condition(route, "Ready")["status"] == "False"
    await world.route_splits("a-b", a_b_00001=100)


@in_world
async def test_scaling_shows_in_conditions_and_replica_counts(world: World) -> None:
    after = {"annotations": {"faas.dev/scale-to-zero-after": "50ms"}}
    await world.apply("hello", template=after)
    await world.service_ready("hello", "hello-00001")
    nothing = LoadSample("default/hello-00001", concurrency=0, requests=0, in_flight=0, waiting=0)
    for listener in world.board.signals.load:
        listener((nothing,))
    revision = await world.until(
        REVISION, "hello-00001", lambda raw: raw["status"].get("actualReplicas", -1) in (0, None) and is_ready(raw)
    )
    assert condition(revision, "Active") == {
        "type": "Active",
        "status": "False",
        "severity": "Info",
        "reason": "NoTraffic",
        "message": "The target is not receiving traffic.",
        "lastTransitionTime": condition(revision, "Active")["lastTransitionTime"],
    }


@in_world
async def test_settings_of_the_autoscaler_take_effect_live(world: World) -> None:
    await world.apply("hello")
    await world.service_ready("hello", "hello-00001")
    key = RevisionKey("default", "hello-00001")
    assert world.board.plans[key].scaling.target == 70
    await world.configure("config-autoscaler", container_concurrency_target_percentage="50")
    async with asyncio.timeout(20):
        async for _ in world.board.plans.changes():
            if world.board.plans[key].scaling.target == 50:
                return


@in_world
async def test_old_revisions_are_collected(world: World) -> None:
    await world.configure("config-gc", min_non_active_revisions="0", max_non_active_revisions="1")
    for number in (1, 2, 3):
        await world.apply("hello", f"v{number}")
        await world.service_ready("hello", f"hello-0000{number}")
    await world.until_gone(REVISION, "hello-00001")
    async with asyncio.timeout(20):
        async for _ in world.board.plans.changes():
            if RevisionKey("default", "hello-00001") not in world.board.plans:
                break
    names = {item["metadata"]["name"] for item in (await world.client.list(REVISION, "default")).items}
    assert names == {"hello-00002", "hello-00003"}


@in_world
async def test_events_tell_what_happened(world: World) -> None:
    await world.apply("hello")
    await world.service_ready("hello", "hello-00001")
    seen: set[tuple[str, str, str]] = set()
    wanted = {
        ("Service", "Created", 'Created Configuration "hello"'),
        ("Service", "Created", 'Created Route "hello"'),
        ("Configuration", "Created", 'Created Revision "hello-00001"'),
        ("Configuration", "ConfigurationReady", "Configuration becomes ready"),
        ("Revision", "RevisionReady", "Revision becomes ready upon all resources being ready"),
    }
    async with asyncio.timeout(20):
        async for event in world.client.watch(EVENT, "default"):
            raw = event.object
            seen.add((raw["involvedObject"]["kind"], raw["reason"], raw["message"]))
            if wanted <= seen:
                return


@in_world
async def test_a_route_that_is_deleted_takes_its_hosts_with_it(world: World) -> None:
    await world.apply("hello")
    await world.service_ready("hello", "hello-00001")
    await world.client.delete(SERVICE, "hello", "default", propagation="Orphan")
    await world.until_gone(SERVICE, "hello")
    await world.client.delete(ROUTE, "hello", "default")
    async with asyncio.timeout(20):
        async for _ in world.board.targets.changes():
            if not len(world.board.targets):
                break
    assert not len(world.board.hosts)
    await world.routing_state("hello-00001", "reserve")


@in_world
async def test_a_service_that_is_deleted_takes_everything_with_it(world: World) -> None:
    await world.apply("hello")
    await world.service_ready("hello", "hello-00001")
    await world.client.delete(SERVICE, "hello", "default")
    for kind, name in ((CONFIGURATION, "hello"), (ROUTE, "hello"), (REVISION, "hello-00001")):
        await world.until_gone(kind, name)
    async with asyncio.timeout(20):
        async for _ in world.board.plans.changes():
            if not len(world.board.plans):
                break
        async for _ in world.board.targets.changes():
            if not len(world.board.targets):
                break
    assert (len(world.board.hosts), len(world.board.policies), len(world.board.decisions)) == (0, 0, 0)


@in_world
async def test_a_child_that_is_deleted_comes_back(world: World) -> None:
    await world.apply("hello")
    await world.service_ready("hello", "hello-00001")
    first = (await world.client.get(ROUTE, "hello", "default"))["metadata"]["uid"]
    await world.client.delete(ROUTE, "hello", "default")
    await world.until(ROUTE, "hello", lambda raw: raw["metadata"]["uid"] != first and is_ready(raw))
    await world.service_ready("hello", "hello-00001")
    await world.route_splits("hello", hello_00001=100)


@pytest.mark.parametrize("count", [20])
def test_many_services_become_ready_beside_each_other(count: int) -> None:
    async def body() -> None:
        async with engine_world() as world:
            names = [f"svc-{index}" for index in range(count)]
            for name in names:
                await world.apply(name)
            for name in names:
                await world.service_ready(name, f"{name}-00001")

    asyncio.run(body())


def test_a_gradual_rollout_moves_traffic_step_by_step() -> None:
    async def body() -> None:
        clock = VirtualClock()
        async with engine_world(clock=clock) as world:
            slow = {"serving.knative.dev/rollout-duration": "4s"}
            await world.apply("hello", annotations=slow)
            await world.service_ready("hello", "hello-00001")
            await world.apply("hello", "v2", annotations=slow)
            route = await world.until(
                ROUTE, "hello", lambda raw: condition(raw, "Ready").get("reason") == "RolloutInProgress"
            )
            assert [target["percent"] for target in route["status"]["traffic"]] == [99, 1]
            await world.route_splits("hello", hello_00001=99, hello_00002=1)
            for older, newer in ((66, 34), (33, 67)):
                clock.advance(1)
                await world.route_splits("hello", hello_00001=older, hello_00002=newer)
            clock.advance(1)
            await world.route_splits("hello", hello_00002=100)
            service = await world.service_ready("hello", "hello-00002")
            assert service["status"]["traffic"] == [
                {"latestRevision": True, "percent": 100, "revisionName": "hello-00002"}
            ]

    asyncio.run(body())


def test_a_restart_changes_nothing() -> None:
    async def body() -> None:
        async with engine_world() as first:
            await first.apply("hello")
            await first.service_ready("hello", "hello-00001")
            canary = [{"revisionName": "hello-00001", "percent": 90}, {"latestRevision": True, "percent": 10}]
            await first.apply("hello", "v2", traffic=canary)
            await first.service_ready("hello", "hello-00002")
            first.fleet.broken["v3"] = EXITS
            await first.apply("hello", "v3", traffic=canary)
            await first.until(SERVICE, "hello", lambda raw: condition(raw, "Ready").get("status") == "False")
            await first.routing_state("hello-00003", "active")
            targets, hosts = first.board.targets.items(), first.board.hosts.items()
            version = await settled(first)
        async with engine_world(first.client, ready=first.fleet.ready) as second:
            second.fleet.broken["v3"] = EXITS
            await second.controllers.settled()
            assert second.board.targets.items() == targets
            assert await settled(second) == version
            assert (second.board.targets.items(), second.board.hosts.items()) == (targets, hosts)
            assert second.board.plans[RevisionKey("default", "hello-00001")].initialized

    asyncio.run(body())


async def settled(world: World) -> int:
    """The store's version once nobody has written for a while; no event tells of silence, so this one polls."""
    version, quiet = world.client.records.store.version, 0
    while quiet < 30:
        await asyncio.sleep(0.01)
        quiet = quiet + 1 if world.client.records.store.version == version else 0
        version = world.client.records.store.version
    return version


def test_a_broken_object_in_the_store_stops_no_other(caplog: pytest.LogCaptureFixture) -> None:
    async def body() -> None:
        async with engine_world() as world:
            broken = make_service("broken")
            await world.client.create(SERVICE, broken)
            await world.until(SERVICE, "broken", is_ready)

            def spoil(raw: dict[str, Any]) -> dict[str, Any]:
                raw["spec"]["template"]["spec"]["containers"] = "none"
                return raw

            key = world.client.records.key(SERVICE, "broken", "default")
            await world.client.remover.edit(SERVICE, key, spoil)
            await world.apply("hello")
            await world.service_ready("hello", "hello-00001")

    asyncio.run(body())
    assert "Service default/broken is left alone" in caplog.text
