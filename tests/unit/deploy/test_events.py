"""Brokers, Triggers and sources of a deploy, over the real API with a controller that says what the test wants."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from faas_runtime.declaring.spec import FunctionSpec, Trigger

from faas.client.errors import NotFound
from faas.client.protocol import Client, Object
from faas.deploy.bindings.events import EventPlan, carry_out_events, make_brokers, plan_events
from faas.deploy.bindings.settled import judge_ready, wait_settled
from faas.deploy.export.editions.cleaning import exported_event, runs_adapter
from faas.deploy.objects.belonging import EventObjects, read_events
from faas.deploy.services.wait import Verdict
from faas.engine.api.objects.backend import Backend
from faas.engine.api.objects.bootstrap import bootstrap
from faas.engine.api.objects.collector import Collector
from faas.engine.store import MemoryStore
from faas.project.manifests.objects import Objects, make_objects
from faas.project.pyproject.settings import Settings
from faas.project.services import make_services
from faas.resources.kinds import BROKER, CONFIG_MAP, PING_SOURCE, REDIS_STREAM_SOURCE, SERVICE, TRIGGER, Kind

WATCHED = (TRIGGER, PING_SOURCE, REDIS_STREAM_SOURCE)


@dataclass
class World:
    api: Backend
    broken: dict[str, str] = field(default_factory=dict)  # name -> reason
    writes: list[str] = field(default_factory=list)  # "apply Trigger pay"
    unsettled: list[str] = field(default_factory=list)  # Triggers that were not ready when another was applied

    @property
    def client(self) -> Client:
        return _Recording(self)  # type: ignore[return-value]  # it hands on what it does not record

    async def control(self, kind: Kind) -> None:
        async for event in self.api.watch(kind, "default"):
            metadata, status = event.object["metadata"], event.object.get("status") or {}
            if event.type not in ("ADDED", "MODIFIED") or status.get("observedGeneration") == metadata["generation"]:
                continue
            await self.say(kind, metadata["name"])

    async def say(self, kind: Kind, name: str) -> None:
        reason = self.broken.get(name)
        condition = {"type": "Ready", "status": "False" if reason else "True", **({"reason": reason} if reason else {})}
        generation = (await self.api.get(kind, name, "default"))["metadata"]["generation"]
        status = {"observedGeneration": generation, "conditions": [condition]}
        await self.api.patch(kind, name, {"status": status}, "default", type="merge", subresource="status")


class _Recording:
    def __init__(self, world: World) -> None:
        self._world = world

    def __getattr__(self, name: str) -> Any:
        return getattr(self._world.api, name)

    async def patch(self, kind: Kind, name: str, *args: Any, dry_run: bool = False, **more: Any) -> Object:
        if not dry_run:
            self._world.writes.append(f"apply {kind.kind} {name}")
            others = (await self._world.api.list(TRIGGER, "default")).items if kind == TRIGGER else ()
            self._world.unsettled += [each["metadata"]["name"] for each in others if judge_ready(each).state != "ready"]
        return await self._world.api.patch(kind, name, *args, dry_run=dry_run, **more)

    async def create(self, kind: Kind, obj: Object, **more: Any) -> Object:
        self._world.writes.append(f"create {kind.kind} {obj['metadata']['name']}")
        return await self._world.api.create(kind, obj, **more)

    async def delete(self, kind: Kind, name: str, *args: Any, **more: Any) -> None:
        self._world.writes.append(f"delete {kind.kind} {name}")
        await self._world.api.delete(kind, name, *args, **more)


@asynccontextmanager
async def world() -> AsyncIterator[World]:
    api = Backend(MemoryStore())
    await bootstrap(api)
    made = World(api)
    tasks = [asyncio.create_task(made.control(kind)) for kind in WATCHED]
    tasks.append(asyncio.create_task(Collector(api).run()))
    try:
        yield made
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


def in_world(test: Callable[[World], Coroutine[Any, Any, None]]) -> Callable[[], None]:
    def run() -> None:
        async def body() -> None:
            async with world() as made:
                await test(made)

        asyncio.run(body())

    run.__name__, run.__doc__ = test.__name__, test.__doc__
    return run


def event(name: str = "pay", **options: Any) -> Trigger:
    return Trigger(kind="event", name=name, path=f"/_faas/events/{name}", options={"filters": [], **options})


def tick(schedule: str = "* * * * *", **options: Any) -> Trigger:
    given = {"schedule": schedule, **options}
    return Trigger(kind="schedule", name="pay-schedule", path="/_faas/events/pay", options=given)


def objects(*triggers: Trigger, name: str = "pay") -> Objects:
    function = FunctionSpec(name=name, target=f"main:{name}", service=name, triggers=triggers)
    services = make_services([function], Settings(Path("/shop"), "shop", {}))
    return make_objects(services, "image", project="shop", namespace="default", root=Path("/shop"), variables={})


async def plan(world: World, wanted: Objects, *, prune: bool = True) -> EventPlan:
    return await plan_events(world.client, wanted, project="shop", namespace="default", prune=prune)


async def deploy(world: World, *triggers: Trigger, patience_s: float = 0.05) -> list[str]:
    """What is not ready in the end."""
    planned = await plan(world, objects(*triggers))
    await make_brokers(world.client, planned.brokers, lambda line: None)
    failures = await carry_out_events(
        world.client, planned, namespace="default", wait=True, timeout_s=20.0, log=lambda line: None,
        patience_s=patience_s,
    )  # fmt: skip
    return [str(failure) for failure in failures]


@in_world
async def test_a_trigger_is_there_before_its_source_and_the_broker_before_both(world: World) -> None:
    assert await deploy(world, event(), tick()) == []

    assert world.writes == [
        "create Broker default", "apply Trigger pay", "apply Trigger pay-schedule", "apply PingSource pay-schedule",
    ]  # fmt: skip


@in_world
async def test_the_same_again_writes_nothing(world: World) -> None:
    await deploy(world, event(), tick())
    world.writes.clear()

    assert await deploy(world, event(), tick()) == []

    assert world.writes == []
    assert (await plan(world, objects(event(), tick()))).is_empty


@in_world
async def test_what_is_gone_from_the_code_goes_source_first_and_brokers_stay(world: World) -> None:
    await deploy(world, event(broker="other"), tick())
    world.writes.clear()

    planned = await plan(world, objects(Trigger(kind="http")))
    assert [(change.action, change.kind, change.name) for change in planned.changes] == [
        ("delete", TRIGGER, "pay"), ("delete", TRIGGER, "pay-schedule"), ("delete", PING_SOURCE, "pay-schedule"),
    ]  # fmt: skip
    assert (await plan(world, objects(Trigger(kind="http")), prune=False)).changes == ()
    await deploy(world, Trigger(kind="http"))

    assert world.writes == ["delete PingSource pay-schedule", "delete Trigger pay", "delete Trigger pay-schedule"]
    assert len((await world.api.list(BROKER, "default")).items) == 2


@in_world
async def test_what_others_made_is_never_pruned(world: World) -> None:
    mine = objects(event("mine"), name="mine").triggers[0]
    await world.api.create(TRIGGER, {**mine, "metadata": {"name": "mine", "namespace": "default"}})

    await deploy(world, event())

    assert (await world.api.get(TRIGGER, "mine", "default"))["metadata"]["name"] == "mine"


@in_world
async def test_a_change_is_applied_in_place_and_another_broker_makes_it_anew(world: World) -> None:
    await deploy(world, event(), tick())
    before = (await world.api.get(TRIGGER, "pay", "default"))["metadata"]["uid"]

    planned = await plan(world, objects(event(retry=3), tick("@hourly")))
    assert [(change.name, change.action, change.fields) for change in planned.changes] == [
        ("pay", "update", ("spec.delivery",)), ("pay-schedule", "unchanged", ()),
        ("pay-schedule", "update", ("spec.schedule",)),
    ]  # fmt: skip
    await deploy(world, event(retry=3), tick("@hourly"))
    assert (await world.api.get(TRIGGER, "pay", "default"))["metadata"]["uid"] == before

    await deploy(world, event(broker="audit"), tick("@hourly"))
    trigger = await world.api.get(TRIGGER, "pay", "default")
    assert (trigger["spec"]["broker"], trigger["metadata"]["uid"] == before) == ("audit", False)


@in_world
async def test_what_is_made_anew_waits_until_the_former_has_signed_off(world: World) -> None:
    await deploy(world, event())
    held = {"metadata": {"finalizers": ["faas.dev/upstream"]}}
    await world.api.patch(TRIGGER, "pay", held, "default", type="merge")
    released: list[str] = []

    async def sign_off() -> None:
        async for change in world.api.watch(TRIGGER, "default"):
            if change.object["metadata"].get("deletionTimestamp"):
                released.append(change.object["spec"]["broker"])
                await world.api.patch(TRIGGER, "pay", {"metadata": {"finalizers": None}}, "default", type="merge")
                return

    async with asyncio.TaskGroup() as group:
        group.create_task(sign_off())
        assert await deploy(world, event(broker="audit")) == []

    assert released == ["default"]
    assert (await world.api.get(TRIGGER, "pay", "default"))["spec"]["broker"] == "audit"


@in_world
async def test_triggers_that_subscribe_anew_do_so_one_after_the_other(world: World) -> None:
    await deploy(world, event("pay"), event("refund"), event("ship"))
    world.unsettled.clear()

    for wait in (True, False):
        wanted = await plan(world, objects(*(event(name, retry=3 + wait) for name in ("pay", "refund", "ship"))))
        await carry_out_events(
            world.client, wanted, namespace="default", wait=wait, timeout_s=20.0, log=lambda line: None
        )

    assert world.unsettled == []
    assert world.writes[-3:] == ["apply Trigger pay", "apply Trigger refund", "apply Trigger ship"]


@in_world
async def test_a_trigger_is_gone_with_its_subscription_before_the_next_one_goes(world: World) -> None:
    await deploy(world, event("pay"), event("ship"))
    for trigger in (await world.api.list(TRIGGER, "default")).items:
        await world.api.create(CONFIG_MAP, subscription_of(trigger))
    untouched: list[list[str]] = []

    async def unsubscribe() -> None:
        async for change in world.api.watch(CONFIG_MAP, "default"):
            metadata = change.object["metadata"]
            if change.type == "DELETED" or not metadata.get("deletionTimestamp"):
                continue
            there = (await world.api.list(TRIGGER, "default")).items
            left = [each["metadata"]["name"] for each in there if not each["metadata"].get("deletionTimestamp")]
            untouched.append(left)
            await world.api.patch(
                CONFIG_MAP, metadata["name"], {"metadata": {"finalizers": None}}, "default", type="merge"
            )
            if not left:
                return

    async with asyncio.TaskGroup() as group:
        group.create_task(unsubscribe())
        await deploy(world, Trigger(kind="http"))

    assert untouched == [["ship"], []]


def subscription_of(trigger: Object) -> Object:
    """Stands for what a channel's Broker makes for a Trigger."""
    owner = {
        "apiVersion": TRIGGER.api_version, "kind": "Trigger", "name": trigger["metadata"]["name"],
        "uid": trigger["metadata"]["uid"], "controller": True, "blockOwnerDeletion": True,
    }  # fmt: skip
    metadata = {"name": f"default-{owner['name']}", "namespace": "default", "finalizers": ["example.org/channel"]}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {**metadata, "ownerReferences": [owner]}}


@in_world
async def test_another_kind_of_source_takes_the_place_of_the_first(world: World) -> None:
    def stream(start: str) -> Trigger:
        options = {"stream": "s", "url": "redis://cache:6379", "start": start}
        return Trigger(kind="redis", name="pay-redis", path="/_faas/events/pay", options=options)

    await deploy(world, stream("$"))
    world.writes.clear()
    planned = await plan(world, objects(stream("0")))

    assert [(change.action, change.kind.kind) for change in planned.changes] == [
        ("unchanged", "Trigger"), ("create", "ContainerSource"), ("delete", "RedisStreamSource"),
    ]  # fmt: skip


@in_world
async def test_what_stays_refused_is_told_with_its_reason_and_stays(world: World) -> None:
    world.broken["pay-schedule"] = "UpstreamUnavailable"

    assert await deploy(world, event(), tick()) == [
        "pay-schedule (Trigger) is not ready: UpstreamUnavailable",
        "pay-schedule (PingSource) is not ready: UpstreamUnavailable",
    ]  # fmt: skip
    assert len((await world.api.list(PING_SOURCE, "default")).items) == 1


@in_world
async def test_a_refusal_that_passes_is_waited_for(world: World) -> None:
    world.broken["pay"] = "Starting"
    said = asyncio.Event()

    async def mend() -> None:
        await said.wait()
        world.broken.clear()
        await world.say(TRIGGER, "pay")

    async with asyncio.TaskGroup() as group:
        group.create_task(mend())
        await world.api.create(TRIGGER, objects(event()).triggers[0])
        verdicts = await wait_settled(
            world.client, "default", [(TRIGGER, "pay")], timeout_s=20, patience_s=20,
            changed=lambda which, verdict: said.set() if verdict.state == "failed" else None,
        )  # fmt: skip

    assert verdicts == {(TRIGGER, "pay"): Verdict("ready")}


@in_world
async def test_a_source_whose_pod_starts_is_given_longer_than_one_that_is_refused(world: World) -> None:
    await deploy(world, event(), tick())
    now = asyncio.get_running_loop().time
    waited_s: dict[str, float] = {}

    for reason in ("UpstreamUnavailable", "MinimumReplicasUnavailable"):
        world.broken["pay-schedule"] = reason
        await world.say(PING_SOURCE, "pay-schedule")
        since, source = now(), (PING_SOURCE, "pay-schedule")
        verdicts = await wait_settled(world.client, "default", [source], timeout_s=20.0, patience_s=0.1)
        waited_s[reason] = now() - since
        assert verdicts[source] == Verdict("failed", reason)

    assert waited_s["MinimumReplicasUnavailable"] >= 6 * 0.1


@in_world
async def test_what_no_controller_takes_up_is_given_up_before_the_time_is_over(world: World) -> None:
    named = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "orphan", "namespace": "default"}}
    await world.api.create(CONFIG_MAP, named)  # has no controller, as a Trigger of a Broker whose class has none
    orphan = (CONFIG_MAP, "orphan")

    verdicts = await wait_settled(world.client, "default", [orphan], timeout_s=600.0, patience_s=0.05)

    assert verdicts[orphan].reason == "NoController"


@in_world
async def test_what_nobody_settles_is_waiting_when_the_time_is_over(world: World) -> None:
    verdicts = await wait_settled(world.client, "default", [(TRIGGER, "never")], timeout_s=0.05)

    assert verdicts == {(TRIGGER, "never"): Verdict("waiting")}


@in_world
async def test_a_dead_letter_stream_with_a_services_name_is_that_service(world: World) -> None:
    service = {
        "apiVersion": "serving.knative.dev/v1", "kind": "Service", "metadata": {"name": "bin", "namespace": "default"},
        "spec": {"template": {"spec": {"containers": [{"image": "x"}]}}},
    }  # fmt: skip
    await world.api.create(SERVICE, service)

    planned = await plan(world, objects(event(dead_letter="bin")))

    (change,) = planned.changes
    assert list(change.manifest["metadata"]["annotations"]) == ["faas.dev/applied"]
    assert change.manifest["spec"]["delivery"]["deadLetterSink"]["ref"]["name"] == "bin"
    assert change.manifest["spec"]["delivery"]["retry"] == 10


@in_world
async def test_a_services_triggers_and_sources_are_found_also_those_of_others(world: World) -> None:
    await deploy(world, event(), tick())
    by_hand = objects(event("by-hand")).triggers[0]
    await world.api.create(TRIGGER, {**by_hand, "metadata": {"name": "by-hand", "namespace": "default"}})

    every = await read_events(world.client, "default", set())

    def names(events: EventObjects) -> tuple[list[str], list[str]]:
        triggers, sources = ([obj["metadata"]["name"] for obj in found] for found in (events.triggers, events.sources))
        return sorted(triggers), sources

    assert names(every.of_service("pay")) == (["by-hand", "pay", "pay-schedule"], ["pay-schedule"])
    assert names(every.of_projects().of_service("pay")) == (["pay", "pay-schedule"], ["pay-schedule"])
    assert names(every.of_service("other")) == ([], [])
    assert every.of_service("pay").brokers == ["default"]


@in_world
async def test_an_export_of_a_trigger_is_what_was_applied(world: World) -> None:
    wanted = objects(event(retry=3, ordered_by="subject"), tick(data="x", content_type="text/plain"))
    await deploy(world, event(retry=3, ordered_by="subject"), tick(data="x", content_type="text/plain"))

    live = await read_events(world.client, "default", set())

    assert [exported_event(obj) for obj in (*live.triggers, *live.sources)] == [*wanted.triggers, *wanted.sources]


def test_adapters_in_the_engines_own_image_are_told_from_other_sources() -> None:
    options = {"topics": ["a"], "qos": 1, "version": 5}
    (mqtt,) = objects(Trigger(kind="mqtt", name="a", path="/a", options=options)).sources
    (ping,) = objects(tick()).sources

    assert (runs_adapter(mqtt), runs_adapter(ping)) == (True, False)
    mqtt["spec"]["template"]["spec"]["containers"][0]["image"] = "registry.example/faas-sources:1"
    assert not runs_adapter(mqtt)


class _OldServer:
    async def list(self, kind: Kind, namespace: str = "", **more: Any) -> Any:
        raise NotFound(f"there is no {kind.kind}")


def test_a_server_without_eventing_has_no_triggers() -> None:
    assert asyncio.run(read_events(_OldServer(), "default", set())) == EventObjects()  # type: ignore[arg-type]  # all that is asked


@pytest.mark.parametrize(
    ("obj", "verdict"),
    [
        pytest.param({"metadata": {"generation": 1}}, Verdict("waiting", "OutOfDate", "not seen yet"),
                     id="nothing said"),
        pytest.param({"metadata": {"generation": 2}, "status": {"observedGeneration": 1}},
                     Verdict("waiting", "OutOfDate", "not seen yet"), id="old"),
        pytest.param({"metadata": {"generation": 1}, "status": {"conditions": [{"type": "Ready", "status": "True"}]}},
                     Verdict("ready"), id="ready"),
        pytest.param(
            {"metadata": {"generation": 1},
             "status": {"conditions": [{"type": "Ready", "status": "True"}],
                        "annotations": {"faas.dev/url": "http://hook.default.localhost/stripe"}}},
            Verdict("ready", "", "http://hook.default.localhost/stripe"), id="ready, and called"),
        pytest.param(
            {"metadata": {"generation": 1},
             "status": {"conditions": [{"type": "Ready", "status": "False", "reason": "R", "message": "m"}]}},
            Verdict("failed", "R", "m"), id="refused",
        ),
    ],
)  # fmt: skip
def test_ready_says_whether_it_is(obj: dict[str, Any], verdict: Verdict) -> None:
    assert judge_ready(obj) == verdict
