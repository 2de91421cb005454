"""Requests to one API server: connections, credentials, patience. Knows no objects; `http` has those."""

from __future__ import annotations

import asyncio
import os
import re
import socket
import ssl
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urlsplit

from faas.client._httpx import httpx
from faas.client.credentials import Identity, credentials_of
from faas.client.errors import ApiError, BadRequest, Unavailable, Untrusted
from faas.client.kubeconfig import Cluster
from faas.client.kubeconfig_files import KubeconfigError
from faas.client.lines import LineTooLong
from faas.client.pace import Pace
from faas.client.proxies import proxy_of
from faas.client.refusals import RetryPolicy, error_of, is_worth_retrying, jitter, never_arrived
from faas.client.tls import make_context

TIMEOUT_S = 30.0
_MOST_BYTES = 256 * 1024 * 1024  # of an answer: a page of 500 objects, each of half a megabyte
_MOST_REFUSAL_BYTES = 1024 * 1024
CONNECT_S = 10.0  # with TLS, and perhaps a proxy between
_CONNECT_ATTEMPTS = 3  # of a server that has not answered yet; one that has is being replaced, and comes back
_SILENT_ATTEMPTS = 2  # each took a whole timeout already
_WARNING = re.compile(r'299 \S+ "((?:[^"\\]|\\.)*)"')

_IDENTITY = "faas.identity"  # of a request, for when it is refused
_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)
_SILENCE: dict[type[Exception], str] = {
    httpx.ConnectTimeout: "no connection in time",
    httpx.ReadTimeout: "it took the request and fell silent",
    httpx.WriteTimeout: "it stopped taking the request",
}


@dataclass(frozen=True, slots=True)
class Ask:
    """`idempotent`: carried out twice it leaves what it leaves when carried out once, or the second try says so.

    `relayed`: it is for a Service behind the API server, whose 429 or 503 does not say that nothing was done.
    """

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    content: bytes | None = field(default=None, repr=False)
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    idempotent: bool = True
    relayed: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    content: bytes = field(repr=False)
    headers: Mapping[str, str]


class Transport:
    """Owns the connections to one server; one that nobody closes is closed with the process.

    `warnings` is what the server warned of, each once.
    """

    def __init__(self, cluster: Cluster, *, retry: RetryPolicy, timeout_s: float = TIMEOUT_S) -> None:
        self.cluster, self.retry = cluster, retry
        self.warnings: list[str] = []
        self._timeout = httpx.Timeout(timeout_s, connect=CONNECT_S, pool=None)
        self._credentials = credentials_of(cluster)
        self._pace, self._answered = Pace(), False
        self._made: dict[str, httpx.AsyncClient] = {}  # by client certificate: a plugin's may change
        self._extensions = {"sni_hostname": cluster.tls_server_name} if cluster.tls_server_name else {}

    async def close(self) -> None:
        for client in self._made.values():
            await client.aclose()

    async def identity(self) -> Identity:
        """Who asks. Raises: KubeconfigError."""
        return await self._credentials.identity()

    async def send(self, ask: Ask) -> Answer:
        """A success, after as many attempts as make sense. Raises: ApiError, KubeconfigError.

        An error's `unsure_since` says that an attempt was begun then (monotonic) whose fate nobody knows.
        """
        failures, silences, renewed = 0, 0, False
        unsure_since: float | None = None
        while True:
            began = time.monotonic()
            try:
                async with self._pace, self._opened(ask, self._timeout) as answer:
                    content = await _read(answer)
            except httpx.RequestError as error:
                failure, sent = _unavailable(self.cluster, error), not isinstance(error, _NOT_SENT)
                silences += isinstance(error, httpx.TimeoutException)
                patience = self.retry.attempts if sent or self._answered else _CONNECT_ATTEMPTS
                again = (ask.idempotent or not sent) and silences < _SILENT_ATTEMPTS and failures + 1 < patience
                again = again and not isinstance(failure, Untrusted)
                if sent and unsure_since is None:
                    unsure_since = began
            else:
                self._answered = True
                if answer.is_success:  # a redirect leads to somebody's login page, never to an API server
                    return Answer(content, answer.headers)
                failure = self._refusal(answer, content)
                if answer.status_code == 401 and not renewed and self._renew(answer):
                    renewed = True
                    continue
                again = is_worth_retrying(answer.status_code, idempotent=ask.idempotent)
                if ask.relayed and not ask.idempotent:
                    again = never_arrived(failure)
                if answer.status_code in (500, 502, 503, 504) and unsure_since is None:
                    unsure_since = began
            failures += 1
            wait_s = self.retry.wait_s(failures - 1, retry_after_s=failure.retry_after_s, jitter=jitter())
            if not again or failures >= self.retry.attempts or wait_s > self.retry.patience_s:
                failure.unsure_since = unsure_since
                raise failure
            if failure.retry_after_s:
                self._pace.pause(wait_s)
            else:
                await asyncio.sleep(wait_s)

    @asynccontextmanager
    async def stream(self, ask: Ask, *, read_timeout_s: float | None) -> AsyncIterator[httpx.Response]:
        """An answer that is read as it comes, tried once. Raises: ApiError, KubeconfigError."""
        timeout = httpx.Timeout(TIMEOUT_S, connect=CONNECT_S, read=read_timeout_s, pool=None)
        try:
            async with AsyncExitStack() as stack:
                yield await self._begin(ask, timeout, stack)
        except httpx.RequestError as error:
            raise _unavailable(self.cluster, error) from error
        except LineTooLong as error:
            raise ApiError(f"the API server's answer cannot be read: {error}") from error

    async def _begin(self, ask: Ask, timeout: httpx.Timeout, stack: AsyncExitStack) -> httpx.Response:
        """Open a stream; the pace is for that only, since one that is open asks for nothing."""
        renewed = False
        while True:
            async with self._pace:
                answer = await stack.enter_async_context(self._opened(ask, timeout))
            if answer.is_success:
                return answer
            content = await _read(answer)
            if answer.status_code != 401 or renewed or not self._renew(answer):
                raise self._refusal(answer, content)
            renewed = True

    @asynccontextmanager
    async def _opened(self, ask: Ask, timeout: httpx.Timeout) -> AsyncIterator[httpx.Response]:
        _check_path(ask.path)
        identity = await self._credentials.identity()
        if identity.certificate not in self._made:
            self._made[identity.certificate] = self._make(identity.certificate)
        headers = [("Accept", "application/json"), ("User-Agent", "faas"), *self.cluster.impersonation]
        headers += [("Authorization", identity.authorization)] if identity.authorization else []
        headers += ask.headers.items()
        headers += [("Content-Type", ask.content_type)] if ask.content is not None else []
        url = self.cluster.server + ask.path
        request = httpx.Request(
            ask.method,
            httpx.URL(url, params=dict(ask.query)) if ask.query else url,
            headers=httpx.Headers(headers, encoding="utf-8"),
            content=ask.content,
            extensions={"timeout": timeout.as_dict(), _IDENTITY: identity, **self._extensions},
        )
        answer = await self._made[identity.certificate].send(request, stream=True)
        try:
            self._note_warnings(answer)
            yield answer
        finally:
            await answer.aclose()

    def _renew(self, refused: httpx.Response) -> bool:
        return self._credentials.renew(refused.request.extensions[_IDENTITY])

    def _make(self, certificate: str) -> httpx.AsyncClient:
        """Raises: KubeconfigError."""
        server = self.cluster.server
        tls = make_context(self.cluster, certificate) if server.startswith("https") else False
        proxy = self.cluster.proxy_url or proxy_of(server, os.environ)
        try:
            _ = urlsplit(proxy).port  # raises for one that there cannot be
            transport = httpx.AsyncHTTPTransport(
                verify=tls,
                proxy=httpx.Proxy(proxy) if proxy else None,
                limits=httpx.Limits(max_connections=None, max_keepalive_connections=None, keepalive_expiry=30.0),
                socket_options=_keepalive(),
            )
        except (ImportError, ValueError, httpx.InvalidURL) as error:
            raise _bad_proxy(self.cluster, proxy) from error
        return httpx.AsyncClient(transport=transport, trust_env=False, follow_redirects=False)

    def _refusal(self, answer: httpx.Response, content: bytes) -> ApiError:
        error = error_of(answer.status_code, content, retry_after=answer.headers.get("Retry-After", ""))
        error.context = self.cluster.context
        return error

    def _note_warnings(self, answer: httpx.Response) -> None:
        """Source: RFC 7234, 5.5; Kubernetes sends code 299."""
        for value in answer.headers.get_list("Warning"):
            for text in _WARNING.findall(value):
                warning = re.sub(r"\\(.)", r"\1", text)
                if warning not in self.warnings:
                    self.warnings.append(warning)


def _check_path(path: str) -> None:
    """Raises: BadRequest: it leads to something else than it says.

    Whoever writes a URL takes `.` and `..` out of it: what is called so would be all of its kind, or its namespace.
    """
    for part in path.split("/"):
        if unquote(part) in (".", ".."):
            raise BadRequest(f"nothing can be called {unquote(part)!r}")


async def _read(answer: httpx.Response) -> bytes:
    """Raises: ApiError: it does not end."""
    most = _MOST_BYTES if answer.is_success else _MOST_REFUSAL_BYTES
    parts, size = [], 0
    async for part in answer.aiter_bytes():
        parts.append(part)
        size += len(part)
        if size > most and answer.is_success:
            raise ApiError(f"the API server's answer has more than {most} bytes, which none of Kubernetes has")
        if size > most:
            break
    return b"".join(parts)


def _unavailable(cluster: Cluster, error: Exception) -> ApiError:
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, ssl.SSLCertVerificationError):
        cause = cause.__cause__ or cause.__context__
    failure: ApiError
    if isinstance(cause, ssl.SSLCertVerificationError):
        failure = Untrusted(
            f"the API server at {cluster.server} shows a certificate that is not trusted: {cause.verify_message}"
        )
    else:
        what = _SILENCE.get(type(error)) or _words(error)
        failure = Unavailable(f"the API server at {cluster.server} does not answer: {what}")
    failure.context = cluster.context
    failure.__cause__ = error
    return failure


def _words(error: Exception) -> str:
    """What an exception says; but not of what we would have sent, which it quotes with its credentials."""
    if isinstance(error, httpx.LocalProtocolError):
        return "the request cannot be written: a header of the kubeconfig, or the other side ended in the middle"
    return str(error) or type(error).__name__


def _bad_proxy(cluster: Cluster, proxy: str) -> KubeconfigError:
    """Names no more of the proxy than its scheme: there may be a password in it."""
    scheme = proxy.partition("://")[0]
    who = "proxy-url" if cluster.proxy_url else "the environment"
    reason = f"the proxy that {who} names for {cluster.server} cannot be used ({scheme}://…)"
    hint = "Known are http, https and socks5"
    if scheme.startswith("socks"):
        hint = "SOCKS needs another package:  pip install 'faas[cluster]'"
    return KubeconfigError(Path(cluster.source), reason, hint)


def _keepalive() -> list[tuple[int, int, int]]:
    """The kernel asks after a silent peer every 15 s, so that one that vanished is noticed within a minute."""
    options = [(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1), (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)]
    for name, value in (("TCP_KEEPIDLE", 15), ("TCP_KEEPINTVL", 15), ("TCP_KEEPCNT", 3)):
        if hasattr(socket, name):
            options.append((socket.IPPROTO_TCP, getattr(socket, name), value))
    return options
