"""The durable store: SQLite in WAL mode, one writer thread, group commits."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from time import time
from typing import Any

from faas.engine.contract.storage import Change, Key, Record, StoreError, StoreFull
from faas.engine.store.database import Database, Write
from faas.engine.store.ledger import Ledger, Subscription, make_record
from faas.engine.store.memory import check_version, make_deletion

# Versions are reserved in blocks, so that changes of volatile kinds, which are never written, do not make the counter
# go back after a crash. Half a block is left when the next one is reserved.
BLOCK = 1 << 16

# So many changes in one transaction: bounds how long the first of them waits.
BATCH = 512


@dataclass(slots=True)
class _Staged:
    change: Change
    durable: bool
    done: asyncio.Future[Record]


class SqliteStore:
    """Objects in one file. Writes that come while the disk syncs share the next sync.

    Args:
        path: the database; its directory must exist. A lock file lies beside it.
        volatile: resources that are kept in memory only; they share the version counter and the watches.
        history: how many changes a watch may start behind. A restart begins a new history.
    Raises (on entering): StoreLocked, StoreCorrupt, StoreTooNew; StoreFull when there is not even a file to read.
    """

    def __init__(self, path: Path, *, volatile: frozenset[str] = frozenset(), history: int = 4096) -> None:
        self._path = path
        self._volatile = volatile
        self._history = history
        self._ledger = Ledger()
        self._staged: deque[_Staged] = deque()
        self._heads: dict[Key, Change] = {}
        self._last = 0  # the newest version given to a change, staged ones included
        self._reserved = 0
        self._wake = asyncio.Event()
        self._closing = False
        self._fault: StoreError | None = None

    async def __aenter__(self) -> SqliteStore:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="store-writer")
        try:
            self._database = await self._in_thread(lambda: Database(self._path))
            records, self._last = await self._in_thread(self._database.load)
            await self._reserve()
        except BaseException:
            self._thread.shutdown()
            raise
        self._ledger = Ledger(self._last, self._history)
        for record in records:
            self._ledger.load(record)
        self._tasks = asyncio.TaskGroup()
        await self._tasks.__aenter__()
        self._writer = self._tasks.create_task(self._write(), name="store-writer")
        return self

    async def _reserve(self) -> None:
        try:
            await self._in_thread(lambda: self._database.commit((), self._last + BLOCK))
        except StoreFull as error:
            # Read-only for now. What is not durable still takes versions, and none of them may come again after the
            # next start, so each start goes on from another place: seconds are further apart than it uses them up.
            self._fault = error
            self._last = self._reserved = self._last + int(time())
        else:
            self._reserved = self._last + BLOCK

    async def __aexit__(self, *exc: Any) -> None:
        self._closing = True
        self._wake.set()
        try:
            await self._tasks.__aexit__(None, None, None)
        finally:
            self._ledger.close()
            await self._in_thread(lambda: self._database.close(self._last))
            self._thread.shutdown()

    @property
    def version(self) -> int:
        return self._ledger.version

    @property
    def fault(self) -> StoreError | None:
        return self._fault

    def get(self, key: Key) -> Record | None:
        return self._ledger.get(key)

    def head(self, key: Key) -> Record | None:
        staged = self._heads.get(key)
        if staged is None:
            return self._ledger.get(key)
        return None if staged.deleted else staged.record

    def list(self, resource: str, namespace: str = "", *, at: int | None = None) -> Sequence[Record]:
        return self._ledger.list(resource, namespace, at=at)

    def put(self, key: Key, obj: dict[str, Any], *, expected: int | None = None) -> Awaitable[Record]:
        current = check_version(self.head(key), key, expected)
        return self._stage(Change(make_record(key, self._last + 1, obj), current))

    def delete(self, key: Key, *, expected: int | None = None) -> Awaitable[Record]:
        return self._stage(make_deletion(self.head(key), key, expected, self._last + 1))

    def watch(self, resource: str = "", namespace: str = "", *, since: int | None = None) -> Subscription:
        return self._ledger.subscribe(resource, namespace, since)

    def _stage(self, change: Change) -> Awaitable[Record]:
        self._last = change.version
        durable = change.record.key.resource not in self._volatile
        staged = _Staged(change, durable, asyncio.get_running_loop().create_future())
        self._staged.append(staged)
        self._heads[change.record.key] = change
        if durable or self._last > self._reserved - BLOCK // 2:
            self._wake.set()
        self._publish_ready()
        return staged.done

    async def _write(self) -> None:
        while not (self._closing and not self._staged):
            await self._wake.wait()
            self._wake.clear()
            while (batch := [staged for staged in self._staged if staged.durable][:BATCH]) or self._must_reserve():
                await self._commit(batch)
            if self._closing:
                self._wake.set()

    def _must_reserve(self) -> bool:
        return self._fault is None and self._last > self._reserved - BLOCK // 2

    async def _commit(self, batch: Sequence[_Staged]) -> None:
        writes = [Write(staged.change.record, staged.change.deleted) for staged in batch]
        reserved = self._last + BLOCK if self._last > self._reserved - BLOCK // 2 else self._reserved
        try:
            await self._in_thread(lambda: self._database.commit(writes, reserved))
        except StoreError as error:
            self._fail(error)
            return
        self._fault = None
        self._reserved = reserved
        for staged in batch:
            staged.durable = False
        self._publish_ready()

    def _publish_ready(self) -> None:
        """Publish in the order of versions, up to the first change that is not yet on disk."""
        while self._staged and not self._staged[0].durable:
            staged = self._staged.popleft()
            if self._heads.get(staged.change.record.key) is staged.change:
                del self._heads[staged.change.record.key]
            self._ledger.publish(staged.change)
            if not staged.done.done():
                staged.done.set_result(staged.change.record)

    def _fail(self, error: StoreError) -> None:
        """Refuse all that waits for the disk: later writes may build on those of the failed batch."""
        self._fault = error
        failed = [staged for staged in self._staged if staged.durable]
        self._staged = deque(staged for staged in self._staged if not staged.durable)
        for staged in failed:
            self._heads.pop(staged.change.record.key, None)
            if not staged.done.done():
                staged.done.set_exception(error)
        self._publish_ready()

    async def _in_thread(self, work: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)
