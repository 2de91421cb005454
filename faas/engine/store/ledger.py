"""The published state in memory: what readers and watchers see, with a bounded history."""

from __future__ import annotations

import asyncio
from bisect import bisect_left
from collections import deque
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any

import msgspec

from faas.engine.contract.storage import Change, Expired, Key, Record

# What a slow watcher may leave unread before it is cut off and has to list again.
BACKLOG = 16_384

_encode = msgspec.json.Encoder().encode


def make_record(key: Key, version: int, obj: dict[str, Any]) -> Record:
    """Stamp the version into the object's metadata and freeze the two forms of it."""
    obj.setdefault("metadata", {})["resourceVersion"] = str(version)
    return Record(key, version, obj, _encode(obj))


class Subscription:
    """One watcher's changes, in order. Close it, or use it as a context manager."""

    def __init__(self, ledger: Ledger, resource: str, namespace: str, backlog: Sequence[Change]) -> None:
        self._ledger = ledger
        self.resource, self.namespace = resource, namespace
        self._changes = deque(backlog)
        self._wake = asyncio.Event()
        self._overflowed_at: int | None = None
        self._closed = False
        if backlog:
            self._wake.set()

    def offer(self, change: Change) -> None:
        if self.namespace and change.record.key.namespace != self.namespace:
            return
        if len(self._changes) >= BACKLOG:
            self._overflowed_at = self._overflowed_at or self._changes[-1].version
        if self._overflowed_at is None:
            self._changes.append(change)
        self._wake.set()

    def take(self) -> list[Change]:
        """All that has come until now, without waiting."""
        taken = list(self._changes)
        self._changes.clear()
        if not self._closed and self._overflowed_at is None:
            self._wake.clear()
        return taken

    async def next(self) -> list[Change]:
        """Wait for changes. An empty list: the store was closed. Raises Expired when this watcher was too slow."""
        await self._wake.wait()
        taken = self.take()
        if not taken and self._overflowed_at is not None:
            raise Expired(self._overflowed_at, self._ledger.version)
        return taken

    async def __aiter__(self) -> AsyncIterator[Change]:
        while batch := await self.next():
            for change in batch:
                yield change

    def end(self) -> None:
        """Let the watcher see what it has and then the end."""
        self._closed = True
        self._wake.set()

    def close(self) -> None:
        self._ledger.unsubscribe(self)
        self.end()

    def __enter__(self) -> Subscription:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Ledger:
    """The newest published record of each key, the last `history` changes, and who watches.

    Args:
        version: where the counter stands.
        history: how many changes a watch may start behind; 4096 is some minutes of a busy engine and a few MB.
    """

    def __init__(self, version: int = 0, history: int = 4096) -> None:
        self.version = version
        self.oldest = version  # a watch or a list may start here, not before
        self._history: deque[Change] = deque()
        self._limit = history
        self._records: dict[str, dict[tuple[str, str], Record]] = {}
        self._sorted: dict[str, list[tuple[str, str]]] = {}
        self._subscriptions: dict[str, list[Subscription]] = {}

    def load(self, record: Record) -> None:
        """Take in a record that was there before this process, without history."""
        self._records.setdefault(record.key.resource, {})[record.key[1:]] = record
        self._sorted.pop(record.key.resource, None)

    def get(self, key: Key) -> Record | None:
        records = self._records.get(key.resource)
        return records.get(key[1:]) if records else None

    def list(self, resource: str, namespace: str = "", *, at: int | None = None) -> Sequence[Record]:
        if at is not None and at < self.version:
            return self._list_past(resource, namespace, at)
        records = self._records.get(resource, {})
        return [records[name] for name in self._names(resource, namespace)]

    def publish(self, change: Change) -> None:
        resource, name = change.record.key.resource, change.record.key[1:]
        records = self._records.setdefault(resource, {})
        if change.deleted:
            records.pop(name, None)
            self._sorted.pop(resource, None)
        else:
            if name not in records:
                self._sorted.pop(resource, None)
            records[name] = change.record
        self.version = change.version
        self._history.append(change)
        while len(self._history) > self._limit:
            self.oldest = self._history.popleft().version
        for subscription in (*self._subscriptions.get(resource, ()), *self._subscriptions.get("", ())):
            subscription.offer(change)

    def subscribe(self, resource: str, namespace: str, since: int | None) -> Subscription:
        backlog = [] if since is None else [
            change
            for change in self._since(since)
            if resource in ("", change.record.key.resource) and namespace in ("", change.record.key.namespace)
        ]  # fmt: skip
        subscription = Subscription(self, resource, namespace, backlog)
        self._subscriptions.setdefault(resource, []).append(subscription)
        return subscription

    def unsubscribe(self, subscription: Subscription) -> None:
        watching = self._subscriptions.get(subscription.resource, [])
        if subscription in watching:
            watching.remove(subscription)

    def close(self) -> None:
        for watching in self._subscriptions.values():
            for subscription in watching:
                subscription.end()

    def _since(self, version: int) -> Iterator[Change]:
        if version < self.oldest:
            raise Expired(version, self.oldest)
        return (change for change in self._history if change.version > version)

    def _names(self, resource: str, namespace: str) -> Sequence[tuple[str, str]]:
        names = self._sorted.get(resource)
        if names is None:
            names = self._sorted[resource] = sorted(self._records.get(resource, {}))
        if not namespace:
            return names
        return names[bisect_left(names, (namespace, "")) : bisect_left(names, (namespace + "\0", ""))]

    def _list_past(self, resource: str, namespace: str, at: int) -> Sequence[Record]:
        """Undo the changes after `at`."""
        records = dict(self._records.get(resource, {}))
        for change in reversed(list(self._since(at))):
            if change.record.key.resource != resource:
                continue
            if change.previous is None:
                records.pop(change.record.key[1:], None)
            else:
                records[change.record.key[1:]] = change.previous
        return [records[name] for name in sorted(records) if namespace in ("", name[0])]
