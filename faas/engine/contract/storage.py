"""What a store is: values, errors, and the Protocol that the durable and the in-memory one fulfil.

StoreError
├── Stale          the object is not at the version that the writer expected
├── Expired        a watch or a list asks for a version older than the kept history
├── StoreFull      the disk takes no more; nothing of the write was kept
├── StoreCorrupt   the file is damaged, or is no database
├── StoreLocked    another process uses it
└── StoreTooNew    a later release wrote it
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Protocol


class Key(NamedTuple):
    """Names one object; `resource` as in `services.serving.knative.dev`, `namespace` is "" for cluster-scoped ones."""

    resource: str
    namespace: str
    name: str


@dataclass(frozen=True, slots=True)
class Record:
    """One version of an object. `object` is shared by all readers: whoever wants to change it decodes `raw`."""

    key: Key
    version: int
    object: Mapping[str, Any]
    raw: bytes  # the same as JSON


@dataclass(frozen=True, slots=True)
class Change:
    """One step of the history; for a deletion `record` is the last state, at the deletion's version."""

    record: Record
    previous: Record | None
    deleted: bool = False

    @property
    def version(self) -> int:
        return self.record.version


class StoreError(Exception):
    """The root of what a store raises."""


class Stale(StoreError):
    def __init__(self, key: Key, expected: int, found: int) -> None:
        super().__init__(f"{key.resource} {key.namespace}/{key.name} is at version {found}, not at {expected}")
        self.key, self.expected, self.found = key, expected, found


class Expired(StoreError):
    def __init__(self, asked: int, oldest: int) -> None:
        super().__init__(f"version {asked} is older than the kept history, which begins at {oldest}")
        self.asked, self.oldest = asked, oldest


class StoreFull(StoreError):
    def __init__(self, path: Path, detail: str) -> None:
        super().__init__(f"cannot write {path}: {detail}. Nothing of this change was kept; free some disk space.")
        self.path, self.detail = path, detail


class StoreCorrupt(StoreError):
    def __init__(self, path: Path, detail: str) -> None:
        super().__init__(
            f"{path} is damaged: {detail}. Restore it from a backup, or move it away to begin with an empty state."
        )
        self.path, self.detail = path, detail


class StoreLocked(StoreError):
    def __init__(self, path: Path, pid: int | None) -> None:
        owner = f"pid {pid}" if pid else "another process"
        super().__init__(f"{path} is in use by {owner}. Stop that engine, or choose another state directory.")
        self.path, self.pid = path, pid


class StoreTooNew(StoreError):
    def __init__(self, path: Path, found: int, known: int) -> None:
        super().__init__(f"{path} has format {found}, this release knows {known}. Use the release that wrote it.")
        self.path, self.found, self.known = path, found, known


class Subscription(Protocol):
    """One watcher's changes, in order. Close it, or use it as a context manager."""

    async def next(self) -> list[Change]:
        """Wait for changes. An empty list: it was closed. Raises Expired when this watcher was too slow."""
        ...

    def take(self) -> list[Change]:
        """All that has come until now, without waiting."""
        ...

    def __aiter__(self) -> AsyncIterator[Change]: ...

    def end(self) -> None:
        """Let the watcher see what it has and then the end."""
        ...

    def close(self) -> None: ...

    def __enter__(self) -> Subscription: ...

    def __exit__(self, *_: object) -> None: ...


class Store(Protocol):
    """Objects by key. Lives on one event loop.

    A write is staged at once, in line, and awaited until it is durable: between `head` and `put` without an `await`
    nobody else writes, so a read-modify-write needs no lock. Readers (`get`, `list`, `watch`) see durable state only,
    in the order of versions.
    """

    @property
    def version(self) -> int:
        """The version of the newest durable change."""
        ...

    @property
    def fault(self) -> StoreError | None:
        """Why writes fail now; None while they work."""
        ...

    def get(self, key: Key) -> Record | None: ...

    def head(self, key: Key) -> Record | None:
        """The newest state, staged writes included: what a writer builds on."""
        ...

    def list(self, resource: str, namespace: str = "", *, at: int | None = None) -> Sequence[Record]:
        """All records of a resource by namespace and name, as they were at version `at`. Raises Expired."""
        ...

    def put(self, key: Key, obj: dict[str, Any], *, expected: int | None = None) -> Awaitable[Record]:
        """Create or replace; writes `metadata.resourceVersion` into `obj`, which now belongs to the store.

        Args:
            expected: the version that the object must have, 0: it must not exist, None: any.
        Raises: Stale (at once); StoreFull (when awaited).
        """
        ...

    def delete(self, key: Key, *, expected: int | None = None) -> Awaitable[Record]:
        """Remove; returns the last state, at the deletion's version. Raises Stale, also when nothing is there."""
        ...

    def watch(self, resource: str = "", namespace: str = "", *, since: int | None = None) -> Subscription:
        """Changes after version `since` (None: from now), of one resource or of all. Raises Expired."""
        ...
