"""The local copy of a kind: it survives a lost watch, and its own writes are in it at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from faas.client.errors import Gone, Unavailable
from faas.client.protocol import Object, WatchEvent
from faas.engine.api.objects.backend import Backend
from faas.engine.controllers.cache import Cache, Key
from faas.engine.store import MemoryStore
from faas.resources.kinds import NAMESPACE, SERVICE, Kind
from faas.resources.serving import Service
from tests.engine_world import make_service


class Flaky(Backend):
    """An API whose watches can be broken off."""

    def __init__(self) -> None:
        super().__init__(MemoryStore())
        self.break_off: asyncio.Future[Exception] = asyncio.get_running_loop().create_future()
        self.lists = 0

    async def list(self, kind: Kind, namespace: str = "", **selectors: Any) -> Any:
        self.lists += 1
        return await super().list(kind, namespace, **selectors)

    async def watch(self, kind: Kind, namespace: str = "", **options: Any) -> AsyncIterator[WatchEvent]:
        if self.break_off.done():
            self.break_off = asyncio.get_running_loop().create_future()
        inner = super().watch(kind, namespace, **options)
        while True:
            pending = asyncio.ensure_future(anext(inner))
            futures: set[asyncio.Future[Any]] = {pending, self.break_off}
            await asyncio.wait(futures, return_when=asyncio.FIRST_COMPLETED)
            if self.break_off.done():
                pending.cancel()
                raise self.break_off.result()
            yield pending.result()


async def started(client: Backend) -> tuple[Cache[Service], asyncio.Task[None]]:
    await client.create(NAMESPACE, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "default"}})
    cache = Cache(client, SERVICE, Service)
    task = asyncio.ensure_future(cache.run())
    await cache.synced.wait()
    return cache, task


async def change(cache: Cache[Service]) -> tuple[Object | None, Object | None]:
    """The next change that the cache tells of."""
    told: asyncio.Future[tuple[Object | None, Object | None]] = asyncio.get_running_loop().create_future()

    def listener(old: Object | None, new: Object | None) -> None:
        if not told.done():
            told.set_result((old, new))

    cache.listeners.append(listener)
    try:
        return await asyncio.wait_for(told, 10)
    finally:
        cache.listeners.remove(listener)


async def stop(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.wait({task})


def test_it_follows_creations_changes_and_deletions() -> None:
    async def body() -> None:
        client = Backend(MemoryStore())
        cache, task = await started(client)
        key = Key("default", "hello")
        await client.create(SERVICE, make_service("hello", labels={"team": "a"}))
        await change(cache)
        assert cache.having("default", "team", "a") == [key]
        await client.patch(SERVICE, "hello", {"metadata": {"labels": {"team": "b"}}}, "default")
        await change(cache)
        assert (cache.having("default", "team", "a"), cache.having("default", "team", "b")) == ([], [key])
        await client.delete(SERVICE, "hello", "default")
        assert (await change(cache))[1] is None
        assert (cache.get(key), list(cache), cache.having("default", "team", "b")) == (None, [], [])
        await stop(task)

    asyncio.run(body())


def test_a_watch_that_fell_behind_is_made_up_for_by_a_list() -> None:
    async def body() -> None:
        for error in (Gone("too old"), Unavailable("starting")):
            client = Flaky()
            cache, task = await started(client)
            await client.create(SERVICE, make_service("stays"))
            await change(cache)
            client.break_off.set_result(error)
            await client.create(SERVICE, make_service("hello"))
            old, new = await change(cache)
            assert (old, new["metadata"]["name"] if new else None) == (None, "hello")
            assert client.lists == 2
            await stop(task)

    asyncio.run(body())


def test_an_answer_that_is_older_than_what_the_watch_told_changes_nothing() -> None:
    async def body() -> None:
        client = Backend(MemoryStore())
        cache, task = await started(client)
        created = await client.create(SERVICE, make_service("hello"))
        await change(cache)
        await client.delete(SERVICE, "hello", "default")
        await change(cache)
        cache.observe(created)
        assert cache.get(Key("default", "hello")) is None
        await stop(task)

    asyncio.run(body())


def test_a_write_is_in_the_cache_before_the_watch_tells_of_it() -> None:
    async def body() -> None:
        client = Backend(MemoryStore())
        cache, task = await started(client)
        cache.observe(await client.create(SERVICE, make_service("hello")))
        assert cache.get(Key("default", "hello")) is not None
        await stop(task)

    asyncio.run(body())
