"""How a caller wants a write done, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from faas.client.protocol import Object
from faas.resources.kinds import Kind

FieldValidation = Literal["Strict", "Warn", "Ignore"]
Propagation = Literal["Background", "Foreground", "Orphan"]
Subresource = Literal["", "status"]


@dataclass(frozen=True, slots=True)
class Subject:
    """Which object a change is about, and which part of it."""

    kind: Kind
    name: str
    namespace: str = ""
    subresource: Subresource = ""


@dataclass(frozen=True, slots=True)
class WriteOptions:
    """`trusted` is the engine itself: it may write Pods, and a status together with its object."""

    dry_run: bool = False
    field_manager: str = "unknown"
    field_validation: FieldValidation = "Ignore"
    user: str = ""
    trusted: bool = False
    duplicates: tuple[str, ...] = ()  # members that the request's body had twice


@dataclass(frozen=True, slots=True)
class DeleteOptions:
    propagation: Propagation = "Background"
    dry_run: bool = False
    uid: str | None = None
    resource_version: str | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """The object as it now is; `raw` is the same as JSON."""

    object: Object
    raw: bytes
    created: bool = False
    warnings: tuple[str, ...] = ()
