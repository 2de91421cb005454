"""What controllers and commands ask of a Kubernetes API, be it the engine in process or a server over HTTPS.

Objects are raw mappings, as on the wire; `faas.resources` has the typed views.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from faas.resources.kinds import Kind

Object = dict[str, Any]
PatchType = Literal["merge", "json", "strategic", "apply"]


@dataclass(frozen=True, slots=True)
class ObjectList:
    items: list[Object]
    resource_version: str


@dataclass(frozen=True, slots=True)
class WatchEvent:
    type: Literal["ADDED", "MODIFIED", "DELETED", "BOOKMARK"]
    object: Object


class Client(Protocol):
    """Raises `faas.client.errors.ApiError` and its kinds (NotFound, Conflict, AlreadyExists, Invalid, Gone ...)."""

    async def get(self, kind: Kind, name: str, namespace: str = "") -> Object: ...

    async def list(
        self,
        kind: Kind,
        namespace: str = "",  # "": all namespaces
        *,
        label_selector: str = "",
        field_selector: str = "",
    ) -> ObjectList:
        """All objects at once, each with its apiVersion and kind, which a server leaves out of some lists."""
        ...

    def watch(
        self,
        kind: Kind,
        namespace: str = "",
        *,
        resource_version: str = "",  # "": start with synthetic ADDED of all that exists
        label_selector: str = "",
        field_selector: str = "",
    ) -> AsyncIterator[WatchEvent]:
        """Changes from `resource_version` on. Raises Gone when it is too old: list again."""
        ...

    async def create(
        self, kind: Kind, obj: Object, *, dry_run: bool = False, field_manager: str = "faas"
    ) -> Object: ...

    async def update(
        self,
        kind: Kind,
        obj: Object,
        *,
        subresource: Literal["", "status"] = "",
        dry_run: bool = False,
        field_manager: str = "faas",
    ) -> Object:
        """Replace; the object's resourceVersion, when it has one, must be the stored one (Conflict)."""
        ...

    async def patch(
        self,
        kind: Kind,
        name: str,
        patch: Mapping[str, Any] | Sequence[Any],
        namespace: str = "",
        *,
        type: PatchType = "merge",
        subresource: Literal["", "status"] = "",
        dry_run: bool = False,
        field_manager: str = "faas",
        force: bool = False,
    ) -> Object: ...

    async def delete(
        self,
        kind: Kind,
        name: str,
        namespace: str = "",
        *,
        propagation: Literal["Background", "Foreground", "Orphan"] = "Background",
        dry_run: bool = False,
    ) -> None: ...
