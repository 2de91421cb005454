"""Deleting: at once, or when what waits for it is done."""

from __future__ import annotations

from collections.abc import Callable

from faas.client.protocol import Object
from faas.engine.api.objects import refusals
from faas.engine.api.objects.deletion import is_finished, marked_for_deletion
from faas.engine.api.objects.options import DeleteOptions, Subject
from faas.engine.api.objects.records import Records
from faas.engine.api.objects.selection import decode
from faas.engine.contract.storage import Key, Record, StoreError
from faas.resources import kinds
from faas.resources.config import CONFIG_NAMESPACE, EVENTING_NAMESPACE
from faas.resources.kinds import Kind

# There from the start, and never deleted.
SYSTEM_NAMESPACES = ("default", "kube-system", CONFIG_NAMESPACE, EVENTING_NAMESPACE)


class Remover:
    """`evict` is told of a Pod that somebody deletes, so that its instance ends; the Pod stays until that happened."""

    def __init__(self, records: Records) -> None:
        self.evict: Callable[[str, str], object] | None = None
        self._records = records

    async def remove(self, subject: Subject, options: DeleteOptions, *, trusted: bool = False) -> tuple[Object, bool]:
        """Delete, or mark for it; returns the last state and whether it is gone. Raises NotFound, Conflict."""
        kind, name = subject.kind, subject.name
        old = self._records.head(kind, name, subject.namespace)
        refusals.check_preconditions(kind, old, options.uid, options.resource_version)
        if kind == kinds.NAMESPACE and name in SYSTEM_NAMESPACES:
            raise refusals.forbidden(kind, name, "this namespace may not be deleted")
        if kind.read_only and not trusted:
            if kind != kinds.POD:
                raise refusals.read_only(kind)
            if self.evict is not None:
                return await self._evict(kind, old, options)
        marked = marked_for_deletion(kind, old, options.propagation, self._records.now())
        try:
            if marked is None:
                last = old if options.dry_run else await self._records.store.delete(old.key, expected=old.version)
                return decode(last), True
            if options.dry_run or marked == old.object:
                return marked, False
            return decode(await self._records.store.put(old.key, marked, expected=old.version)), False
        except StoreError as error:
            raise refusals.from_store(error, kind, name) from error

    async def edit(self, kind: Kind, key: Key, change: Callable[[Object], Object | None]) -> None:
        """Change an object's stored form past all rules: for finalizers and owners. None: leave it as it is."""
        old = self._records.store.head(key)
        if old is None:
            return
        new = change(decode(old))
        if new is None:
            return
        try:
            if is_finished(kind, new):
                await self._records.store.delete(key, expected=old.version)
            else:
                await self._records.store.put(key, new, expected=old.version)
        except StoreError as error:
            raise refusals.from_store(error, kind, key.name) from error

    async def _evict(self, kind: Kind, old: Record, options: DeleteOptions) -> tuple[Object, bool]:
        marked = decode(old)
        marked["metadata"].setdefault("deletionTimestamp", self._records.now())
        marked["metadata"].setdefault("deletionGracePeriodSeconds", 30)
        if not options.dry_run and self.evict is not None:
            try:
                await self._records.store.put(old.key, marked, expected=old.version)
            except StoreError as error:
                raise refusals.from_store(error, kind, old.key.name) from error
            self.evict(old.key.namespace, old.key.name)
        return marked, False
