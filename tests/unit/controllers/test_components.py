"""The parts that every controller shares: the loop, the live config maps, the recorder of events."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from faas.client.errors import Conflict
from faas.client.protocol import Object
from faas.engine.api.objects.backend import Backend
from faas.engine.api.objects.bootstrap import bootstrap
from faas.engine.contract.clock import SystemClock
from faas.engine.controllers import LiveConfig
from faas.engine.controllers.cache import Cache, Key
from faas.engine.controllers.events import EventRecorder
from faas.engine.controllers.reconciler import Controller
from faas.engine.store import MemoryStore
from faas.resources.kinds import CONFIG_MAP, EVENT, SERVICE
from faas.resources.serving import Service
from tests.engine_world import make_service

GOOD, BAD = Key("default", "good"), Key("default", "bad")


class Scripted:
    """Raises what it is told to for a key, and notes what it was asked."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)
        self.seen: list[Key] = []
        self.enough = asyncio.Event()

    async def reconcile(self, key: Key) -> float | None:
        self.seen.append(key)
        if key == BAD and self.errors:
            raise self.errors.pop(0)
        if key == BAD:
            self.enough.set()
        return None


def services(*keys: Key) -> Cache[Service]:
    """A cache that has seen these."""
    cache = Cache(Backend(MemoryStore()), SERVICE, Service)
    for version, key in enumerate(keys, 1):
        service = make_service(key.name)
        service["metadata"] |= {"namespace": key.namespace, "uid": key.name, "resourceVersion": str(version)}
        cache.observe(service)
    return cache


async def while_running(*work: Awaitable[None], then: Callable[[], Awaitable[None]]) -> None:
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(_forever(entry)) for entry in work]
        async with asyncio.timeout(20):
            await then()
        for task in tasks:
            task.cancel()


async def _forever(work: Awaitable[None]) -> None:
    await work


def test_a_key_that_fails_is_tried_again_and_stops_no_other(caplog: pytest.LogCaptureFixture) -> None:
    async def body() -> None:
        reconciler = Scripted(RuntimeError("poison"), Conflict("stale"))
        controller = Controller("test", reconciler, SystemClock(), services(BAD, GOOD))
        controller.follow()
        async with asyncio.TaskGroup() as group:
            tasks = controller.start(group)
            async with asyncio.timeout(20):
                await controller.settled()
                assert set(reconciler.seen) == {BAD, GOOD}
                await reconciler.enough.wait()
            for task in tasks:
                task.cancel()
        controller.queue.close()
        assert reconciler.seen.count(BAD) == 3

    asyncio.run(body())
    assert "test default/bad failed; trying again in 0.005 s" in caplog.text
    assert "stale" not in caplog.text


def test_without_anything_there_it_is_settled_at_once() -> None:
    async def body() -> None:
        controller = Controller("test", Scripted(), SystemClock(), services())
        controller.follow()
        await asyncio.wait_for(controller.settled(), 10)

    asyncio.run(body())


async def prepared() -> Backend:
    client = Backend(MemoryStore())
    await bootstrap(client)
    return client


def test_whatever_changes_of_its_kind_is_looked_at() -> None:
    async def body() -> None:
        reconciler, cache = Scripted(), services(GOOD)
        controller = Controller("test", reconciler, SystemClock(), cache)
        controller.follow()
        async with asyncio.TaskGroup() as group:
            tasks = controller.start(group)
            await asyncio.wait_for(controller.settled(), 20)
            assert reconciler.seen == [GOOD]
            service = make_service(BAD.name)
            service["metadata"] |= {"namespace": BAD.namespace, "uid": "new", "resourceVersion": "2"}
            cache.observe(service)
            await asyncio.wait_for(reconciler.enough.wait(), 20)
            for task in tasks:
                task.cancel()
        controller.queue.close()

    asyncio.run(body())


def test_config_maps_take_effect_live_and_a_damaged_one_leaves_the_last_good_values(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def body() -> None:
        client = await prepared()
        config = LiveConfig(client)
        changed = asyncio.Event()
        config.listeners.append(changed.set)

        async def put(data: dict[str, str]) -> None:
            changed.clear()

            def edit(raw: Object) -> Object:  # past validation: as a store from another release could hold it
                return {**raw, "data": data}

            await client.remover.edit(
                CONFIG_MAP, client.records.key(CONFIG_MAP, "config-autoscaler", "knative-serving"), edit
            )

        async def then() -> None:
            await config.synced.wait()
            await put({"stable-window": "30s"})
            await changed.wait()
            assert config.current.autoscaler.stable_window_s == 30
            await put({"stable-window": "soon"})
            await put({"stable-window": "40s"})
            await changed.wait()
            assert config.current.autoscaler.stable_window_s == 40

        await while_running(config.run(), then=then)

    asyncio.run(body())
    assert "the settings before it stay in force until it is corrected" in caplog.text


def test_an_event_that_happens_again_is_counted() -> None:
    async def body() -> None:
        client = await prepared()
        service = await client.create(SERVICE, make_service("hello"))
        recorder = EventRecorder(client, SystemClock())
        for _ in range(3):
            recorder.event(service, "Normal", "Created", "Created something")

        async def then() -> None:
            async for event in client.watch(EVENT, "default"):
                if event.object["count"] == 3:
                    return

        await while_running(recorder.run(), then=then)
        [event] = (await client.list(EVENT, "default")).items
        assert (event["reason"], event["message"]) == ("Created", "Created something")

    asyncio.run(body())
