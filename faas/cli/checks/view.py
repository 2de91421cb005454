"""A cluster as the checks see it: each thing is asked for once, however many checks want to know it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from faas.client.services.access import Access, is_allowed
from faas.resources.kinds import CONFIG_MAP, Kind

if TYPE_CHECKING:
    from faas.cli.checks.needs import Needs
    from faas.client.http.client import HttpClient
    from faas.client.places.targets import Target
    from faas.client.protocol import Object

T = TypeVar("T")

SERVING, EVENTING = "knative-serving", "knative-eventing"
_AT_ONCE = 8  # requests; an API server's fair queueing would only let the rest wait


@dataclass
class View:
    client: HttpClient
    target: Target
    needs: Needs
    _asked: dict[object, asyncio.Task[Any]] = field(default_factory=dict)
    _room: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_AT_ONCE))

    @property
    def namespace(self) -> str:
        return self.target.namespace

    async def get(self, kind: Kind, name: str, namespace: str = "") -> Object:
        return await self._once((kind, name, namespace), lambda: self.client.get(kind, name, namespace))

    async def list(self, kind: Kind, namespace: str = "") -> list[Object]:
        async def items() -> list[Object]:
            return (await self.client.list(kind, namespace)).items

        return await self._once((kind, "", namespace), items)

    async def config(self, name: str, namespace: str) -> Mapping[str, str]:
        """The keys of a ConfigMap that say something; its example is none. Raises: NotFound, Forbidden."""
        data = (await self.get(CONFIG_MAP, name, namespace)).get("data") or {}
        return {key: str(value) for key, value in data.items() if key != "_example"}

    async def groups(self) -> dict[str, tuple[str, ...]]:
        """The API groups with their versions, the preferred one first."""
        document = await self._once("/apis", lambda: self.client.ask("GET", "/apis", idempotent=True))
        return {
            str(group["name"]): tuple(
                dict.fromkeys(
                    str(version["version"])
                    for version in [group.get("preferredVersion") or {}, *group.get("versions", ())]
                    if version
                )
            )
            for group in document.get("groups") or ()
        }

    async def served(self, kind: Kind) -> bool:
        """Whether there is this kind in this version."""
        if kind.version not in (await self.groups()).get(kind.group, ()):
            return False
        path = f"/apis/{kind.group}/{kind.version}"
        document = await self._once(path, lambda: self.client.ask("GET", path, idempotent=True))
        return any(resource.get("name") == kind.plural for resource in document.get("resources") or ())

    async def may(self, access: Access) -> bool:
        """Raises: ApiError."""
        async with self._room:
            return await is_allowed(self.client, access, self.namespace)

    async def _once(self, key: object, ask: Callable[[], Awaitable[T]]) -> T:
        async def bounded() -> T:
            async with self._room:
                return await ask()

        if key not in self._asked:
            self._asked[key] = asyncio.ensure_future(bounded())
        found: T = await asyncio.shield(self._asked[key])
        return found
