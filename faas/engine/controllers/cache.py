"""A local copy of one kind that follows the API: list, watch, and list again when the watch is lost."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Iterator
from typing import Generic, NamedTuple, TypeVar

from faas.client.errors import ApiError, Gone
from faas.client.protocol import Client, Object
from faas.engine.contract.observed import Observed
from faas.resources.kinds import Kind
from faas.resources.views import ObjectView, UndecodableObject, decode

_log = logging.getLogger(__name__)
_RETRY_S = 0.2  # the API is in this process: when it refuses, it is starting or stopping


class Key(NamedTuple):
    """Names an object of a known kind."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


def key_of(raw: Object) -> Key:
    return Key(raw["metadata"].get("namespace", ""), raw["metadata"]["name"])


Index = Callable[[Object], Iterable[tuple[str, str]]]


def labels_of(raw: Object) -> Iterable[tuple[str, str]]:
    return (raw["metadata"].get("labels") or {}).items()


V = TypeVar("V", bound=ObjectView)
_NO_OBJECTS: frozenset[Key] = frozenset()


class Cache(Generic[V]):
    """Objects of one kind, raw and as views, with an index from what `index` says of each to the keys it says it of.

    `listeners` hear of every change in line: (old raw, new raw), None where there is none. A write of our own is put in
    with `observe` as soon as it is acknowledged, so that what depends on it does not wait for the watch to say it too.
    An object that does not decode is logged and left out: it must not stop the others.
    """

    def __init__(self, client: Client, kind: Kind, view: type[V], index: Index = labels_of) -> None:
        self.kind = kind
        self.synced = asyncio.Event()
        self.uids: Observed[Key, str] = Observed()  # of what is there and stays, whether it decodes or not
        self.listeners: list[Callable[[Object | None, Object | None], None]] = []
        self._client, self._view, self._index = client, view, index
        self._raw: dict[Key, Object] = {}
        self._views: dict[Key, V] = {}
        self._indexed: dict[tuple[str, str, str], set[Key]] = {}
        self._watched_version = 0

    def get(self, key: Key) -> V | None:
        return self._views.get(key)

    def staying(self, key: Key) -> V | None:
        """The object, unless it is gone or is being deleted."""
        raw = self._raw.get(key)
        return None if raw is None or raw["metadata"].get("deletionTimestamp") else self._views[key]

    def raw(self, key: Key) -> Object:
        return self._raw[key]

    def __iter__(self) -> Iterator[Key]:
        return iter(list(self._raw))

    def having(self, namespace: str, what: str, value: str) -> list[Key]:
        """Keys of a namespace whose label (or whatever else is indexed) has this value."""
        return sorted(self._indexed.get((namespace, what, value), _NO_OBJECTS))

    def views(self, keys: Iterable[Key]) -> list[V]:
        return [view for key in keys if (view := self.get(key)) is not None]

    def observe(self, raw: Object) -> None:
        """Take over the server's answer to a write; what the watch has told already is not undone."""
        version, key = _version(raw), key_of(raw)
        if key in self._raw or version > self._watched_version:
            self._put(key, raw)

    async def run(self) -> None:
        """Follow the API until cancelled."""
        while True:
            try:
                await self._list_and_watch()
            except Gone:
                _log.info("the watch of %s fell behind; listing again", self.kind)
            except ApiError as error:
                _log.warning("cannot watch %s (%s); trying again", self.kind, error.message)
                await asyncio.sleep(_RETRY_S)

    async def _list_and_watch(self) -> None:
        listed = await self._client.list(self.kind)
        found = {key_of(raw): raw for raw in listed.items}
        for key in {*self._raw, *self.uids} - found.keys():
            self._remove(key)
        for key, raw in found.items():
            self._put(key, raw)
        self._watched_version = max(self._watched_version, _number(listed.resource_version))
        self.synced.set()
        async for event in self._client.watch(self.kind, resource_version=listed.resource_version):
            self._watched_version = max(self._watched_version, _version(event.object))
            if event.type == "DELETED":
                self._remove(key_of(event.object))
            elif event.type != "BOOKMARK":
                self._put(key_of(event.object), event.object)

    def _put(self, key: Key, raw: Object) -> None:
        old = self._raw.get(key)
        if old is not None and _version(raw) <= _version(old) and raw["metadata"]["uid"] == old["metadata"]["uid"]:
            return
        self._note_uid(key, raw)
        try:
            view = decode(self._view, raw)
        except UndecodableObject as error:
            _log.error("%s %s is left alone: %s", self.kind.kind, key, error)
            return
        self._unindex(key)
        self._raw[key], self._views[key] = raw, view
        for what, value in self._index(raw):
            self._indexed.setdefault((key.namespace, what, value), set()).add(key)
        self._notify(old, raw)

    def _note_uid(self, key: Key, raw: Object) -> None:
        """What is being deleted does not stay, whoever's finalizer it waits for."""
        if raw["metadata"].get("deletionTimestamp"):
            self.uids.delete(key)
        else:
            self.uids.put(key, raw["metadata"]["uid"])

    def _remove(self, key: Key) -> None:
        self.uids.delete(key)
        self._unindex(key)
        old = self._raw.pop(key, None)
        self._views.pop(key, None)
        if old is not None:
            self._notify(old, None)

    def _unindex(self, key: Key) -> None:
        if (old := self._raw.get(key)) is None:
            return
        for what, value in set(self._index(old)):
            indexed = self._indexed[(key.namespace, what, value)]
            indexed.discard(key)
            if not indexed:
                del self._indexed[(key.namespace, what, value)]

    def _notify(self, old: Object | None, new: Object | None) -> None:
        for listener in self.listeners:
            listener(old, new)


def _version(raw: Object) -> int:
    return _number(raw["metadata"].get("resourceVersion", ""))


def _number(resource_version: str) -> int:
    """Versions are one growing number here and in Kubernetes since 1.35, where they may be compared."""
    return int(resource_version) if resource_version.isdigit() else 0
