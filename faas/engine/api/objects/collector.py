"""What happens to objects by themselves: owners' dependents go, namespaces empty, Events expire."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

from faas.client.errors import ApiError, Conflict, NotFound
from faas.client.protocol import Object
from faas.engine.api.objects.backend import Backend
from faas.engine.api.objects.deletion import FOREGROUND, ORPHAN
from faas.engine.api.objects.options import DeleteOptions, Subject
from faas.engine.contract.storage import Change, Expired, Key, Record
from faas.resources import kinds
from faas.resources.kinds import Kind

_log = logging.getLogger(__name__)

EVENT_LIFE = timedelta(hours=1)
MAX_EVENTS = 5000  # oldest first out; some MB of memory at most
SWEEP_EVERY_S = 60.0


class Collector:
    """Level-triggered: whatever it missed while it was away it finds when it starts.

    Source: kubernetes/pkg/controller/garbagecollector, pkg/controller/namespace.
    """

    def __init__(self, backend: Backend) -> None:
        self._records, self._remover = backend.records, backend.remover
        self._kinds = {str(kind): kind for kind in backend.kinds}
        self._served = {
            (version.api_version, version.kind): kind for kind in backend.kinds for version in kinds.versions(kind)
        }
        self._dependents: dict[str, set[Key]] = {}  # owner's uid -> who names it
        self._owners: dict[Key, frozenset[str]] = {}
        self._keys: dict[str, Key] = {}  # uid -> object

    async def run(self) -> None:
        while True:
            try:
                await self._follow()
                return
            except Expired:
                _log.warning("the collector fell behind and looks at everything again")

    async def _follow(self) -> None:
        store = self._records.store
        with store.watch() as subscription:
            self._dependents.clear()
            self._owners.clear()
            self._keys.clear()
            everything = [record for kind in self._kinds for record in store.list(kind)]
            for record in everything:
                self._index(record)
            for record in everything:
                await self._look_at(record.key)
            loop = asyncio.get_running_loop()
            sweep_at = loop.time() + SWEEP_EVERY_S
            while True:
                changes = None
                with suppress(TimeoutError):
                    async with asyncio.timeout_at(sweep_at):
                        changes = await subscription.next()
                if changes == []:
                    return
                for change in changes or ():
                    await self._react(change)
                if loop.time() >= sweep_at:
                    await self.expire_events(datetime.now(UTC))
                    sweep_at = loop.time() + SWEEP_EVERY_S

    async def _react(self, change: Change) -> None:
        record = change.record
        if not change.deleted:
            self._index(record)
            await self._look_at(record.key)
            return
        owners = self._forget(record.key)
        for key in list(self._dependents.get(record.object["metadata"].get("uid", ""), ())):
            await self._look_at(key)
        self._keys.pop(record.object["metadata"].get("uid", ""), None)
        for owner in owners & self._keys.keys():
            await self._look_at(self._keys[owner])
        if record.key.namespace:
            await self._look_at(Key(str(kinds.NAMESPACE), "", record.key.namespace))

    async def _look_at(self, key: Key) -> None:
        """Do what the object needs; refusals are logged, and the next change or start tries again."""
        record = self._records.store.head(key)
        kind = self._kinds.get(key.resource)
        if record is None or kind is None:
            return
        try:
            await self._collect(kind, record)
            metadata = record.object["metadata"]
            if "deletionTimestamp" in metadata:
                if FOREGROUND in metadata.get("finalizers", ()):
                    await self._finish_foreground(kind, record)
                if ORPHAN in metadata.get("finalizers", ()):
                    await self._finish_orphan(kind, record)
                if kind == kinds.NAMESPACE:
                    await self._empty_namespace(record)
        except (NotFound, Conflict):
            return  # somebody was faster; the change that says so comes
        except ApiError as error:
            _log.warning("cannot collect %s %s/%s: %s", key.resource, key.namespace, key.name, error)

    async def _collect(self, kind: Kind, record: Record) -> None:
        """Delete an object whose owners are all gone; drop references to those that are gone."""
        references = record.object["metadata"].get("ownerReferences") or []
        if not references or "deletionTimestamp" in record.object["metadata"]:
            return
        living = [reference for reference in references if self._lives(reference, record.key.namespace)]
        if not living:
            await self._remove(kind, record.key, record.object["metadata"].get("uid"))
        elif len(living) < len(references):
            await self._remover.edit(kind, record.key, lambda obj: _with_references(obj, living))

    def _lives(self, reference: dict[str, Any], namespace: str) -> bool:
        kind = self._served.get((reference.get("apiVersion", ""), reference.get("kind", "")))
        if kind is None:
            return True  # nobody here can know
        owner = self._records.store.head(self._records.key(kind, reference.get("name", ""), namespace))
        return owner is not None and owner.object["metadata"].get("uid") == reference.get("uid")

    async def _finish_foreground(self, kind: Kind, record: Record) -> None:
        """Delete the dependents first; the owner goes when none is left that blocks it."""
        uid = record.object["metadata"].get("uid", "")
        blocking = False
        for key in list(self._dependents.get(uid, ())):
            dependent = self._records.store.head(key)
            if dependent is None:
                continue
            blocking = blocking or any(
                reference.get("uid") == uid and reference.get("blockOwnerDeletion")
                for reference in dependent.object["metadata"].get("ownerReferences", [])
            )
            if "deletionTimestamp" not in dependent.object["metadata"]:
                options = DeleteOptions("Foreground" if self._has_dependents(dependent) else "Background")
                await self._remove(self._kinds[key.resource], key, None, options)
                blocking = blocking and self._records.store.head(key) is not None
        if not blocking:
            await self._remover.edit(kind, record.key, lambda obj: _without_finalizer(obj, FOREGROUND))

    async def _finish_orphan(self, kind: Kind, record: Record) -> None:
        uid = record.object["metadata"].get("uid", "")
        for key in list(self._dependents.get(uid, ())):
            await self._remover.edit(
                self._kinds[key.resource],
                key,
                lambda obj: _with_references(
                    obj, [ref for ref in obj["metadata"].get("ownerReferences", []) if ref.get("uid") != uid]
                ),
            )
        await self._remover.edit(kind, record.key, lambda obj: _without_finalizer(obj, ORPHAN))

    async def _empty_namespace(self, record: Record) -> None:
        store, name = self._records.store, record.key.name
        for kind in self._kinds.values():
            if kind.namespaced:
                for found in store.list(str(kind), name):
                    if "deletionTimestamp" not in found.object["metadata"]:
                        await self._remove(kind, found.key, None)
        if not any(store.list(str(kind), name) for kind in self._kinds.values() if kind.namespaced):
            await self._remover.edit(kinds.NAMESPACE, record.key, _without_namespace_finalizer)

    async def _remove(self, kind: Kind, key: Key, uid: str | None, options: DeleteOptions | None = None) -> None:
        options = options or DeleteOptions("Background", uid=uid)
        try:
            await self._remover.remove(Subject(kind, key.name, key.namespace), options)
        except NotFound:
            return

    async def expire_events(self, now: datetime) -> None:
        """Drop Events that are old, and the oldest of too many."""
        events = self._records.store.list(str(kinds.EVENT))
        stale = [record for record in events if _seen(record, now) < now - EVENT_LIFE]
        surplus = sorted(events, key=lambda record: _seen(record, now))[: max(0, len(events) - MAX_EVENTS)]
        for key in {record.key for record in (*stale, *surplus)}:
            await self._remove(kinds.EVENT, key, None)

    def _has_dependents(self, record: Record) -> bool:
        return bool(self._dependents.get(record.object["metadata"].get("uid", "")))

    def _index(self, record: Record) -> None:
        metadata = record.object["metadata"]
        self._keys[metadata.get("uid", "")] = record.key
        references = metadata.get("ownerReferences") or ()
        new = frozenset(reference.get("uid", "") for reference in references)
        old = self._owners.get(record.key, frozenset())
        if new == old:
            return
        for uid in old - new:
            self._dependents.get(uid, set()).discard(record.key)
        for uid in new - old:
            self._dependents.setdefault(uid, set()).add(record.key)
        self._owners[record.key] = new

    def _forget(self, key: Key) -> frozenset[str]:
        owners = self._owners.pop(key, frozenset())
        for uid in owners:
            dependents = self._dependents.get(uid, set())
            dependents.discard(key)
            if not dependents:
                self._dependents.pop(uid, None)
        return owners


def _seen(record: Record, now: datetime) -> datetime:
    obj = record.object
    text = obj.get("lastTimestamp") or obj.get("eventTime") or obj["metadata"].get("creationTimestamp")
    try:
        return datetime.fromisoformat(str(text))
    except ValueError:
        return now


def _with_references(obj: Object, references: list[dict[str, Any]]) -> Object:
    obj["metadata"]["ownerReferences"] = references
    if not references:
        del obj["metadata"]["ownerReferences"]
    return obj


def _without_finalizer(obj: Object, finalizer: str) -> Object | None:
    left = [name for name in obj["metadata"].get("finalizers", []) if name != finalizer]
    if len(left) == len(obj["metadata"].get("finalizers", [])):
        return None
    obj["metadata"]["finalizers"] = left
    if not left:
        del obj["metadata"]["finalizers"]
    return obj


def _without_namespace_finalizer(obj: Object) -> Object:
    finalizers = [name for name in obj.get("spec", {}).get("finalizers", []) if name != "kubernetes"]
    obj["spec"] = {**obj.get("spec", {}), "finalizers": finalizers}
    return obj
