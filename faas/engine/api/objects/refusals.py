"""Refusals in the API server's words, as `faas.client.errors`. Source: apimachinery, pkg/api/errors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from faas.client import errors
from faas.client.errors import ApiError, Cause
from faas.engine.contract.storage import Expired, Record, Stale, StoreError
from faas.resources import validation
from faas.resources.fields import SchemaError, decoding_message
from faas.resources.kinds import POD, Kind


def not_found(kind: Kind, name: str) -> ApiError:
    return errors.NotFound(f'{kind} "{name}" not found', kind=kind.plural, group=kind.group, name=name)


def already_exists(kind: Kind, name: str) -> ApiError:
    return errors.AlreadyExists(f'{kind} "{name}" already exists', kind=kind.plural, group=kind.group, name=name)


def conflict(kind: Kind, name: str, why: str) -> ApiError:
    return errors.Conflict(
        f'Operation cannot be fulfilled on {kind} "{name}": {why}', kind=kind.plural, group=kind.group, name=name
    )


def stale(kind: Kind, name: str) -> ApiError:
    return conflict(
        kind, name, "the object has been modified; please apply your changes to the latest version and try again"
    )


def precondition(kind: Kind, name: str, what: str, wanted: str, found: str) -> ApiError:
    return conflict(
        kind, name, f"Precondition failed: {what} in precondition: {wanted}, {what} in object meta: {found}"
    )


def forbidden(kind: Kind, name: str, why: str, causes: tuple[Cause, ...] = ()) -> ApiError:
    return errors.Forbidden(
        f'{kind} "{name}" is forbidden: {why}', kind=kind.plural, group=kind.group, name=name, causes=causes
    )


def read_only(kind: Kind) -> ApiError:
    why = (
        "the engine makes them from Revisions. Change the Service instead "
        f"(kubectl edit services.serving.knative.dev NAME); deleting a {kind.singular} is allowed."
        if kind == POD
        else "they say which kinds this engine serves, and it serves no others."
    )
    return errors.ApiError(
        f"{kind} are read-only here: {why}",
        kind=kind.plural,
        group=kind.group,
        code=405,
        reason="MethodNotAllowed",
    )


def invalid(kind: Kind, name: str, causes: Sequence[Cause]) -> ApiError:
    words = [f"{cause.field}: {cause.message}" for cause in causes]
    qualified = f"{kind.kind}.{kind.group}" if kind.group else kind.kind
    text = words[0] if len(words) == 1 else f"[{', '.join(words)}]"
    return errors.Invalid(
        f'{qualified} "{name}" is invalid: {text}', kind=kind.kind, group=kind.group, name=name, causes=tuple(causes)
    )


def misfit(kind: Kind, name: str, found: Sequence[SchemaError]) -> ApiError:
    """Values of the wrong type: a custom kind names the fields, a built-in one cannot be decoded."""
    if not kind.custom:
        return errors.BadRequest(decoding_message(kind, found[0]))
    return invalid(kind, name, [Cause(error.reason, error.message, error.path) for error in found])


def from_validation(kind: Kind, obj: dict[str, Any], found: Sequence[validation.FieldError]) -> ApiError | None:
    refusal = validation.refusal(kind, obj, found)
    if refusal is None:
        return None
    if refusal.code == 400:
        return errors.BadRequest(refusal.message)
    causes = tuple(Cause(cause.reason, cause.message, cause.field) for cause in refusal.causes)
    name = (obj.get("metadata") or {}).get("name", "")
    return errors.Invalid(refusal.message, kind=kind.kind, group=kind.group, name=name, causes=causes)


def gone(error: Expired) -> ApiError:
    return errors.Gone(f"too old resource version: {error.asked} ({error.oldest})")


def unwritable(error: StoreError) -> ApiError:
    """The store takes no writes now; reading goes on."""
    return errors.Unavailable(
        f"the API is read-only for now: {error}", code=507, reason="InsufficientStorage", retry_after_s=10
    )


def from_store(error: StoreError, kind: Kind, name: str) -> ApiError:
    match error:
        case Expired():
            return gone(error)
        case Stale():
            return stale(kind, name)
    return unwritable(error)


def check_preconditions(kind: Kind, record: Record, uid: str | None, version: str | None) -> None:
    """Raises a Conflict when the object is not the one that the caller means."""
    found = record.object["metadata"].get("uid", "")
    if uid and uid != found:
        raise precondition(kind, record.key.name, "UID", uid, found)
    if version and version != str(record.version):
        raise precondition(kind, record.key.name, "ResourceVersion", version, str(record.version))
