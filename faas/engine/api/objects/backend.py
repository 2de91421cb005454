"""The API in process: what every writer goes through, be it a controller or a request over HTTPS."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from faas.client.protocol import Object, ObjectList, PatchType, WatchEvent
from faas.engine.api.objects.options import DeleteOptions, Propagation, Subject, Subresource, WriteOptions
from faas.engine.api.objects.records import Records
from faas.engine.api.objects.removing import Remover
from faas.engine.api.objects.selection import decode, make_selection, parse_version, watch_changes
from faas.engine.api.objects.writing import Writer
from faas.engine.contract.storage import Store
from faas.resources import kinds
from faas.resources.conversion import from_stored
from faas.resources.kinds import Kind


class Backend:
    """The Kubernetes API without a wire; fulfils `faas.client.protocol.Client`, its caller being the engine itself.

    Each method takes any version of a kind that is served, and speaks of objects in that version. Requests from outside
    go to its parts: `records`, `writer`, `remover`.
    """

    def __init__(
        self,
        store: Store,
        stored: Sequence[Kind] = kinds.KINDS,
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Args: stored: the kinds, in the version in which they are stored; clock: the time that objects get."""
        self.kinds = tuple(stored)
        self.records = Records(store, clock)
        self.writer = Writer(self.records)
        self.remover = Remover(self.records)

    async def get(self, kind: Kind, name: str, namespace: str = "") -> Object:
        return from_stored(kind, decode(self.records.get(kind, name, namespace)))

    async def list(
        self, kind: Kind, namespace: str = "", *, label_selector: str = "", field_selector: str = ""
    ) -> ObjectList:
        selection = make_selection(label_selector, field_selector)
        version = self.records.store.version
        found = [record for record in self.records.list(kind, namespace) if selection.matches(record)]
        return ObjectList([from_stored(kind, decode(record)) for record in found], str(version))

    async def watch(
        self,
        kind: Kind,
        namespace: str = "",
        *,
        resource_version: str = "",
        label_selector: str = "",
        field_selector: str = "",
    ) -> AsyncIterator[WatchEvent]:
        selection = make_selection(label_selector, field_selector)
        since = parse_version(resource_version) if resource_version else None
        async for event in watch_changes(self.records.store, kind, namespace, since, selection):
            yield event if event.type == "BOOKMARK" else WatchEvent(event.type, from_stored(kind, event.object))

    async def create(self, kind: Kind, obj: Object, *, dry_run: bool = False, field_manager: str = "faas") -> Object:
        options = WriteOptions(dry_run=dry_run, field_manager=field_manager, trusted=True)
        namespace = (obj.get("metadata") or {}).get("namespace", "") if kind.namespaced else ""
        return from_stored(kind, (await self.writer.new(kind, namespace, obj, options)).object)

    async def update(
        self,
        kind: Kind,
        obj: Object,
        *,
        subresource: Subresource = "",
        dry_run: bool = False,
        field_manager: str = "faas",
    ) -> Object:
        options = WriteOptions(dry_run=dry_run, field_manager=field_manager, trusted=True)
        subject = Subject(kind, obj["metadata"]["name"], obj["metadata"].get("namespace", ""), subresource)
        return from_stored(kind, (await self.writer.over(subject, obj, options)).object)

    async def patch(
        self,
        kind: Kind,
        name: str,
        patch: Mapping[str, Any] | Sequence[Any],
        namespace: str = "",
        *,
        type: PatchType = "merge",
        subresource: Subresource = "",
        dry_run: bool = False,
        field_manager: str = "faas",
        force: bool = False,
    ) -> Object:
        options = WriteOptions(dry_run=dry_run, field_manager=field_manager, trusted=True)
        subject = Subject(kind, name, namespace, subresource)
        outcome = await self.writer.patch(subject, patch, type, options, force=force)
        return from_stored(kind, outcome.object)

    async def delete(
        self,
        kind: Kind,
        name: str,
        namespace: str = "",
        *,
        propagation: Propagation = "Background",
        dry_run: bool = False,
    ) -> None:
        await self.remover.remove(Subject(kind, name, namespace), DeleteOptions(propagation, dry_run), trusted=True)
