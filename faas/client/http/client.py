"""The Protocol `Client` over HTTPS, for any Kubernetes API server."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from faas.client.errors import AlreadyExists, ApiError, Gone, NotFound
from faas.client.http.answers import about_kind, checked, date_of, decode, event_of, items_of
from faas.client.http.asks import (
    create_ask,
    delete_ask,
    get_ask,
    list_ask,
    patch_ask,
    update_ask,
    watch_ask,
)
from faas.client.http.creations import is_made_by
from faas.client.http.server import Server
from faas.client.http.watching import follow as follow_changes
from faas.client.kubeconfigs.cluster import Cluster
from faas.client.protocol import Object, ObjectList, PatchType, WatchEvent
from faas.client.transport.ask import Ask
from faas.client.transport.lines import whole_lines
from faas.client.transport.retry import RetryPolicy
from faas.client.transport.transport import TIMEOUT_S
from faas.resources.kinds import Kind

PAGE = 500  # objects of a list at once, as kubectl
# The server ends a watch after this, and we go on where it was. Silence beyond it is a connection that leads to nobody
# any more though somebody keeps it open, as a proxy may; the kernel notices sooner where nobody does (`connections`).
WATCH_S = 60
_GRACE_S = 5.0


class HttpClient(Server):
    """Speaks to one API server. Use as `async with HttpClient(cluster) as client`; it owns its connections.

    Implements `protocol.Client`. Requests are tried again where that is safe, a create too: one whose answer was lost
    is told from somebody else's by what it left. A server that asks for a pause gets it from all requests.
    """

    def __init__(
        self,
        cluster: Cluster,
        *,
        retry: RetryPolicy = RetryPolicy(),
        timeout_s: float = TIMEOUT_S,
        watch_s: int = WATCH_S,
        watch_grace_s: float = _GRACE_S,
    ) -> None:
        super().__init__(cluster, retry=retry, timeout_s=timeout_s)
        self._retry, self._watch_s, self._watch_grace_s = retry, watch_s, watch_grace_s

    async def get(self, kind: Kind, name: str, namespace: str = "") -> Object:
        return checked(await self._of_kind(kind, get_ask(kind, name, namespace)))

    async def list(
        self, kind: Kind, namespace: str = "", *, label_selector: str = "", field_selector: str = ""
    ) -> ObjectList:
        try:
            return await self._pages(kind, namespace, label_selector, field_selector, PAGE)
        except Gone:
            # It has forgotten the version that the first pages are of; all at once has but one.
            return await self._pages(kind, namespace, label_selector, field_selector, 0)

    async def _pages(self, kind: Kind, namespace: str, labels: str, fields: str, size: int) -> ObjectList:
        items: list[Object] = []
        token = ""
        while True:
            ask = list_ask(kind, namespace, labels, fields, page=size, token=token)
            page = await self._of_kind(kind, ask)
            items += items_of(kind, page)
            metadata, before = page.get("metadata") or {}, token
            token = str(metadata.get("continue") or "")
            if not token:
                return ObjectList(items, str(metadata.get("resourceVersion") or ""))
            if token == before:
                raise ApiError(f"the API server's list of {kind.plural} does not end: it goes on where it began")

    def watch(
        self,
        kind: Kind,
        namespace: str = "",
        *,
        resource_version: str = "",
        label_selector: str = "",
        field_selector: str = "",
    ) -> AsyncIterator[WatchEvent]:
        """Changes, across broken connections; ends only with the caller. See `watching.follow`."""
        source = _Watch(self, kind, namespace, label_selector, field_selector)
        return follow_changes(source, self._retry, resource_version)

    async def _changes(self, watched: _Watch, resource_version: str) -> AsyncGenerator[WatchEvent, None]:
        """One request of a watch. Raises: Gone, Unavailable and what else is refused."""
        ask = watch_ask(
            watched.kind, watched.namespace, watched.labels, watched.fields,
            resource_version=resource_version, timeout_s=self._watch_s,
        )  # fmt: skip
        try:
            async with self._transport.stream(ask, read_timeout_s=self._watch_s + self._watch_grace_s) as answer:
                async for line in whole_lines(answer.aiter_bytes()):
                    if line:
                        yield event_of(line)
        except NotFound as error:
            raise about_kind(watched.kind, error) from error

    async def create(self, kind: Kind, obj: Object, *, dry_run: bool = False, field_manager: str = "faas") -> Object:
        try:
            return await self._of_kind(kind, create_ask(kind, obj, dry_run=dry_run, field_manager=field_manager))
        except AlreadyExists as error:
            if error.unsure_since is None or dry_run:
                raise
            metadata = obj["metadata"]
            answer = await self._transport.send(get_ask(kind, metadata["name"], metadata.get("namespace", "")))
            now, found = date_of(answer) or datetime.now(UTC), decode(answer.content)
            since = now - timedelta(seconds=time.monotonic() - error.unsure_since)
            if not is_made_by(obj, found, manager=field_manager, since=since):
                raise
            return found

    async def update(
        self,
        kind: Kind,
        obj: Object,
        *,
        subresource: Literal["", "status"] = "",
        dry_run: bool = False,
        field_manager: str = "faas",
    ) -> Object:
        ask = update_ask(kind, obj, subresource, dry_run=dry_run, field_manager=field_manager)
        return await self._of_kind(kind, ask)

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
    ) -> Object:
        ask = patch_ask(
            kind, name, patch, namespace, type, subresource, dry_run=dry_run, field_manager=field_manager, force=force
        )
        return await self._of_kind(kind, ask)

    async def delete(
        self,
        kind: Kind,
        name: str,
        namespace: str = "",
        *,
        propagation: Literal["Background", "Foreground", "Orphan"] = "Background",
        dry_run: bool = False,
    ) -> None:
        try:
            await self._of_kind(kind, delete_ask(kind, name, namespace, propagation, dry_run=dry_run))
        except NotFound as error:
            if error.unsure_since is None or not error.name:
                raise
            # else an attempt whose answer was lost has done it

    async def _of_kind(self, kind: Kind, ask: Ask) -> Object:
        try:
            return decode((await self._transport.send(ask)).content)
        except NotFound as error:
            raise about_kind(kind, error) from error


@dataclass(frozen=True, slots=True)
class _Watch:
    client: HttpClient
    kind: Kind
    namespace: str
    labels: str
    fields: str

    async def list(self) -> ObjectList:
        return await self.client.list(self.kind, self.namespace, label_selector=self.labels, field_selector=self.fields)

    def changes(self, resource_version: str) -> AsyncGenerator[WatchEvent, None]:
        return self.client._changes(self, resource_version)
