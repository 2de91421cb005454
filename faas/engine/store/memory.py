"""A store without a disk: for tests, and the reference that the durable one is compared with."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence
from typing import Any

from faas.engine.contract.storage import Change, Key, Record, Stale, StoreError
from faas.engine.store.ledger import Ledger, Subscription, make_record


class MemoryStore:
    """Keeps what it is told to, as long as the process lives; every write is "durable" at once."""

    def __init__(self, *, history: int = 4096) -> None:
        self._ledger = Ledger(history=history)

    async def __aenter__(self) -> MemoryStore:
        return self

    async def __aexit__(self, *_: object) -> None:
        self._ledger.close()

    @property
    def version(self) -> int:
        return self._ledger.version

    @property
    def fault(self) -> StoreError | None:
        return None

    def get(self, key: Key) -> Record | None:
        return self._ledger.get(key)

    head = get

    def list(self, resource: str, namespace: str = "", *, at: int | None = None) -> Sequence[Record]:
        return self._ledger.list(resource, namespace, at=at)

    def put(self, key: Key, obj: dict[str, Any], *, expected: int | None = None) -> Awaitable[Record]:
        current = check_version(self.get(key), key, expected)
        return self._publish(Change(make_record(key, self.version + 1, obj), current))

    def delete(self, key: Key, *, expected: int | None = None) -> Awaitable[Record]:
        return self._publish(make_deletion(self.get(key), key, expected, self.version + 1))

    def watch(self, resource: str = "", namespace: str = "", *, since: int | None = None) -> Subscription:
        return self._ledger.subscribe(resource, namespace, since)

    def _publish(self, change: Change) -> Awaitable[Record]:
        self._ledger.publish(change)
        done: asyncio.Future[Record] = asyncio.get_running_loop().create_future()
        done.set_result(change.record)
        return done


def check_version(current: Record | None, key: Key, expected: int | None) -> Record | None:
    """Raises Stale unless the object is at the expected version (0: is not there)."""
    found = current.version if current else 0
    if expected is not None and expected != found:
        raise Stale(key, expected, found)
    return current


def make_deletion(current: Record | None, key: Key, expected: int | None, version: int) -> Change:
    check_version(current, key, expected)
    if current is None:
        raise Stale(key, expected or 0, 0)
    last = {**current.object, "metadata": dict(current.object.get("metadata", {}))}
    return Change(make_record(key, version, last), current, deleted=True)
