"""A registry in memory, on real sockets, that misbehaves where a test wants it to."""

from __future__ import annotations

import hashlib
import json
import re
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

INDEX = "application/vnd.oci.image.index.v1+json"


@dataclass(frozen=True)
class Seen:
    method: str
    path: str
    headers: dict[str, str]

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


@dataclass
class Fault:
    """Happens to the next `times` requests that match."""

    method: str
    path: re.Pattern[str]
    happen: Callable[[Handler], None]
    times: int


@dataclass
class FaultyRegistry:
    """`on("GET", "/blobs/", closes_after(100))`; without a fault it does as the specification says."""

    host: str = ""
    blobs: dict[str, bytes] = field(default_factory=dict)  # REPOSITORY@DIGEST
    manifests: dict[str, tuple[str, bytes]] = field(default_factory=dict)  # REPOSITORY:TAG and REPOSITORY@DIGEST
    uploads: dict[str, bytearray] = field(default_factory=dict)
    seen: list[Seen] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    has_ranges: bool = True
    has_mounts: bool = True
    has_referrers: bool = False
    has_patch: bool = True
    smallest_chunk: int = 0
    blobs_at: str = ""  # URL of another host that has them
    realm: str = ""  # wants a token of this server
    token: str = "let me in"
    lock: threading.Lock = field(default_factory=threading.Lock)
    closing: threading.Event = field(default_factory=threading.Event)  # ends what hangs

    def on(self, method: str, path: str, happen: Callable[[Handler], None], times: int = 1) -> None:
        self.faults.append(Fault(method, re.compile(path), happen, times))

    def put_blob(self, repository: str, data: bytes) -> str:
        digest = "sha256:" + hashlib.sha256(data).hexdigest()
        self.blobs[f"{repository}@{digest}"] = data
        return digest

    def put_manifest(self, repository: str, reference: str, data: bytes, media_type: str) -> str:
        digest = "sha256:" + hashlib.sha256(data).hexdigest()
        self.manifests[f"{repository}@{digest}"] = (media_type, data)
        if ":" not in reference:
            self.manifests[f"{repository}:{reference}"] = (media_type, data)
        return digest

    def asked(self, method: str, path: str) -> list[Seen]:
        return [seen for seen in self.seen if seen.method == method and re.search(path, seen.path)]


# What can happen


def answers(status: int, body: bytes = b"", **headers: str) -> Callable[[Handler], None]:
    def happen(handler: Handler) -> None:
        handler.take_body()
        handler.answer(status, body, {name.replace("_", "-"): value for name, value in headers.items()})

    return happen


def closes(handler: Handler) -> None:
    """Without a word."""
    handler.hang_up()


def hangs(handler: Handler) -> None:
    handler.registry.closing.wait(30)
    handler.hang_up()


def closes_in_upload(after: int) -> Callable[[Handler], None]:
    """Keeps so many bytes of a PATCH."""

    def happen(handler: Handler) -> None:
        upload = handler.registry.uploads[handler.path.rpartition("/")[2]]
        upload += handler.rfile.read(after)
        handler.hang_up()

    return happen


def closes_in_download(after: int) -> Callable[[Handler], None]:
    """Sends so many bytes of a blob from where it was asked to, and promises all."""

    def happen(handler: Handler) -> None:
        data, start = handler.wanted_blob()
        handler.send_response(206 if start else 200)
        if start:
            handler.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        handler.send_header("Content-Length", str(len(data) - start))
        handler.end_headers()
        handler.wfile.write(data[start : start + after])
        handler.hang_up()

    return happen


def closes_in_whole_download(after: int) -> Callable[[Handler], None]:
    """The same, from the beginning whatever was asked for."""

    def happen(handler: Handler) -> None:
        del handler.headers["Range"]
        closes_in_download(after)(handler)

    return happen


def carries_out_and_closes(handler: Handler) -> None:
    """Only the answer is lost."""
    handler.silent = True
    handler.carry_out()
    handler.hang_up()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    registry: FaultyRegistry
    silent = False

    def handle(self) -> None:
        if not isinstance(self.connection, ssl.SSLSocket) and self.connection.recv(1, socket.MSG_PEEK) == b"\x16":
            return  # a client that tries TLS first
        super().handle()

    def log_message(self, *arguments: Any) -> None:
        pass

    def answer(self, status: int, body: bytes = b"", headers: dict[str, str] | None = None) -> None:
        if self.silent:
            return
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        if not {"Content-Length", "content-length"} & set(headers or {}):
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def hang_up(self) -> None:
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)

    def take_body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def wanted_blob(self) -> tuple[bytes, int]:
        repository, _, digest = self.path.removeprefix("/v2/").partition("/blobs/")
        wanted = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        return self.registry.blobs[f"{repository}@{digest}"], int(wanted[1]) if wanted else 0

    def carry_out(self) -> None:
        registry, url = self.registry, urlsplit(self.path)
        if registry.realm and self.headers.get("Authorization") != f"Bearer {registry.token}":
            self.take_body()
            self.answer(401, b"", {"WWW-Authenticate": f'Bearer realm="{registry.realm}",service="faulty"'})
            return
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        repository, _, rest = url.path.removeprefix("/v2/").rpartition(_kind(url.path))
        match _kind(url.path):
            case "/blobs/uploads/":
                self._upload(repository, rest, query)
            case "/blobs/":
                self._blob(repository, rest)
            case "/manifests/":
                self._manifest(repository, rest)
            case "/referrers/" if registry.has_referrers:
                self._referrers(repository, rest, query)
            case _:
                self.answer(200 if url.path == "/v2/" else 404)

    def _blob(self, repository: str, digest: str) -> None:
        registry = self.registry
        if f"{repository}@{digest}" not in registry.blobs:
            self.answer(404, b'{"errors": [{"code": "BLOB_UNKNOWN", "message": "blob unknown to registry"}]}')
        elif self.command == "GET" and registry.blobs_at:
            self.answer(307, b"", {"Location": f"{registry.blobs_at}/v2/{repository}/blobs/{digest}"})
        else:
            data, start = self.wanted_blob()
            if start >= len(data) > 0:
                self.answer(416)
            elif start and registry.has_ranges:
                self.answer(206, data[start:], {"Content-Range": f"bytes {start}-{len(data) - 1}/{len(data)}"})
            else:
                self.answer(200, data, {"Content-Length": str(len(data))})

    def _manifest(self, repository: str, reference: str) -> None:
        registry = self.registry
        if self.command == "PUT":
            data = self.take_body()
            digest = registry.put_manifest(repository, reference, data, self.headers["Content-Type"])
            subject = json.loads(data).get("subject")
            noticed = {"OCI-Subject": subject["digest"]} if subject and registry.has_referrers else {}
            self.answer(201, b"", {"Docker-Content-Digest": digest, **noticed})
            return
        found = registry.manifests.get(f"{repository}{'@' if ':' in reference else ':'}{reference}")
        if found is None:
            self.answer(404, b'{"errors": [{"code": "MANIFEST_UNKNOWN", "message": "manifest unknown"}]}')
        else:
            self.answer(200, found[1], {"Content-Type": found[0], "Content-Length": str(len(found[1]))})

    def _referrers(self, repository: str, digest: str, query: dict[str, str]) -> None:
        """One a page."""
        found = []
        for name, (media_type, data) in sorted(self.registry.manifests.items()):
            document = json.loads(data)
            if name.startswith(f"{repository}@") and (document.get("subject") or {}).get("digest") == digest:
                found.append(
                    {
                        "mediaType": media_type,
                        "digest": name.partition("@")[2],
                        "size": len(data),
                        "artifactType": document["artifactType"],
                    }
                )
        at = int(query.get("page", 0))
        headers = {"Content-Type": INDEX}
        if at + 1 < len(found):
            headers["Link"] = f'</v2/{repository}/referrers/{digest}?page={at + 1}>; rel="next"'
        self.answer(200, json.dumps({"schemaVersion": 2, "manifests": found[at : at + 1]}).encode(), headers)

    def _upload(self, repository: str, id: str, query: dict[str, str]) -> None:
        registry = self.registry
        if self.command == "POST":
            source = f"{query.get('from')}@{query.get('mount')}"
            if registry.has_mounts and source in registry.blobs:
                registry.put_blob(repository, registry.blobs[source])
                self.answer(201)
                return
            with registry.lock:
                id = str(len(registry.uploads))
                registry.uploads[id] = bytearray()
            smallest = {"OCI-Chunk-Min-Length": str(registry.smallest_chunk)} if registry.smallest_chunk else {}
            self.answer(202, b"", {"Location": f"/v2/{repository}/blobs/uploads/{id}", **smallest})
            return
        upload = registry.uploads.get(id)
        if upload is None:
            self.take_body()
            self.answer(404, b'{"errors": [{"code": "BLOB_UPLOAD_UNKNOWN", "message": "upload unknown"}]}')
        elif self.command == "GET":
            self._accepted(204, repository, id)
        elif self.command == "PATCH":
            body, start = self.take_body(), int(self.headers["Content-Range"].partition("-")[0])
            if not registry.has_patch:
                self.answer(405)
            elif start != len(upload):
                self.answer(416)
            else:
                upload += body
                self._accepted(202, repository, id)
        else:
            upload += self.take_body()
            digest = registry.put_blob(repository, bytes(upload))
            del registry.uploads[id]
            self.answer(201 if digest == query["digest"] else 400)

    def _accepted(self, status: int, repository: str, id: str) -> None:
        end = max(len(self.registry.uploads[id]) - 1, 0)
        self.answer(status, b"", {"Location": f"/v2/{repository}/blobs/uploads/{id}", "Range": f"0-{end}"})

    def _serve(self) -> None:
        registry = self.registry
        with registry.lock:
            registry.seen.append(Seen(self.command, self.path, {k.lower(): v for k, v in self.headers.items()}))
            fault = next(
                (
                    one
                    for one in registry.faults
                    if one.times and one.method == self.command and one.path.search(self.path)
                ),
                None,
            )
            if fault is not None:
                fault.times -= 1
        if fault is None:
            self.carry_out()
        else:
            fault.happen(self)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = _serve


def _kind(path: str) -> str:
    return next((kind for kind in ("/blobs/uploads/", "/blobs/", "/manifests/", "/referrers/") if kind in path), "/")


@contextmanager
def faulty_registry(context: ssl.SSLContext | None = None) -> Iterator[FaultyRegistry]:
    registry = FaultyRegistry()

    class Bound(Handler):
        pass

    Bound.registry = registry
    with serving(Bound, context) as port:
        registry.host = f"127.0.0.1:{port}"
        try:
            yield registry
        finally:
            registry.closing.set()


@contextmanager
def serving(handler: type[BaseHTTPRequestHandler], context: ssl.SSLContext | None = None) -> Iterator[int]:
    """Serve on a free port of loopback, each connection in a thread."""
    server = _Server(("127.0.0.1", 0), handler)
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def handle_error(self, request: Any, client_address: Any) -> None:
        pass  # clients that go away are part of the tests
