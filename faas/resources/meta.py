"""Views that every kind shares: metadata, owners, conditions."""

# ruff: noqa: RUF012 (each view gets an empty dict of its own: msgspec copies the default)

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from faas.resources.views import AnyObject, View, doc

ConditionStatus = Literal["True", "False", "Unknown"]


class OwnerReference(View, frozen=True):
    """Names the object that another one belongs to; when the owner goes, so does what it owns."""

    api_version: Annotated[str, doc("API group and version of the owner.")]
    kind: Annotated[str, doc("Kind of the owner.")]
    name: Annotated[str, doc("Name of the owner, in the same namespace.")]
    uid: Annotated[str, doc("UID of the owner: a new object of the same name is not the owner.")]
    controller: Annotated[bool | None, doc("True for the one owner that manages this object.")] = None
    block_owner_deletion: Annotated[
        bool | None, doc("With foreground deletion the owner stays until this object is gone.")
    ] = None


class ManagedFieldsEntry(View, frozen=True):
    """Which fields one manager has set, as server-side apply keeps track of it."""

    manager: Annotated[str, doc("Who wrote: kubectl, kubectl-client-side-apply, faas, ...")] = ""
    operation: Annotated[str, doc("Apply, or Update for every other write.")] = ""
    api_version: Annotated[str, doc("Version in which the fields were written.")] = ""
    time: Annotated[datetime | None, doc("When this manager last changed a field.")] = None
    fields_type: Annotated[str, doc("Always FieldsV1.")] = ""
    fields_v1: Annotated[AnyObject, doc("The set of fields, as a tree of names.", preserve=True)] = {}
    subresource: Annotated[str, doc("The subresource that was written, if any.")] = ""


class ObjectMeta(View, frozen=True):
    """What every object has: its name, where it is, its labels and its history."""

    name: Annotated[str, doc("Name of the object, unique for its kind in its namespace. It cannot be changed.")] = ""
    generate_name: Annotated[str, doc("Prefix from which the server makes a unique name when there is no name.")] = ""
    namespace: Annotated[str, doc("Namespace the object lives in. It cannot be changed.")] = ""
    labels: Annotated[
        dict[str, str], doc("Keys and values by which objects are selected; short, and of a restricted alphabet.")
    ] = {}
    annotations: Annotated[dict[str, str], doc("Keys and values of any content, for tools and for settings.")] = {}
    uid: Annotated[str, doc("Identity of this object in time and space, given by the server.")] = ""
    resource_version: Annotated[
        str, doc("Opaque version of this object; a write that names an older one is refused with a conflict.")
    ] = ""
    generation: Annotated[int, doc("Counts the changes of the wanted state; set by the server.", format="int64")] = 0
    creation_timestamp: Annotated[datetime | None, doc("When the object was made; set by the server.")] = None
    deletion_timestamp: Annotated[
        datetime | None, doc("When deletion was asked for; the object goes when its finalizers are done.")
    ] = None
    deletion_grace_period_seconds: Annotated[
        int | None, doc("Seconds that the object has for ending in good order.", format="int64")
    ] = None
    finalizers: Annotated[
        tuple[str, ...],
        doc("Who has work to do before the object may go; each removes its own entry.", list_type="set"),
    ] = ()
    owner_references: Annotated[
        tuple[OwnerReference, ...],
        doc("Objects this one belongs to.", list_type="map", map_keys=("uid",), merge_key="uid"),
    ] = ()
    managed_fields: Annotated[tuple[ManagedFieldsEntry, ...], doc("Who has set which field.", list_type="atomic")] = ()
    self_link: Annotated[str, doc("No longer set by any server.")] = ""


class Condition(View, frozen=True):
    """One observation of an object's state. Ready sums up the others."""

    type: Annotated[str, doc("What the condition is about: Ready, RoutesReady, ResourcesAvailable, ...")]
    status: Annotated[ConditionStatus, doc("True, False, or Unknown while it is not settled.")]
    severity: Annotated[str, doc("Empty for an error when it is not True; Info where it does not count for Ready.")] = (
        ""
    )
    last_transition_time: Annotated[datetime | None, doc("When this condition last changed.", format="")] = None
    reason: Annotated[str, doc("One word for programs: why the condition has this status.")] = ""
    message: Annotated[str, doc("A sentence for people: why, and what to do.")] = ""


Conditions = tuple[Condition, ...]
