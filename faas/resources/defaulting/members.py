"""What all defaults need: members that may not be there yet, and who wrote an object."""

from __future__ import annotations

from typing import Any

from faas.resources.views import Raw, without_nulls


def member(raw: Raw, name: str) -> Raw:
    """The object under a name, made if it is not there."""
    if raw.get(name) is None:
        raw[name] = {}
    found: dict[str, Any] = raw[name]
    return found


def namespace_of(raw: Raw) -> str:
    namespace: str = raw["metadata"].get("namespace") or ""
    return namespace


def default_namespace(reference: Raw, raw: Raw) -> None:
    """A reference without a namespace is to the namespace of the object that has it."""
    if namespace := namespace_of(raw):
        reference["namespace"] = reference.get("namespace") or namespace


def set_user(raw: Raw, old: Raw | None, user: str, group: str = "serving.knative.dev") -> None:
    """Note who made the object, and who changed its spec last; nobody if `user` is empty."""
    if not user:
        return
    if old is None:
        annotations = member(raw["metadata"], "annotations")
        annotations[f"{group}/creator"] = annotations[f"{group}/lastModifier"] = user
    elif without_nulls(old.get("spec")) != without_nulls(raw.get("spec")):
        member(raw["metadata"], "annotations")[f"{group}/lastModifier"] = user
