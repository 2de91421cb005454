"""What every store promises; the durable one and the one in memory run the same suite."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest

from faas.engine.contract.storage import Expired, Key, Stale, Store
from faas.engine.store import MemoryStore, SqliteStore

Opened = Callable[[], AbstractAsyncContextManager[Store]]


@pytest.fixture(params=["memory", "sqlite"])
def run(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[Callable[[Any], Awaitable[None]]], None]:
    def make() -> Any:
        if request.param == "memory":
            return MemoryStore(history=8)
        return SqliteStore(tmp_path / "state.db", volatile=frozenset({"pods"}), history=8)

    def with_store(test: Callable[[Any], Awaitable[None]]) -> None:
        async def main() -> None:
            async with make() as store:
                await test(store)

        asyncio.run(main())

    return with_store


A, B = Key("configmaps", "default", "a"), Key("configmaps", "other", "b")


def obj(**data: Any) -> dict[str, Any]:
    return {"metadata": {}, "data": data}


def test_what_is_put_is_read_with_its_version(run: Any) -> None:
    async def test(store: Store) -> None:
        written = await store.put(A, obj(x=1), expected=0)
        assert store.get(A) == written
        assert written.object == {"metadata": {"resourceVersion": str(written.version)}, "data": {"x": 1}}
        assert store.version == written.version

    run(test)


def test_versions_grow_over_all_resources(run: Any) -> None:
    async def test(store: Store) -> None:
        versions = [
            (await store.put(A, obj())).version,
            (await store.put(Key("pods", "default", "p"), obj())).version,
            (await store.put(B, obj())).version,
            (await store.delete(A)).version,
        ]
        assert versions == sorted(set(versions))

    run(test)


def test_a_write_against_another_version_is_stale(run: Any) -> None:
    async def test(store: Store) -> None:
        first = await store.put(A, obj(), expected=0)
        await store.put(A, obj(x=2), expected=first.version)
        for expected in (0, first.version):
            with pytest.raises(Stale):
                store.put(A, obj(), expected=expected)
        with pytest.raises(Stale):
            store.delete(A, expected=first.version)
        with pytest.raises(Stale):
            store.delete(B)

    run(test)


def test_the_head_shows_writes_that_are_not_yet_durable(run: Any) -> None:
    async def test(store: Store) -> None:
        first = store.put(A, obj(x=1), expected=0)
        head = store.head(A)
        assert head is not None
        second = store.put(A, obj(x=2), expected=head.version)
        third = store.delete(A)
        assert store.head(A) is None
        await asyncio.gather(first, second, third)
        assert store.get(A) is None

    run(test)


def test_lists_are_sorted_and_narrowed_to_a_namespace(run: Any) -> None:
    async def test(store: Store) -> None:
        await asyncio.gather(*[store.put(Key("cm", ns, n), obj()) for ns in "ba" for n in ("y", "x")])
        assert [record.key[1:] for record in store.list("cm")] == [("a", "x"), ("a", "y"), ("b", "x"), ("b", "y")]
        assert [record.key[1:] for record in store.list("cm", "b")] == [("b", "x"), ("b", "y")]
        assert list(store.list("cm", "c")) == []

    run(test)


def test_a_list_can_be_had_as_it_was(run: Any) -> None:
    async def test(store: Store) -> None:
        await store.put(A, obj(x=1))
        then = (await store.put(B, obj(x=1))).version
        await store.delete(A)
        await store.put(B, obj(x=2))
        await store.put(Key("configmaps", "z", "z"), obj())
        found = {record.key.name: record.object["data"] for record in store.list("configmaps", at=then)}
        assert found == {"a": {"x": 1}, "b": {"x": 1}}

    run(test)


def test_a_watch_gets_every_change_after_its_version_in_order(run: Any) -> None:
    async def test(store: Store) -> None:
        first = await store.put(A, obj(x=1))
        await store.put(B, obj())
        with store.watch("configmaps", "default", since=first.version - 1) as watch:
            await store.put(A, obj(x=2))
            await store.delete(A)
            changes = await watch.next()
        assert [(change.record.key, change.deleted) for change in changes] == [(A, False), (A, False), (A, True)]
        assert changes[1].previous is changes[0].record

    run(test)


def test_a_watch_behind_the_history_has_to_list_again(run: Any) -> None:
    async def test(store: Store) -> None:
        start = store.version
        for count in range(20):
            await store.put(A, obj(x=count))
        with pytest.raises(Expired):
            store.watch("configmaps", since=start)
        with pytest.raises(Expired):
            store.list("configmaps", at=start)

    run(test)


def test_a_watcher_waits_for_the_next_change(run: Any) -> None:
    async def test(store: Store) -> None:
        with store.watch("configmaps") as watch:
            waiting = asyncio.create_task(watch.next())
            await store.put(Key("other", "", "x"), obj())
            await store.put(A, obj())
            (change,) = await waiting
            assert change.record.key == A

    run(test)


def test_a_closed_watch_ends(run: Any) -> None:
    async def test(store: Store) -> None:
        watch = store.watch()
        watch.close()
        assert await watch.next() == []

    run(test)
