"""Creating, replacing and patching: from what somebody sent to what is stored."""

from __future__ import annotations

from typing import Any

import msgspec

from faas.client.errors import BadRequest
from faas.client.protocol import Object, PatchType
from faas.engine.api.objects import admission, refusals
from faas.engine.api.objects.apply import managers
from faas.engine.api.objects.apply.managers import Manager
from faas.engine.api.objects.deletion import is_finished
from faas.engine.api.objects.options import Outcome, Subject, Subresource, WriteOptions
from faas.engine.api.objects.patching import apply_config, patched
from faas.engine.api.objects.records import Records
from faas.engine.api.objects.selection import decode
from faas.engine.contract.storage import Key, Record, StoreError
from faas.resources import kinds, validation
from faas.resources.conversion import from_stored, to_stored
from faas.resources.kinds import Kind


class Writer:
    """Takes any version of a kind that is served; what comes back is the object as it is stored."""

    def __init__(self, records: Records) -> None:
        self._records = records

    async def new(self, kind: Kind, namespace: str, obj: Any, options: WriteOptions) -> Outcome:
        """Create. Raises AlreadyExists, Invalid, BadRequest, NotFound (its namespace)."""
        if kind.read_only and not options.trusted:
            raise refusals.read_only(kind)
        obj, warnings = admission.checked(kind, obj, options)
        kind, obj = admission.in_stored_version(kind, admission.named(kind, obj, namespace), None, self._records.config)
        self._records.require_namespace(kind, namespace)
        now = self._records.now()
        obj = admission.settled_new(kind, obj, options, now)
        if not kind.volatile:
            obj = admission.with_managers(kind, {}, obj, options, "", now)
        obj = admission.finished(kind, None, obj, "", options, self._records.config)
        key = self._records.key(kind, obj["metadata"]["name"], namespace)
        if self._records.store.head(key) is not None:
            raise refusals.already_exists(kind, key.name)
        return await self._store(kind, key, obj, 0, options, warnings, created=True)

    async def over(self, subject: Subject, obj: Any, options: WriteOptions) -> Outcome:
        """Replace. Raises NotFound, Conflict, Invalid, BadRequest."""
        kind = subject.kind
        if kind.read_only and not options.trusted:
            raise refusals.read_only(kind)
        obj, warnings = admission.checked(kind, obj, options)
        old = self._records.head(kind, subject.name, subject.namespace)
        kind, obj = admission.in_stored_version(kind, obj, old.object, self._records.config)
        return await self._replace(kind, old, obj, subject.subresource, options, warnings)

    async def patch(
        self, subject: Subject, patch: Any, type: PatchType, options: WriteOptions, *, force: bool = False
    ) -> Outcome:
        """Patch; server-side apply creates what is not there. Raises NotFound, Conflict, Invalid, BadRequest."""
        kind = subject.kind
        if kind.read_only and not options.trusted:
            raise refusals.read_only(kind)
        if type == "apply":
            return await self._apply(subject, patch, options, force=force)
        old = self._records.head(kind, subject.name, subject.namespace)
        obj, warnings = admission.checked(kind, patched(kind, from_stored(kind, decode(old)), patch, type), options)
        kind, obj = admission.in_stored_version(kind, obj, old.object, self._records.config)
        return await self._replace(kind, old, obj, subject.subresource, options, warnings)

    async def _apply(self, subject: Subject, config: Any, options: WriteOptions, *, force: bool) -> Outcome:
        asked, name, namespace = subject.kind, subject.name, subject.namespace
        kind, subresource = kinds.stored(asked), subject.subresource
        config, warnings = admission.checked(asked, config, options)
        config = admission.named(asked, {**config, "metadata": {"name": name, **config["metadata"]}}, namespace)
        if config["metadata"]["name"] != name:
            raise BadRequest(_name_mismatch(config["metadata"]["name"], name))
        config = to_stored(asked, config)
        key, now = self._records.key(kind, name, namespace), self._records.now()
        old = self._records.store.head(key)
        if old is not None and config["metadata"].get("resourceVersion", str(old.version)) != str(old.version):
            raise refusals.stale(kind, name)
        live = decode(old) if old else {"apiVersion": kind.api_version, "kind": kind.kind, "metadata": {}}
        manager = Manager(options.field_manager, "Apply", "", subresource)
        obj, owners = apply_config(kind, live, config, manager, now, force=force)
        obj["metadata"].pop("managedFields", None)
        if asked != kind and not subresource:
            admission.check_version(asked, from_stored(asked, obj), self._records.config)
        if old is None:
            if subresource:
                raise refusals.not_found(kind, name)
            self._records.require_namespace(kind, namespace)
            obj = admission.with_owners(admission.settled_new(kind, obj, options, now), owners)
            obj = admission.finished(kind, None, obj, "", options, self._records.config)
            return await self._store(kind, key, obj, 0, options, warnings, created=True)
        obj = admission.settled(kind, old.object, obj, subresource, options)
        obj = admission.with_owners(obj, owners)
        obj = admission.finished(kind, old.object, obj, subresource, options, self._records.config)
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
            raise BadRequest(_name_mismatch(metadata["name"], name))
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
            obj = admission.with_managers(kind, old.object, obj, options, subresource, self._records.now())
        obj = admission.finished(kind, old.object, obj, subresource, options, self._records.config)
        if admission.same(obj, old.object) and sent == before:
            return Outcome(decode(old), old.raw, warnings=warnings)
        if is_finished(kind, obj) and not options.dry_run:
            try:
                last = await self._records.store.delete(old.key, expected=old.version)
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
            written = self._records.store.put(key, obj, expected=expected)
            if created and kind == kinds.NAMESPACE:
                self._give_service_account(key.name)
            record = await written
        except StoreError as error:
            raise refusals.from_store(error, kind, key.name) from error
        return Outcome(decode(record), record.raw, created, warnings)

    def _give_service_account(self, namespace: str) -> None:
        key = Key(str(kinds.SERVICE_ACCOUNT), namespace, "default")
        if self._records.store.head(key) is None:
            account: Object = {
                "apiVersion": "v1",
                "kind": "ServiceAccount",
                "metadata": {"name": "default", "namespace": namespace},
            }
            options = WriteOptions(field_manager="faas", trusted=True)
            self._records.store.put(
                key, admission.settled_new(kinds.SERVICE_ACCOUNT, account, options, self._records.now())
            )


def _name_mismatch(in_body: str, in_url: str) -> str:
    return f"the name of the object ({in_body}) does not match the name on the URL ({in_url})"
