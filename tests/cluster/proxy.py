"""A TLS server in front of an API server, which lets through what a cluster would, and breaks what a test scripts."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import re
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import h11
import httpx

from faas.client.kubeconfigs.cluster import Cluster
from faas.engine.api.wire.paths import Target, parse_path
from faas.engine.api.wire.protobuf import MAGIC
from faas.engine.api.wire.protobuf_kinds import decode_object
from tests.cluster.faults import Fault, Faults
from tests.cluster.rights import Right, forbidden, may, review, status, verb_of

Send = Callable[[bytes], Awaitable[None]]
_HOP = {"connection", "host", "authorization", "content-length", "transfer-encoding", "upgrade", "keep-alive", "te"}
_REVIEWS = ("/apis/authorization.k8s.io/", "/apis/authentication.k8s.io/")  # questions, though they are POSTs
_REVIEW = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
_WHO = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
_NOT_FOUND = b"404 page not found\n"


class Dropped(Exception):
    """The connection is to be closed, whatever was said on it."""


@dataclass
class Seen:
    """A request; `carried_out` once the API server behind has been given it."""

    user: str
    method: str
    path: str
    query: dict[str, str]
    body: bytes
    headers: dict[str, str]
    code: int = 0  # what was answered; 0: nothing
    carried_out: bool = False

    @property
    def writes(self) -> bool:
        return self.method not in ("GET", "HEAD") and "dryRun" not in self.query and not self.path.startswith(_REVIEWS)

    def __str__(self) -> str:
        query = "&".join(f"{key}={value}" for key, value in self.query.items())
        return f"{self.method} {self.path}{'?' if query else ''}{query}"


@dataclass
class User:
    """Known by a certificate of that name, a token or a password."""

    name: str
    token: str = ""
    password: str = ""


@dataclass
class Proxy:
    """`serve` is for asyncio.start_server. All fields may be changed while it serves."""

    upstream: Cluster
    users: list[User]
    rights: dict[str, list[Right]]  # by user
    faults: Faults = field(default_factory=Faults)
    seen: list[Seen] = field(default_factory=list)
    hidden: set[str] = field(default_factory=set)  # a group, or PLURAL.GROUP
    services: dict[tuple[str, str], str] = field(default_factory=dict)  # (namespace, name) → URL, for services/proxy
    warnings: list[tuple[str, str]] = field(default_factory=list)  # (regex of METHOD PATH, text)
    in_flight: int = 0
    most_in_flight: int = 0
    _clients: dict[str, httpx.AsyncClient] = field(default_factory=dict)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = h11.Connection(h11.SERVER)
        with contextlib.suppress(
            Dropped,
            ConnectionError,
            ssl.SSLError,
            h11.RemoteProtocolError,
            h11.LocalProtocolError,
            asyncio.CancelledError,
        ):
            while await self._exchange(connection, reader, writer):
                connection.start_next_cycle()
        writer.transport.abort()

    async def _exchange(
        self, connection: h11.Connection, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bool:
        """One request and its answer; False at the connection's end."""
        request, body = None, b""
        while True:
            event = connection.next_event()
            if event is h11.NEED_DATA:
                connection.receive_data(await reader.read(65536))
            elif isinstance(event, h11.Request):
                request = event
            elif isinstance(event, h11.Data):
                body += event.data
            elif isinstance(event, h11.EndOfMessage):
                break
            else:
                return False
        assert request is not None
        answer = _Answer(connection, writer)
        answering = asyncio.create_task(self._answer(request, body, _certificate_name(writer), answer))
        hearing = asyncio.create_task(reader.read(65536))
        await asyncio.wait({answering, hearing}, return_when=asyncio.FIRST_COMPLETED)
        if not answering.done():  # clients send nothing before the answer's end, so this is theirs
            answering.cancel()
            await asyncio.wait({answering})
            return False
        if hearing.done():
            connection.receive_data(hearing.result())
        hearing.cancel()
        await asyncio.wait({hearing})
        answering.result()
        return connection.our_state is h11.DONE and connection.their_state is h11.DONE

    async def _answer(self, request: h11.Request, body: bytes, certificate: str, answer: _Answer) -> None:
        url = urlsplit(request.target.decode())
        headers = {name.decode(): value.decode() for name, value in request.headers}
        seen = Seen("", request.method.decode(), url.path, dict(parse_qsl(url.query, True)), body, headers)
        self.seen.append(seen)
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            fault = self.faults.take(seen.method, request.target.decode())
            if fault is not None and fault.kind == "drop-before":
                raise Dropped
            if fault is not None and fault.kind == "refuse":
                return await answer.status(seen, status(fault.code, fault.reason, fault.message), fault.retry_after)
            refused = await self._refuse(seen, certificate)
            if refused is not None:
                return await answer.status(seen, refused)
            if fault is not None and fault.kind == "gone":
                return await _say_gone(seen, answer)
            await self._pass(seen, request.target.decode(), answer, fault)
        finally:
            self.in_flight -= 1

    async def _refuse(self, seen: Seen, certificate: str) -> dict[str, Any] | None:
        if seen.path in ("/version", "/healthz", "/livez", "/readyz"):
            return None
        user = self._user(seen.headers, certificate)
        if user is None:
            return status(401, "Unauthorized", "Unauthorized")
        name, rights = user.name, self.rights.get(user.name, [])
        if acting := seen.headers.get("impersonate-user"):
            target = Target("", "", "users", "", acting)
            if not may(rights, "impersonate", target):
                return forbidden(name, "impersonate", target)
            name, rights = acting, self.rights.get(acting, [])
        seen.user = name
        target_ = parse_path(seen.path)
        if target_ is None or seen.path in (_REVIEW, _WHO):
            known = seen.path.startswith(("/api", "/openapi"))
            if known or any((right.resources, right.namespace) == ("*", "*") for right in rights):
                return None
            message = f'forbidden: User "{name}" cannot {seen.method.lower()} path "{seen.path}"'
            return status(403, "Forbidden", message)
        verb = verb_of(seen.method, target_, seen.query)
        if not may(rights, verb, target_):
            return forbidden(name, verb, target_)
        # What is not there yet is created by applying it, which is another right.
        applies = verb == "patch" and "apply-patch" in seen.headers.get("content-type", "")
        if applies and not may(rights, "create", target_) and await self._is_missing(seen.path):
            return forbidden(name, "create", target_)
        return None

    def _user(self, headers: Mapping[str, str], certificate: str) -> User | None:
        scheme, _, given = headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            return next((user for user in self.users if user.token and user.token == given), None)
        if scheme.lower() == "basic":
            name, _, password = base64.b64decode(given).decode().partition(":")
            return next((user for user in self.users if user.name == name and user.password == password != ""), None)
        return next((user for user in self.users if user.name == certificate), None)

    async def _is_missing(self, path: str) -> bool:
        return (await self._client().get(path)).status_code == 404

    async def _pass(self, seen: Seen, target: str, answer: _Answer, fault: Fault | None) -> None:
        if self._is_hidden(seen.path):
            return await answer.whole(seen, 404, {"Content-Type": "text/plain; charset=utf-8"}, _NOT_FOUND)
        if seen.path == _REVIEW:
            return await answer.document(seen, 201, self._review(seen))
        if seen.path == _WHO:
            who = {"kind": "SelfSubjectReview", "apiVersion": "authentication.k8s.io/v1", "metadata": {}}
            groups = ["system:authenticated"]
            return await answer.document(
                seen, 201, {**who, "status": {"userInfo": {"username": seen.user, "groups": groups}}}
            )
        base, target = self._behind(seen, target)
        headers = {name: value for name, value in seen.headers.items() if name not in _HOP}
        headers = {name: value for name, value in headers.items() if not name.startswith("impersonate-")}
        if "accept-encoding" not in headers:
            headers["accept-encoding"] = "identity"
        seen.carried_out = True
        async with self._client(base).stream(seen.method, target, headers=headers, content=seen.body) as found:
            if fault is not None and fault.kind == "drop-after":
                await found.aread()
                raise Dropped
            if seen.path in ("/apis", "/api"):
                groups = self._groups(json.loads(await found.aread()))
                media = {"Content-Type": found.headers["content-type"]}
                return await answer.whole(seen, found.status_code, media, json.dumps(groups).encode())
            if self.hidden and re.fullmatch(r"/apis/[^/]+/[^/]+", seen.path):
                listed = self._resources(seen.path.split("/")[2], json.loads(await found.aread()))
                media = {"Content-Type": found.headers["content-type"]}
                return await answer.whole(seen, found.status_code, media, json.dumps(listed).encode())
            said = {name: value for name, value in found.headers.items() if name.lower() not in _HOP}
            if "content-length" in found.headers and (fault is None or fault.kind == "cut"):
                said["content-length"] = found.headers["content-length"]
            for pattern, text in self.warnings:
                if re.search(pattern, f"{seen.method} {seen.path}"):
                    said["warning"] = f'299 - "{text}"'
            await answer.head(seen, found.status_code, said)
            async for piece in _broken(found.aiter_raw(), fault):
                await answer.piece(piece)
            await answer.end()

    def _client(self, base: str = "") -> httpx.AsyncClient:
        """One for each server behind, made on the loop that serves."""
        if base not in self._clients:
            headers = {} if base else {"Authorization": f"Bearer {self.upstream.token}"}
            self._clients[base] = httpx.AsyncClient(
                base_url=base or self.upstream.server,
                verify=_tls(self.upstream),
                headers=headers,
                timeout=None,
                trust_env=False,
                limits=httpx.Limits(max_connections=None),
            )
        return self._clients[base]

    async def close(self) -> None:
        for client in self._clients.values():
            await client.aclose()

    def _behind(self, seen: Seen, target: str) -> tuple[str, str]:
        """Where a request goes to: the API server, or a Service through services/proxy."""
        found = re.match(r"/api/v1/namespaces/([^/]+)/services/(?:https?:)?([^/:]+)(?::[^/]*)?/proxy(.*)", target)
        if found and (base := self.services.get((found[1], found[2]))):
            return base, found[3] or "/"
        return "", target

    def _is_hidden(self, path: str) -> bool:
        parts = path.strip("/").split("/")
        if parts[0] == "faas":
            return True
        if parts[0] != "apis" or len(parts) < 2:
            return False
        target = parse_path(path)
        if target is not None and target.plural == "customresourcedefinitions":
            return target.name in self.hidden or target.name.partition(".")[2] in self.hidden
        return parts[1] in self.hidden or (target is not None and f"{target.plural}.{target.group}" in self.hidden)

    def _groups(self, document: dict[str, Any]) -> dict[str, Any]:
        """Discovery without the groups that are hidden."""
        names = (("groups", lambda item: item["name"]), ("items", lambda item: item["metadata"].get("name", "")))
        for key, name in names:
            if key in document:
                document[key] = [item for item in document[key] if name(item) not in self.hidden]
        return document

    def _resources(self, group: str, document: dict[str, Any]) -> dict[str, Any]:
        """What a group has, without the kinds that are hidden."""
        there = [each for each in document.get("resources", ()) if f"{each['name']}.{group}" not in self.hidden]
        return {**document, "resources": there} if "resources" in document else document

    def _review(self, seen: Seen) -> dict[str, Any]:
        body = decode_object(seen.body) if seen.body.startswith(MAGIC) else json.loads(seen.body)
        return review(self.rights.get(seen.user, []), body)


@dataclass
class _Answer:
    connection: h11.Connection
    writer: asyncio.StreamWriter

    async def status(self, seen: Seen, document: dict[str, Any], retry_after: int | None = None) -> None:
        headers = {"Content-Type": "application/json"}
        if retry_after is not None:
            headers["Retry-After"] = str(retry_after)
        await self.whole(seen, document["code"], headers, json.dumps(document).encode())

    async def document(self, seen: Seen, code: int, document: dict[str, Any]) -> None:
        await self.whole(seen, code, {"Content-Type": "application/json"}, json.dumps(document).encode())

    async def whole(self, seen: Seen, code: int, headers: Mapping[str, str], body: bytes) -> None:
        await self.head(seen, code, {**headers, "Content-Length": str(len(body))})
        await self.piece(body)
        await self.end()

    async def head(self, seen: Seen, code: int, headers: Mapping[str, str]) -> None:
        seen.code = code
        lines = [(name, value) for name, value in headers.items()]
        await self._send(h11.Response(status_code=code, headers=lines))

    async def piece(self, data: bytes) -> None:
        if data:
            await self._send(h11.Data(data=data))

    async def end(self) -> None:
        await self._send(h11.EndOfMessage())

    async def _send(self, event: Any) -> None:
        self.writer.write(self.connection.send(event) or b"")
        await self.writer.drain()


async def _say_gone(seen: Seen, answer: _Answer) -> None:
    await answer.head(seen, 200, {"Content-Type": "application/json"})
    event = {"type": "ERROR", "object": status(410, "Expired", "too old resource version: 1 (2)")}
    await answer.piece(json.dumps(event).encode() + b"\n")
    await answer.end()


async def _broken(pieces: AsyncIterator[bytes], fault: Fault | None) -> AsyncIterator[bytes]:
    """The body as the fault leaves it. Raises: Dropped."""
    passed = 0
    async for piece in pieces:
        match fault.kind if fault else "":
            case "cut":
                assert fault is not None
                yield piece[: fault.count - passed]
                passed += len(piece)
                if passed >= fault.count:
                    raise Dropped
            case "silent":
                assert fault is not None
                lines = piece.splitlines(keepends=True)
                yield b"".join(lines[: fault.count - passed])
                passed += len(lines)
                if passed >= fault.count:
                    break
            case "trickle":
                assert fault is not None
                for start in range(0, len(piece), fault.count):
                    yield piece[start : start + fault.count]
                    await asyncio.sleep(fault.gap_s)
            case _:
                yield piece
    if fault is not None and fault.kind == "silent":
        await asyncio.Event().wait()
    if fault is not None and fault.kind == "cut":
        raise Dropped


def _tls(cluster: Cluster) -> ssl.SSLContext:
    return ssl.create_default_context(cadata=cluster.ca_data)


def _certificate_name(writer: asyncio.StreamWriter) -> str:
    certificate = writer.get_extra_info("ssl_object").getpeercert() or {}
    subject = dict(pair for entry in certificate.get("subject", ()) for pair in entry)
    return str(subject.get("commonName", ""))
