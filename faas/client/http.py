"""The Protocol `Client` over HTTPS, for any Kubernetes API server."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any, Literal, Self
from urllib.parse import quote

import msgspec

from faas.client._httpx import httpx
from faas.client.errors import ApiError, Gone, Unavailable
from faas.client.kubeconfig import Cluster
from faas.client.protocol import Object, ObjectList, PatchType, WatchEvent
from faas.client.refusals import RetryPolicy, error_of, error_of_status, is_worth_retrying, jitter
from faas.resources.kinds import POD, Kind

PATCH_TYPES: dict[PatchType, str] = {
    "merge": "application/merge-patch+json",
    "json": "application/json-patch+json",
    "strategic": "application/strategic-merge-patch+json",
    "apply": "application/apply-patch+yaml",  # JSON is YAML
}
TIMEOUT_S = 30.0
_WATCH_S = 300  # the server ends a watch after this, and we go on where it was; finds dead connections
_CONNECT_ATTEMPTS = 3  # the engine's listening socket outlives the engine, so a refusal means nobody is there


class HttpClient:
    """Speaks to one API server. Use as `async with HttpClient(cluster) as client`; it owns its connections.

    Implements `protocol.Client`. Idempotent requests are tried again while the server restarts; a create is only when
    it certainly was not carried out.
    """

    def __init__(self, cluster: Cluster, *, retry: RetryPolicy = RetryPolicy(), timeout_s: float = TIMEOUT_S) -> None:
        self.cluster = cluster
        self.warnings: list[str] = []  # what the server warned of, each once
        self._retry = retry
        headers = {"Accept": "application/json", "User-Agent": "faas"}
        if cluster.token:
            headers["Authorization"] = f"Bearer {cluster.token}"
        self._http = httpx.AsyncClient(
            base_url=cluster.server,
            headers=headers,
            verify=_tls(cluster) if cluster.server.startswith("https") else False,
            timeout=httpx.Timeout(timeout_s, connect=5.0),
            trust_env=False,  # a proxy of the environment has no business between us and an API server's credentials
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._http.aclose()

    async def get(self, kind: Kind, name: str, namespace: str = "") -> Object:
        return await self._ask("GET", _path(kind, namespace, name))

    async def list(
        self, kind: Kind, namespace: str = "", *, label_selector: str = "", field_selector: str = ""
    ) -> ObjectList:
        items: list[Object] = []
        query = _selectors(label_selector, field_selector) | {"limit": "500"}
        while True:
            page = await self._ask("GET", _path(kind, namespace), query)
            items += [
                {"apiVersion": kind.api_version, "kind": kind.kind, **item} for item in page.get("items") or []
            ]  # lists of built-in kinds leave it out
            metadata = page.get("metadata") or {}
            if not metadata.get("continue"):
                return ObjectList(items, str(metadata.get("resourceVersion") or ""))
            query = {**query, "continue": str(metadata["continue"])}

    async def watch(
        self,
        kind: Kind,
        namespace: str = "",
        *,
        resource_version: str = "",
        label_selector: str = "",
        field_selector: str = "",
    ) -> AsyncIterator[WatchEvent]:
        """Changes, across broken connections; ends only with the caller. Raises: Gone."""
        if not resource_version:
            # A list is whole or fails, so a connection that breaks in the middle cannot lose an object.
            found = await self.list(kind, namespace, label_selector=label_selector, field_selector=field_selector)
            for item in found.items:
                yield WatchEvent("ADDED", item)
            resource_version = found.resource_version
        query = _selectors(label_selector, field_selector) | {
            "watch": "true",
            "allowWatchBookmarks": "true",
            "timeoutSeconds": str(_WATCH_S),
        }
        failures = 0
        while True:
            try:
                request = {**query, "resourceVersion": resource_version}
                async with self._stream(_path(kind, namespace), request, read_timeout_s=_WATCH_S + 30) as answer:
                    async for line in answer.aiter_lines():
                        if not line:
                            continue
                        event = _event(line)
                        failures = 0
                        resource_version = event.object["metadata"]["resourceVersion"]
                        yield event
            except (httpx.TransportError, Unavailable) as error:
                failures += 1
                if failures >= self._retry.attempts:
                    raise _unavailable(self.cluster, error) from error
                await asyncio.sleep(self._retry.wait_s(failures - 1, retry_after_s=None, jitter=jitter()))

    async def create(self, kind: Kind, obj: Object, *, dry_run: bool = False, field_manager: str = "faas") -> Object:
        namespace = obj.get("metadata", {}).get("namespace", "")
        query = _write_query(dry_run, field_manager)
        return await self._ask("POST", _path(kind, namespace), query, obj, idempotent=False)

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
        path = _path(kind, metadata.get("namespace", ""), metadata["name"], subresource)
        # With a resourceVersion a second try cannot overwrite anything: it would be a Conflict, as it should.
        return await self._ask("PUT", path, _write_query(dry_run, field_manager), obj)

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
        path = _path(kind, namespace, name, subresource)
        return await self._ask("PATCH", path, query, patch, content_type=PATCH_TYPES[type], idempotent=type != "json")

    async def delete(
        self,
        kind: Kind,
        name: str,
        namespace: str = "",
        *,
        propagation: Literal["Background", "Foreground", "Orphan"] = "Background",
        dry_run: bool = False,
    ) -> None:
        options = {"kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": propagation}
        query = {"dryRun": "All"} if dry_run else {}
        await self._ask("DELETE", _path(kind, namespace, name), query, options)

    async def version(self) -> Object:
        """What the server says it is."""
        return await self._ask("GET", "/version")

    async def server_time(self) -> datetime | None:
        """What time the server has, to a second; None when it does not say. Raises: Unavailable."""
        try:
            answer = await self._http.get("/version")
            return parsedate_to_datetime(answer.headers["Date"])
        except (KeyError, ValueError):
            return None
        except httpx.TransportError as error:
            raise _unavailable(self.cluster, error) from error

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
        path = _path(POD, namespace, pod) + "/log"
        try:
            async with self._stream(path, query, read_timeout_s=None if follow else TIMEOUT_S) as answer:
                rest = b""
                async for chunk in answer.aiter_bytes():  # what was logged may have line ends that only text knows
                    *lines, rest = (rest + chunk).split(b"\n")
                    for line in lines:
                        yield line.decode(errors="replace")
                if rest:
                    yield rest.decode(errors="replace")
        except httpx.TransportError as error:
            raise _unavailable(self.cluster, error) from error

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
        try:
            async with self._stream("/faas/v1/logs", query, read_timeout_s=TIMEOUT_S) as answer:
                rest = b""
                async for chunk in answer.aiter_bytes():  # what was logged may have line ends that only text knows
                    *lines, rest = (rest + chunk).split(b"\n")
                    for line in lines:
                        yield _decode(line)
        except httpx.TransportError as error:
            raise _unavailable(self.cluster, error) from error

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
    ) -> Object:
        """One request to an endpoint of the server's own, or of a Service behind it; {} for an empty answer.

        Raises: ApiError.
        """
        return await self._ask(
            method, path, query, content, content_type=content_type, headers=headers, idempotent=idempotent
        )

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
        read_timeout_s = None if patient else TIMEOUT_S
        try:
            async with self._stream(
                path, query, read_timeout_s=read_timeout_s, method=method, content=content, headers=headers
            ) as answer:
                rest = b""
                async for chunk in answer.aiter_bytes():  # data may have line ends that only text knows
                    *lines, rest = (rest + chunk).split(b"\n")
                    for line in lines:
                        document = _decode(line)
                        if document.get("kind") == "Status":
                            raise error_of_status(document)
                        yield document
        except httpx.TransportError as error:
            raise _unavailable(self.cluster, error) from error

    async def _ask(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | Sequence[Any] | bytes | None = None,
        *,
        content_type: str = "application/json",
        headers: Mapping[str, str] = {},
        idempotent: bool = True,
    ) -> Object:
        content = body if body is None or isinstance(body, bytes) else msgspec.json.encode(body)
        headers = dict(headers) if body is None else {**headers, "Content-Type": content_type}
        attempt = 0
        while True:
            try:
                answer = await self._http.request(method, path, params=query, content=content, headers=headers)
            except httpx.ConnectError as error:
                failure, again = _unavailable(self.cluster, error), attempt + 1 < _CONNECT_ATTEMPTS
            except httpx.TransportError as error:
                failure, again = _unavailable(self.cluster, error), idempotent
            else:
                if answer.status_code < 400:
                    return _decode(answer.content) if answer.content else {}
                failure = error_of(
                    answer.status_code, answer.content, retry_after=answer.headers.get("Retry-After", "")
                )
                again = is_worth_retrying(answer.status_code, idempotent=idempotent)
            attempt += 1
            if not again or attempt >= self._retry.attempts:
                raise failure
            await asyncio.sleep(self._retry.wait_s(attempt - 1, retry_after_s=failure.retry_after_s, jitter=jitter()))

    @asynccontextmanager
    async def _stream(
        self,
        path: str,
        query: Mapping[str, str],
        *,
        read_timeout_s: float | None,
        method: str = "GET",
        content: bytes | None = None,
        headers: Mapping[str, str] = {},
    ) -> AsyncIterator[httpx.Response]:
        timeout = httpx.Timeout(TIMEOUT_S, connect=5.0, read=read_timeout_s)
        async with self._http.stream(
            method, path, params=query, content=content, headers=headers, timeout=timeout
        ) as answer:
            if answer.status_code >= 400:
                raise error_of(answer.status_code, await answer.aread())
            yield answer


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
    except msgspec.DecodeError as error:
        raise ApiError(f"the API server's answer is not JSON: {content[:200]!r}") from error
    if not isinstance(found, dict):
        raise ApiError(f"the API server's answer is no object: {content[:200]!r}")
    return found


def _event(line: str) -> WatchEvent:
    raw = _decode(line.encode())
    if raw.get("type") == "ERROR":
        error = error_of_status(raw.get("object") or {})
        raise Gone(error.message) if error.code == 410 else error
    return WatchEvent(raw["type"], raw["object"])


def _unavailable(cluster: Cluster, error: Exception) -> ApiError:
    if isinstance(error, ApiError):
        return error
    what = str(error) or type(error).__name__
    return Unavailable(f"the API server at {cluster.server} does not answer: {what}")


def _tls(cluster: Cluster) -> ssl.SSLContext:
    if cluster.ca_data:
        # Only this authority: loading the system's takes 20 ms and would trust more than the kubeconfig says.
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(cadata=cluster.ca_data)
    else:
        context = ssl.create_default_context()
    if cluster.insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if cluster.client_cert:
        context.load_cert_chain(cluster.client_cert, cluster.client_key)
    return context
