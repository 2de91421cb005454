"""The Protocol `Client` over HTTPS, for any Kubernetes API server."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, Self
from urllib.parse import quote

import msgspec

from faas.client.creations import is_made_by
from faas.client.credentials import Identity
from faas.client.errors import AlreadyExists, ApiError, BadRequest, Gone, NoSuchKind, NotFound
from faas.client.kubeconfig import Cluster
from faas.client.lines import whole_lines
from faas.client.protocol import Object, ObjectList, PatchType, WatchEvent
from faas.client.refusals import RetryPolicy, error_of_status
from faas.client.transport import TIMEOUT_S, Answer, Ask, Transport
from faas.client.watching import follow as follow_changes
from faas.resources.kinds import POD, Kind

PATCH_TYPES: dict[PatchType, str] = {
    "merge": "application/merge-patch+json",
    "json": "application/json-patch+json",
    "strategic": "application/strategic-merge-patch+json",
    "apply": "application/apply-patch+yaml",  # JSON is YAML
}
PAGE = 500  # objects of a list at once, as kubectl
# The server ends a watch after this, and we go on where it was. Silence beyond it is a connection that nobody holds
# any more; a short one costs a request a minute, and finds that out within a minute or so.
WATCH_S = 60
_GRACE_S = 15.0


class HttpClient:
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
        self.cluster = cluster
        self._retry, self._watch_s, self._watch_grace_s = retry, watch_s, watch_grace_s
        self._transport = Transport(cluster, retry=retry, timeout_s=timeout_s)

    @property
    def warnings(self) -> list[str]:
        """What the server warned of, each once."""
        return self._transport.warnings

    async def identity(self) -> Identity:
        """What it shows to the server, for connections of another kind. Raises: KubeconfigError."""
        return await self._transport.identity()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._transport.close()

    async def get(self, kind: Kind, name: str, namespace: str = "") -> Object:
        return _checked(await self._of_kind(kind, Ask("GET", _path_of(kind, namespace, name))))

    async def list(
        self, kind: Kind, namespace: str = "", *, label_selector: str = "", field_selector: str = ""
    ) -> ObjectList:
        path, query = _path(kind, namespace), _selectors(label_selector, field_selector)
        try:
            return await self._pages(kind, path, query | {"limit": str(PAGE)})
        except Gone:
            # It has forgotten the version that the first pages are of; all at once has but one.
            return await self._pages(kind, path, query)

    async def _pages(self, kind: Kind, path: str, query: dict[str, str]) -> ObjectList:
        items: list[Object] = []
        while True:
            page = await self._of_kind(kind, Ask("GET", path, query))
            listed, metadata = page.get("items") or [], page.get("metadata") or {}
            if not isinstance(listed, list) or not isinstance(metadata, dict):
                raise ApiError(f"the API server's answer is no list of {kind.plural}")
            items += [
                {"apiVersion": kind.api_version, "kind": kind.kind, **_checked(item)} for item in listed
            ]  # lists of built-in kinds leave it out
            token = str(metadata.get("continue") or "")
            if not token:
                return ObjectList(items, str(metadata.get("resourceVersion") or ""))
            if token == query.get("continue"):
                raise ApiError(f"the API server's list of {kind.plural} does not end: it goes on where it began")
            query = {**query, "continue": token}

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

    async def _changes(self, kind: Kind, path: str, query: Mapping[str, str]) -> AsyncGenerator[WatchEvent, None]:
        """One request of a watch. Raises: Gone, Unavailable and what else is refused."""
        asked = {**query, "watch": "true", "allowWatchBookmarks": "true", "timeoutSeconds": str(self._watch_s)}
        silence_s = self._watch_s + self._watch_grace_s
        try:
            async with self._transport.stream(Ask("GET", path, asked), read_timeout_s=silence_s) as answer:
                async for line in whole_lines(answer.aiter_bytes()):
                    if line:
                        yield _event(line)
        except NotFound as error:
            raise _about_kind(kind, error) from error

    async def create(self, kind: Kind, obj: Object, *, dry_run: bool = False, field_manager: str = "faas") -> Object:
        name, namespace = (obj.get("metadata", {}).get(key, "") for key in ("name", "namespace"))
        path, query = _path(kind, namespace), _write_query(dry_run, field_manager)
        # A second try of one with a name says AlreadyExists; what the server names anew each time it would make twice.
        ask = Ask("POST", path, query, msgspec.json.encode(obj), idempotent=bool(name) or dry_run)
        try:
            return await self._of_kind(kind, ask)
        except AlreadyExists as error:
            if error.unsure_since is None or dry_run:
                raise
            answer = await self._transport.send(Ask("GET", _path_of(kind, namespace, name)))
            now, found = _date(answer) or datetime.now(UTC), _decode(answer.content)
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
        metadata = obj["metadata"]
        path = _path_of(kind, metadata.get("namespace", ""), metadata["name"], subresource)
        # With a resourceVersion a second try cannot overwrite anything: it would be a Conflict, as it should.
        ask = Ask("PUT", path, _write_query(dry_run, field_manager), msgspec.json.encode(obj))
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
        query = _write_query(dry_run, field_manager)
        if type == "apply":
            query["force"] = str(force).lower()
        path = _path_of(kind, namespace, name, subresource)
        content = msgspec.json.encode(patch)
        return await self._of_kind(
            kind, Ask("PATCH", path, query, content, PATCH_TYPES[type], idempotent=type != "json")
        )

    async def delete(
        self,
        kind: Kind,
        name: str,
        namespace: str = "",
        *,
        propagation: Literal["Background", "Foreground", "Orphan"] = "Background",
        dry_run: bool = False,
    ) -> None:
        options: Object = {"kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": propagation}
        query = {"dryRun": "All"} if dry_run else {}
        if dry_run:  # of a request with a body Kubernetes reads no option from the query: it would delete for real
            options["dryRun"] = ["All"]
        ask = Ask("DELETE", _path_of(kind, namespace, name), query, msgspec.json.encode(options))
        try:
            await self._of_kind(kind, ask)
        except NotFound as error:
            if error.unsure_since is None or not error.name:
                raise
            # else an attempt whose answer was lost has done it

    async def version(self) -> Object:
        """What the server says it is."""
        return _decode((await self._transport.send(Ask("GET", "/version"))).content)

    async def server_time(self) -> datetime | None:
        """What time the server has, to a second; None when it does not say. Raises: Unavailable."""
        return _date(await self._transport.send(Ask("GET", "/version")))

    async def logs(
        self,
        pod: str,
        namespace: str,
        *,
        container: str = "",
        follow: bool = False,
        previous: bool = False,
        tail: int | None = None,
        since_s: int | None = None,
        since: str = "",
        timestamps: bool = False,
    ) -> AsyncIterator[str]:
        """The lines of one container, oldest first; with `follow` until it ends.

        Args:
            previous: of the container that was there before, and crashed.
            since: a time as Kubernetes writes it. A server may compare whole seconds only.
        Raises: NotFound; BadRequest: it has not started, or there is no such container.
        """
        query = {"follow": str(follow).lower(), "timestamps": str(timestamps).lower()}
        if previous:
            query["previous"] = "true"
        given = (("container", container), ("tailLines", tail), ("sinceSeconds", since_s), ("sinceTime", since))
        query |= {name: str(value) for name, value in given if value not in (None, "")}
        ask = Ask("GET", _path_of(POD, namespace, pod, "log"), query)
        async with self._transport.stream(ask, read_timeout_s=None if follow else TIMEOUT_S) as answer:
            async for line in whole_lines(answer.aiter_bytes(), rest=True):
                yield line.decode(errors="replace")

    async def history(
        self,
        namespace: str,
        service: str,
        *,
        revision: str = "",
        ended_only: bool = False,
        tail: int | None = None,
        since_s: int | None = None,
    ) -> AsyncIterator[Object]:
        """Lines (`time`, `pod`, `line`) of a function's instances, ended ones too: each instance's, oldest first.

        Raises: NotFound, Forbidden: this is a cluster; only the engine has it.
        """
        query = {"namespace": namespace, "service": service, "ended": str(ended_only).lower()}
        for name, value in (("revision", revision), ("tailLines", tail), ("sinceSeconds", since_s)):
            if value not in (None, ""):
                query[name] = str(value)
        async with self._transport.stream(Ask("GET", "/faas/v1/logs", query), read_timeout_s=TIMEOUT_S) as answer:
            async for line in whole_lines(answer.aiter_bytes()):
                yield _decode(line)

    async def ask(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        *,
        content: bytes | None = None,
        content_type: str = "application/json",
        headers: Mapping[str, str] = {},
        idempotent: bool = False,
        relayed: bool = False,
    ) -> Object:
        """One request to an endpoint of the server's own, or of a Service behind it; {} for an empty answer.

        Args: relayed: it is for a Service. Raises: ApiError.
        """
        ask = Ask(method, path, query or {}, content, content_type, headers, idempotent, relayed)
        answer = await self._transport.send(ask)
        return _decode(answer.content) if answer.content else {}

    async def lines(
        self,
        method: str,
        path: str,
        query: Mapping[str, str],
        *,
        patient: bool,
        content: bytes | None = None,
        headers: Mapping[str, str] = {},
    ) -> AsyncIterator[Object]:
        """JSON lines of an endpoint of the server's own, or of a Service behind it.

        Args: patient: however long it is silent. Raises: ApiError, also for a line that is a Status.
        """
        ask = Ask(method, path, query, content, headers=headers)
        async with self._transport.stream(ask, read_timeout_s=None if patient else TIMEOUT_S) as answer:
            async for line in whole_lines(answer.aiter_bytes()):
                document = _decode(line)
                if document.get("kind") == "Status":
                    raise error_of_status(document)
                yield document

    async def _of_kind(self, kind: Kind, ask: Ask) -> Object:
        try:
            return _decode((await self._transport.send(ask)).content)
        except NotFound as error:
            raise _about_kind(kind, error) from error


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
        query = _selectors(self.labels, self.fields) | {"resourceVersion": resource_version}
        return self.client._changes(self.kind, _path(self.kind, self.namespace), query)


def _path_of(kind: Kind, namespace: str, name: str, subresource: str = "") -> str:
    """Of one object. Raises: BadRequest: without a name it would be the path of all, and a deletion that of all."""
    if not name:
        raise BadRequest(f"a {kind.kind} without a name was asked for")
    return _path(kind, namespace, name, subresource)


def _path(kind: Kind, namespace: str = "", name: str = "", subresource: str = "") -> str:
    root = f"/apis/{kind.group}/{kind.version}" if kind.group else f"/api/{kind.version}"
    parts = ["namespaces", namespace] if kind.namespaced and namespace else []
    parts += [kind.plural, *([name] if name else []), *([subresource] if subresource else [])]
    return "/".join([root, *(quote(part, safe="") for part in parts)])


def _selectors(labels: str, fields: str) -> dict[str, str]:
    return {key: value for key, value in (("labelSelector", labels), ("fieldSelector", fields)) if value}


def _write_query(dry_run: bool, field_manager: str) -> dict[str, str]:
    query = {"fieldManager": field_manager, "fieldValidation": "Strict"}
    return {**query, "dryRun": "All"} if dry_run else query


def _decode(content: bytes) -> Object:
    try:
        found = msgspec.json.decode(content)
    except (ValueError, RecursionError) as error:  # msgspec's own are ValueErrors
        raise ApiError(f"the API server's answer is not JSON: {content[:200]!r}") from error
    if not isinstance(found, dict):
        raise ApiError(f"the API server's answer is no object: {content[:200]!r}")
    return found


def _checked(found: object) -> Object:
    """An object as everybody takes it to be, who reads its name. Raises: ApiError."""
    if not isinstance(found, dict) or not isinstance(found.get("metadata"), dict):
        raise ApiError("the API server's answer is no object of Kubernetes: it has no metadata")
    return found


def _event(line: bytes) -> WatchEvent:
    raw = _decode(line)
    found = raw.get("object")
    if raw.get("type") == "ERROR":
        error = error_of_status(found if isinstance(found, dict) else {})
        raise Gone(error.message) if error.code == 410 else error
    if raw.get("type") not in ("ADDED", "MODIFIED", "DELETED", "BOOKMARK"):
        raise ApiError(f"the API server's watch says what is no change: {line[:200]!r}")
    return WatchEvent(raw["type"], _checked(found))


def _about_kind(kind: Kind, error: NotFound) -> NotFound:
    """A 404 that names no object is about the kind."""
    if error.name:
        return error
    missing = NoSuchKind(f"{kind}/{kind.version}")
    missing.context, missing.unsure_since = error.context, error.unsure_since
    return missing


def _date(answer: Answer) -> datetime | None:
    from email.utils import parsedate_to_datetime  # imports half of email, for what hardly any command asks

    try:
        return parsedate_to_datetime(answer.headers["Date"])
    except (KeyError, ValueError):
        return None
