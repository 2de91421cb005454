"""What happens to an object between a request and the store: shape, metadata, defaults, rules. Pure, but for uids."""

from __future__ import annotations

import random
import uuid
from collections.abc import Mapping
from typing import Any

from faas.client.errors import BadRequest, Cause, Forbidden
from faas.client.protocol import Object
from faas.engine.api.objects import refusals
from faas.engine.api.objects.apply import managers
from faas.engine.api.objects.apply.managers import Manager
from faas.engine.api.objects.options import Subresource, WriteOptions
from faas.resources.config import Config
from faas.resources.conversion import to_stored
from faas.resources.defaulting import set_defaults
from faas.resources.fields import field_warnings, prune, strict_message, type_errors
from faas.resources.kinds import Kind, stored
from faas.resources.schema import field_tree
from faas.resources.validation import validate
from faas.resources.views import without_nulls

# What generateName appends; no vowels, so no words. Source: apimachinery, util/rand.
_LETTERS = "bcdfghjklmnpqrstvwxz2456789"

# The server's own; a writer's values are ignored.
_SERVERS = ("uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds", "generation", "selfLink")


def checked(kind: Kind, obj: Any, options: WriteOptions) -> tuple[Object, tuple[str, ...]]:
    """The object without unknown fields and nulls, and warnings. Raises BadRequest, Invalid."""
    if not isinstance(obj, dict):
        raise BadRequest(f"the body is not a {kind.kind} object")
    if (obj.get("apiVersion", kind.api_version), obj.get("kind", kind.kind)) != (kind.api_version, kind.kind):
        raise BadRequest(
            f"{obj.get('kind')} in version {obj.get('apiVersion')!r} cannot be handled as a {kind.kind} in version "
            f"{kind.api_version!r}"
        )
    if not isinstance(obj.get("metadata", {}), dict | None):
        raise BadRequest(f"the metadata of the {kind.kind} is not an object")
    obj = without_nulls({**obj, "apiVersion": kind.api_version, "kind": kind.kind})
    obj, unknown = prune(kind, obj)
    strict = options.field_validation == "Strict" or (kind.strict and any(path.startswith("spec.") for path in unknown))
    if strict and (unknown or options.duplicates):
        raise BadRequest(strict_message(kind, unknown, options.duplicates))
    obj = {**obj, "metadata": dict(obj.get("metadata") or {})}
    if found := type_errors(kind, obj):
        raise refusals.misfit(kind, obj["metadata"].get("name", ""), found)
    warn = options.field_validation == "Warn"
    return obj, tuple(field_warnings(unknown, options.duplicates)) if warn else ()


def named(kind: Kind, obj: Object, namespace: str) -> Object:
    """Settle name and namespace. Raises BadRequest, Invalid."""
    metadata = obj["metadata"]
    if not metadata.get("name"):
        if not metadata.get("generateName"):
            cause = Cause("FieldValueRequired", "Required value: name or generateName is required", "metadata.name")
            raise refusals.invalid(kind, "", [cause])
        metadata["name"] = metadata["generateName"][:58] + "".join(random.choices(_LETTERS, k=5))
    if not kind.namespaced:
        metadata.pop("namespace", None)
    elif metadata.setdefault("namespace", namespace) != namespace:
        raise BadRequest(
            f"the namespace of the provided object does not match the namespace sent on the request "
            f"({metadata['namespace']} and {namespace})"
        )
    return obj


def in_stored_version(kind: Kind, obj: Object, live: Mapping[str, Any] | None, config: Config) -> tuple[Kind, Object]:
    """The object in the version that is stored, and that kind. Raises BadRequest: its own version's rules."""
    if stored(kind) != kind:
        check_version(kind, obj, config)
    return stored(kind), to_stored(kind, obj, dict(live) if live is not None else None)


def check_version(kind: Kind, obj: Object, config: Config) -> None:
    """The rules of a version that is not stored. Raises BadRequest, Invalid."""
    if refusal := refusals.from_validation(kind, obj, validate(kind, obj, None, config)):
        raise refusal


def settled_new(kind: Kind, obj: Object, options: WriteOptions, now: str) -> Object:
    """A new object with the server's own metadata. Raises BadRequest."""
    metadata = obj["metadata"]
    if metadata.pop("resourceVersion", None):
        raise BadRequest("resourceVersion should not be set on objects to be created")
    for name in (*_SERVERS, "managedFields"):
        metadata.pop(name, None)
    if kind.status_subresource and not options.trusted:
        obj.pop("status", None)
    metadata["uid"] = str(uuid.uuid4())
    metadata["creationTimestamp"] = now
    if kind.custom:
        metadata["generation"] = 1
    return obj


def settled(kind: Kind, old: Mapping[str, Any], obj: Object, subresource: Subresource, options: WriteOptions) -> Object:
    """The object that is to replace `old`, with what a writer may not change as it was. Raises Invalid."""
    metadata, was = obj["metadata"], old["metadata"]
    if subresource == "status":
        kept = {**old, "metadata": {**was, "managedFields": metadata.get("managedFields", was.get("managedFields"))}}
        merged: Object = without_nulls({**kept, "status": obj.get("status")})
        return merged
    for name in _SERVERS:
        metadata.pop(name, None)
        if name in was:
            metadata[name] = was[name]
    if kind.status_subresource and not (options.trusted and kind.read_only):
        obj.pop("status", None)
        if "status" in old:
            obj["status"] = old["status"]
    if "deletionTimestamp" in was and (new := set(metadata.get("finalizers", ())) - set(was.get("finalizers", ()))):
        raise refusals.invalid(
            kind,
            metadata["name"],
            [
                Cause(
                    "FieldValueForbidden",
                    f"Forbidden: no new finalizers can be added if the object is being deleted, found new finalizers "
                    f"{sorted(new)}",
                    "metadata.finalizers",
                )
            ],
        )
    return obj


def finished(
    kind: Kind,
    old: Mapping[str, Any] | None,
    obj: Object,
    subresource: Subresource,
    options: WriteOptions,
    config: Config,
) -> Object:
    """The object as it is stored: with defaults, valid, of the right generation. Raises Invalid, BadRequest.

    It comes after the owners of fields are settled: nobody owns a default, as with Knative's webhooks.
    """
    if subresource:
        return obj
    before = dict(old) if old is not None else None
    obj = set_defaults(kind, obj, config, old=before, user=options.user)
    if refusal := refusals.from_validation(kind, obj, validate(kind, obj, before, config)):
        raise refusal
    if old is not None and kind.custom and _bare(obj) != _bare(old):
        generation = int(old["metadata"].get("generation", 0)) + 1
        obj = {**obj, "metadata": {**obj["metadata"], "generation": generation}}
    return obj


def same(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether nothing is different but the server's bookkeeping."""
    return _bare(one, status=True) == _bare(other, status=True) and _meta(one) == _meta(other)


def with_managers(
    kind: Kind, old: Mapping[str, Any], new: Object, options: WriteOptions, subresource: Subresource, now: str
) -> Object:
    """Write down who owns the fields that this write changed.

    Whoever sends other managedFields than the stored ones sets them (kubectl migrates from client-side apply so).
    """
    before = old.get("metadata", {}).get("managedFields")
    sent = new["metadata"].get("managedFields", before)
    known = managers.decode(sent)
    manager = Manager(options.field_manager, "Update", kind.api_version, subresource)
    result = managers.updated(known, field_tree(kind), old, new, manager, now, kind.api_version)
    return with_owners(new, result)


def with_owners(obj: Object, owners: managers.Managers) -> Object:
    metadata = {name: value for name, value in obj["metadata"].items() if name != "managedFields"}
    if owners:
        metadata["managedFields"] = managers.encode(owners)
    return {**obj, "metadata": metadata}


def namespace_is_gone(namespace: str) -> Forbidden:
    why = f"unable to create new content in namespace {namespace} because it is being terminated"
    return Forbidden(
        why,
        kind="namespaces",
        name=namespace,
        causes=(Cause("NamespaceTerminating", f"namespace {namespace} is being terminated", "metadata.namespace"),),
    )


def _bare(obj: Mapping[str, Any], *, status: bool = False) -> dict[str, Any]:
    hidden = {"metadata", "apiVersion", "kind"} if status else {"metadata", "apiVersion", "kind", "status"}
    return {name: value for name, value in obj.items() if name not in hidden}


def _meta(obj: Mapping[str, Any]) -> dict[str, Any]:
    hidden = ("managedFields", "resourceVersion", "generation")
    return {name: value for name, value in obj["metadata"].items() if name not in hidden and value not in ({}, [])}
