"""What the durable store promises about its file."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
import sqlite3
import stat
from pathlib import Path
from typing import Any

import pytest

from faas.engine.contract.storage import Key, StoreCorrupt, StoreFull, StoreLocked, StoreTooNew
from faas.engine.store import SqliteStore
from faas.engine.store.database import Database

A = Key("configmaps", "default", "a")


def obj(**data: Any) -> dict[str, Any]:
    return {"metadata": {}, "data": data}


def test_what_was_acknowledged_is_there_after_a_restart(tmp_path: Path) -> None:
    async def write() -> int:
        async with SqliteStore(tmp_path / "state.db") as store:
            await store.put(A, obj(x="kept"))
            return store.version

    async def read() -> tuple[Any, int]:
        async with SqliteStore(tmp_path / "state.db") as store:
            record = store.get(A)
            assert record is not None
            return record.object["data"], store.version

    version = asyncio.run(write())
    assert asyncio.run(read()) == ({"x": "kept"}, version)


def _write_and_die(path: Path, acknowledged: Any) -> None:
    async def main() -> None:
        async with SqliteStore(path, volatile=frozenset({"pods"})) as store:
            for count in range(20):
                await store.put(Key("configmaps", "default", f"n{count}"), obj())
            for count in range(500):
                await store.put(Key("pods", "default", "p"), obj(x=count))
            acknowledged.send(store.version)
            os.kill(os.getpid(), signal.SIGKILL)

    asyncio.run(main())


def test_after_a_kill_nothing_acknowledged_is_lost_and_versions_still_grow(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_write_and_die, args=(tmp_path / "state.db", sender))
    process.start()
    sender.close()
    before = receiver.recv()
    process.join(30)
    receiver.close()
    assert process.exitcode == -signal.SIGKILL
    process.close()

    async def main() -> None:
        async with SqliteStore(tmp_path / "state.db", volatile=frozenset({"pods"})) as store:
            assert len(store.list("configmaps")) == 20
            assert list(store.list("pods")) == []
            assert (await store.put(A, obj())).version > before

    asyncio.run(main())


def test_only_its_owner_reads_the_file(tmp_path: Path) -> None:
    async def main() -> None:
        async with SqliteStore(tmp_path / "state.db") as store:
            await store.put(A, obj())
            for file in tmp_path.iterdir():
                assert stat.S_IMODE(file.stat().st_mode) & 0o077 == 0, file

    asyncio.run(main())


def test_a_second_engine_is_refused_and_told_of_the_first(tmp_path: Path) -> None:
    async def main() -> None:
        async with SqliteStore(tmp_path / "state.db"):
            with pytest.raises(StoreLocked, match=rf"in use by pid {os.getpid()}") as caught:
                await SqliteStore(tmp_path / "state.db").__aenter__()
            assert caught.value.pid == os.getpid()

    asyncio.run(main())


def test_a_full_disk_refuses_writes_keeps_reading_and_recovers(tmp_path: Path) -> None:
    async def main() -> None:
        async with SqliteStore(tmp_path / "state.db", volatile=frozenset({"pods"})) as store:
            await store.put(A, obj(x="before"))
            database: Database = store._database
            (pages,) = database._db.execute("PRAGMA page_count").fetchone()
            database._db.execute(f"PRAGMA max_page_count = {pages}")
            big = "x" * 100_000
            results = await asyncio.gather(
                store.put(A, obj(x=big)),
                store.put(Key("configmaps", "default", "b"), obj(x=big)),
                store.put(Key("pods", "default", "p"), obj()),
                return_exceptions=True,
            )
            assert isinstance(results[0], StoreFull)
            assert isinstance(results[1], StoreFull)
            assert isinstance(store.fault, StoreFull)
            record = store.head(A)
            assert record is not None
            assert record.object["data"] == {"x": "before"}
            assert store.get(Key("pods", "default", "p")) is not None
            database._db.execute("PRAGMA max_page_count = 1000000")
            await store.put(A, obj(x=big), expected=record.version)
            assert store.fault is None

    asyncio.run(main())


def test_a_start_on_a_full_disk_reads_and_refuses_writes_until_there_is_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    is_full = False
    connect = sqlite3.connect

    def connect_full(*arguments: Any, **options: Any) -> sqlite3.Connection:
        db = connect(*arguments, **options)
        if is_full:
            db.execute("PRAGMA query_only = ON")
        return db

    monkeypatch.setattr(sqlite3, "connect", connect_full)

    async def main() -> None:
        nonlocal is_full
        pod = Key("pods", "default", "p")
        async with SqliteStore(tmp_path / "state.db", volatile=frozenset({"pods"})) as store:
            before = (await store.put(A, obj(x="before"))).version
        is_full = True
        seen = before
        for _ in range(2):
            async with SqliteStore(tmp_path / "state.db", volatile=frozenset({"pods"})) as store:
                record = store.get(A)
                assert record is not None
                assert record.object["data"] == {"x": "before"}
                assert isinstance(store.fault, StoreFull)
                with pytest.raises(StoreFull):
                    await store.put(A, obj(x="after"))
                version = (await store.put(pod, obj())).version
                assert version > seen
                seen = version
                store._database._db.execute("PRAGMA query_only = OFF")
                assert (await store.put(A, obj(x="before"))).version > seen
                assert store.fault is None

    asyncio.run(main())


def test_a_damaged_file_says_so(tmp_path: Path) -> None:
    (tmp_path / "state.db").write_bytes(b"this is no database" * 1000)
    with pytest.raises(StoreCorrupt, match=r"state\.db is damaged"):
        asyncio.run(SqliteStore(tmp_path / "state.db").__aenter__())


def test_a_file_of_a_later_release_is_left_alone(tmp_path: Path) -> None:
    database = Database(tmp_path / "state.db")
    database._db.execute("PRAGMA user_version = 99")
    database.close(0)
    with pytest.raises(StoreTooNew, match="has format 99"):
        asyncio.run(SqliteStore(tmp_path / "state.db").__aenter__())


def test_many_writes_share_few_commits(tmp_path: Path) -> None:
    async def main() -> None:
        async with SqliteStore(tmp_path / "state.db") as store:
            commits = 0
            commit = store._database.commit

            def counted(*arguments: Any) -> None:
                nonlocal commits
                commits += 1
                commit(*arguments)

            store._database.commit = counted  # type: ignore[method-assign]
            await asyncio.gather(*[store.put(Key("cm", "", str(count)), obj()) for count in range(300)])
            assert commits <= 2

    asyncio.run(main())
