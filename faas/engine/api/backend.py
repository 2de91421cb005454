"""The API in process: what every writer goes through, be it a controller or a request over HTTPS."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import msgspec

from faas.client.errors import BadRequest
from faas.client.protocol import Object, ObjectList, PatchType, WatchEvent
from faas.engine.api import admission, refusals
from faas.engine.api.apply import managers
from faas.engine.api.apply.managers import Manager
from faas.engine.api.deletion import is_finished, marked_for_deletion
from faas.engine.api.options import DeleteOptions, Outcome, Propagation, Subresource, WriteOptions
from faas.engine.api.patching import apply_config, patched
from faas.engine.api.reading import decode, make_selection, watch_changes
from faas.engine.contract.storage import Key, Record, Store, StoreError
from faas.resources import kinds, validation
from faas.resources.config import (
    CONFIG_NAMESPACE,
    EVENTING_NAMESPACE,
    Config,
    ConfigError,
    config_namespace,
    parse_config,
)
from faas.resources.conversion import from_stored, to_stored
from faas.resources.kinds import Kind

# There from the start, and never deleted.
SYSTEM_NAMESPACES = ("default", "kube-system", CONFIG_NAMESPACE, EVENTING_NAMESPACE)


class Backend:
    """The Kubernetes API without a wire; fulfils `faas.client.protocol.Client`, its caller being the engine itself.

    Each method takes any version of a kind that is served, and speaks of objects in that version; what the `write_*`
    methods return is the object as it is stored.

    Args:
        stored: the kinds, in the version in which they are stored.
        evict: told of a Pod that somebody deletes, so that its instance ends; the Pod stays until that happened.
        clock: the time that objects get.
    """

    def __init__(
        self,
        store: Store,
        stored: Sequence[Kind] = kinds.KINDS,
        *,
        evict: Callable[[str, str], object] | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.store = store
        self.kinds = tuple(stored)
        self.evict = evict
        self._clock = clock
        self._config = Config()
        self._config_versions: tuple[int, ...] = ()

    # --- what the engine's parts call (Client) ---

    async def get(self, kind: Kind, name: str, namespace: str = "") -> Object:
        return from_stored(kind, decode(self.read(kind, name, namespace)))

    async def list(
        self, kind: Kind, namespace: str = "", *, label_selector: str = "", field_selector: str = ""
    ) -> ObjectList:
        selection = make_selection(label_selector, field_selector)
        version = self.store.version
        found = [record for record in self.records(kind, namespace) if selection.matches(record)]
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
        async for event in watch_changes(self.store, kind, namespace, since, selection):
            yield event if event.type == "BOOKMARK" else WatchEvent(event.type, from_stored(kind, event.object))

    async def create(self, kind: Kind, obj: Object, *, dry_run: bool = False, field_manager: str = "faas") -> Object:
        options = WriteOptions(dry_run=dry_run, field_manager=field_manager, trusted=True)
        namespace = (obj.get("metadata") or {}).get("namespace", "") if kind.namespaced else ""
        return from_stored(kind, (await self.write_new(kind, namespace, obj, options)).object)

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
        name, namespace = obj["metadata"]["name"], obj["metadata"].get("namespace", "")
        outcome = await self.write_over(kind, name, namespace, obj, subresource, options)
        return from_stored(kind, outcome.object)

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
        outcome = await self.write_patch(kind, name, namespace, patch, type, subresource, options, force=force)
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
        await self.remove(kind, name, namespace, DeleteOptions(propagation, dry_run), trusted=True)

    # --- reading, as records ---

    def read(self, kind: Kind, name: str, namespace: str = "") -> Record:
        record = self.store.get(self.key(kind, name, namespace))
        if record is None:
            raise refusals.not_found(kind, name)
        return record

    def records(self, kind: Kind, namespace: str = "", *, at: int | None = None) -> Sequence[Record]:
        return self.store.list(str(kind), namespace if kind.namespaced else "", at=at)

    def key(self, kind: Kind, name: str, namespace: str = "") -> Key:
        return Key(str(kind), namespace if kind.namespaced else "", name)

    @property
    def config(self) -> Config:
        """Knative's config maps as they are now; a damaged one leaves the values from before."""
        records = [
            record
            for namespace in (CONFIG_NAMESPACE, EVENTING_NAMESPACE)
            for record in self.store.list(str(kinds.CONFIG_MAP), namespace)
            if config_namespace(record.key.name) == namespace
        ]
        versions = tuple(record.version for record in records)
        if versions != self._config_versions:
            self._config_versions = versions
            # A damaged one is refused at the door; only a store from another release can hold it.
            with suppress(ConfigError):
                self._config = parse_config({record.key.name: record.object.get("data") or {} for record in records})
        return self._config

    def now(self) -> str:
        return self._clock().strftime("%Y-%m-%dT%H:%M:%SZ")

    # --- writing ---

    async def write_new(self, kind: Kind, namespace: str, obj: Any, options: WriteOptions) -> Outcome:
        """Create. Raises AlreadyExists, Invalid, BadRequest, NotFound (its namespace)."""
        if kind.read_only and not options.trusted:
            raise refusals.read_only(kind)
        obj, warnings = admission.checked(kind, obj, options)
        kind, obj = admission.in_stored_version(kind, admission.named(kind, obj, namespace), None, self.config)
        self._require_namespace(kind, namespace)
        now = self.now()
        obj = admission.settled_new(kind, obj, options, now)
        if not kind.volatile:
            obj = admission.with_managers(kind, {}, obj, options, "", now)
        obj = admission.finished(kind, None, obj, "", options, self.config)
        key = self.key(kind, obj["metadata"]["name"], namespace)
        if self.store.head(key) is not None:
            raise refusals.already_exists(kind, key.name)
        return await self._store(kind, key, obj, 0, options, warnings, created=True)

    async def write_over(
        self, kind: Kind, name: str, namespace: str, obj: Any, subresource: Subresource, options: WriteOptions
    ) -> Outcome:
        """Replace. Raises NotFound, Conflict, Invalid, BadRequest."""
        if kind.read_only and not options.trusted:
            raise refusals.read_only(kind)
        obj, warnings = admission.checked(kind, obj, options)
        old = self._existing(kind, name, namespace)
        kind, obj = admission.in_stored_version(kind, obj, old.object, self.config)
        return await self._replace(kind, old, obj, subresource, options, warnings)

    async def write_patch(
        self,
        kind: Kind,
        name: str,
        namespace: str,
        patch: Any,
        type: PatchType,
        subresource: Subresource,
        options: WriteOptions,
        *,
        force: bool = False,
    ) -> Outcome:
        """Patch; server-side apply creates what is not there. Raises NotFound, Conflict, Invalid, BadRequest."""
        if kind.read_only and not options.trusted:
            raise refusals.read_only(kind)
        if type == "apply":
            return await self._apply(kind, name, namespace, patch, subresource, options, force=force)
        old = self._existing(kind, name, namespace)
        obj, warnings = admission.checked(kind, patched(kind, from_stored(kind, decode(old)), patch, type), options)
        kind, obj = admission.in_stored_version(kind, obj, old.object, self.config)
        return await self._replace(kind, old, obj, subresource, options, warnings)

    async def remove(
        self, kind: Kind, name: str, namespace: str, options: DeleteOptions, *, trusted: bool = False
    ) -> tuple[Object, bool]:
        """Delete, or mark for it; returns the last state and whether it is gone. Raises NotFound, Conflict."""
        old = self._existing(kind, name, namespace)
        refusals.check_preconditions(kind, old, options.uid, options.resource_version)
        if kind == kinds.NAMESPACE and name in SYSTEM_NAMESPACES:
            raise refusals.forbidden(kind, name, "this namespace may not be deleted")
        if kind.read_only and not trusted:
            if kind != kinds.POD:
                raise refusals.read_only(kind)
            if self.evict is not None:
                return await self._evict(kind, old, options)
        marked = marked_for_deletion(kind, old, options.propagation, self.now())
        try:
            if marked is None:
                last = old if options.dry_run else await self.store.delete(old.key, expected=old.version)
                return decode(last), True
            if options.dry_run or marked == old.object:
                return marked, False
            return decode(await self.store.put(old.key, marked, expected=old.version)), False
        except StoreError as error:
            raise refusals.from_store(error, kind, name) from error

    async def edit(self, kind: Kind, key: Key, change: Callable[[Object], Object | None]) -> None:
        """Change an object's stored form past all rules: for finalizers and owners. None: leave it as it is."""
        old = self.store.head(key)
        if old is None:
            return
        new = change(decode(old))
        if new is None:
            return
        try:
            if is_finished(kind, new):
                await self.store.delete(key, expected=old.version)
            else:
                await self.store.put(key, new, expected=old.version)
        except StoreError as error:
            raise refusals.from_store(error, kind, key.name) from error

    async def _apply(
        self,
        kind: Kind,
        name: str,
        namespace: str,
        config: Any,
        subresource: Subresource,
        options: WriteOptions,
        *,
        force: bool,
    ) -> Outcome:
        config, warnings = admission.checked(kind, config, options)
        config = admission.named(kind, {**config, "metadata": {"name": name, **config["metadata"]}}, namespace)
        if config["metadata"]["name"] != name:
            raise BadRequest(name_mismatch(config["metadata"]["name"], name))
        asked, kind, config = kind, kinds.stored(kind), to_stored(kind, config)
        key, now = self.key(kind, name, namespace), self.now()
        old = self.store.head(key)
        if old is not None and config["metadata"].get("resourceVersion", str(old.version)) != str(old.version):
            raise refusals.stale(kind, name)
        live = decode(old) if old else {"apiVersion": kind.api_version, "kind": kind.kind, "metadata": {}}
        manager = Manager(options.field_manager, "Apply", "", subresource)
        obj, owners = apply_config(kind, live, config, manager, now, force=force)
        obj["metadata"].pop("managedFields", None)
        if asked != kind and not subresource:
            admission.check_version(asked, from_stored(asked, obj), self.config)
        if old is None:
            if subresource:
                raise refusals.not_found(kind, name)
            self._require_namespace(kind, namespace)
            obj = admission.with_owners(admission.settled_new(kind, obj, options, now), owners)
            obj = admission.finished(kind, None, obj, "", options, self.config)
            return await self._store(kind, key, obj, 0, options, warnings, created=True)
        obj = admission.settled(kind, old.object, obj, subresource, options)
        obj = admission.with_owners(obj, owners)
        obj = admission.finished(kind, old.object, obj, subresource, options, self.config)
        if admission.same(obj, old.object) and owners == managers.decode(old.object["metadata"].get("managedFields")):
            return Outcome(decode(old), old.raw, warnings=warnings)
        return await self._store(kind, key, obj, old.version, options, warnings)

    async def _replace(
        self,
        kind: Kind,
        old: Record,
        obj: Object,
        subresource: Subresource,
        options: WriteOptions,
        warnings: tuple[str, ...],
    ) -> Outcome:
        name, namespace = old.key.name, old.key.namespace
        metadata = obj["metadata"]
        if metadata.get("name", name) != name:
            raise BadRequest(name_mismatch(metadata["name"], name))
        metadata["name"] = name
        obj = admission.named(kind, obj, namespace)
        if metadata.get("uid") and metadata["uid"] != old.object["metadata"].get("uid"):
            raise refusals.precondition(kind, name, "UID", metadata["uid"], old.object["metadata"].get("uid", ""))
        if metadata.get("resourceVersion") not in (None, "", "0", str(old.version)):
            raise refusals.stale(kind, name)
        before = old.object["metadata"].get("managedFields", [])
        sent = metadata.get("managedFields", before)
        obj = admission.settled(kind, old.object, obj, subresource, options)
        if not kind.volatile:
            obj["metadata"]["managedFields"] = sent
            obj = admission.with_managers(kind, old.object, obj, options, subresource, self.now())
        obj = admission.finished(kind, old.object, obj, subresource, options, self.config)
        if admission.same(obj, old.object) and sent == before:
            return Outcome(decode(old), old.raw, warnings=warnings)
        if is_finished(kind, obj) and not options.dry_run:
            try:
                last = await self.store.delete(old.key, expected=old.version)
            except StoreError as error:
                raise refusals.from_store(error, kind, name) from error
            return Outcome(decode(last), last.raw, warnings=warnings)
        return await self._store(kind, old.key, obj, old.version, options, warnings)

    async def _store(
        self,
        kind: Kind,
        key: Key,
        obj: Object,
        expected: int,
        options: WriteOptions,
        warnings: tuple[str, ...],
        *,
        created: bool = False,
    ) -> Outcome:
        if options.field_validation != "Ignore":  # somebody who can be warned
            warnings = (*warnings, *validation.warnings(kind, obj))
        if options.dry_run:
            if expected:
                obj["metadata"]["resourceVersion"] = str(expected)
            else:
                obj["metadata"].pop("resourceVersion", None)
            return Outcome(obj, msgspec.json.encode(obj), created, warnings)
        try:
            written = self.store.put(key, obj, expected=expected)
            if created and kind == kinds.NAMESPACE:
                self._give_service_account(key.name)
            record = await written
        except StoreError as error:
            raise refusals.from_store(error, kind, key.name) from error
        return Outcome(decode(record), record.raw, created, warnings)

    async def _evict(self, kind: Kind, old: Record, options: DeleteOptions) -> tuple[Object, bool]:
        marked = decode(old)
        marked["metadata"].setdefault("deletionTimestamp", self.now())
        marked["metadata"].setdefault("deletionGracePeriodSeconds", 30)
        if not options.dry_run and self.evict is not None:
            try:
                await self.store.put(old.key, marked, expected=old.version)
            except StoreError as error:
                raise refusals.from_store(error, kind, old.key.name) from error
            self.evict(old.key.namespace, old.key.name)
        return marked, False

    def _existing(self, kind: Kind, name: str, namespace: str) -> Record:
        record = self.store.head(self.key(kind, name, namespace))
        if record is None:
            raise refusals.not_found(kind, name)
        return record

    def _require_namespace(self, kind: Kind, namespace: str) -> None:
        if not kind.namespaced:
            return
        if not namespace:
            raise BadRequest(f"a {kind.kind} needs a namespace (metadata.namespace)")
        record = self.store.head(Key(str(kinds.NAMESPACE), "", namespace))
        if record is None:
            raise refusals.not_found(kinds.NAMESPACE, namespace)
        if "deletionTimestamp" in record.object["metadata"]:
            raise admission.namespace_is_gone(namespace)

    def _give_service_account(self, namespace: str) -> None:
        key = Key(str(kinds.SERVICE_ACCOUNT), namespace, "default")
        if self.store.head(key) is None:
            account = {
                "apiVersion": "v1",
                "kind": "ServiceAccount",
                "metadata": {"name": "default", "namespace": namespace},
            }
            options = WriteOptions(field_manager="faas", trusted=True)
            self.store.put(key, admission.settled_new(kinds.SERVICE_ACCOUNT, account, options, self.now()))


def parse_version(text: str) -> int:
    """Read a resourceVersion. Raises BadRequest."""
    if not text.isascii() or not text.isdigit():
        raise BadRequest(f"invalid resource version {text!r}: use the one that a list or an object has")
    return int(text)


def name_mismatch(in_body: str, in_url: str) -> str:
    return f"the name of the object ({in_body}) does not match the name on the URL ({in_url})"
