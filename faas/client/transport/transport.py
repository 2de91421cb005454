"""Requests to one API server: connections, credentials, patience. Knows no objects; `http` has those."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from urllib.parse import unquote

from faas.client.credentials.identity import Identity, credentials_of
from faas.client.errors import ApiError, BadRequest, Untrusted
from faas.client.kubeconfigs.cluster import Cluster
from faas.client.transport._httpx import httpx
from faas.client.transport.ask import Answer, Ask
from faas.client.transport.connections import CONNECT_S, make_connections, unavailable, was_sent
from faas.client.transport.lines import LineTooLong
from faas.client.transport.pace import Pace, jitter
from faas.client.transport.refusals import error_of
from faas.client.transport.retry import Attempts, RetryPolicy

TIMEOUT_S = 30.0
_MOST_BYTES = 256 * 1024 * 1024  # of an answer: a page of 500 objects, each of half a megabyte
_MOST_REFUSAL_BYTES = 1024 * 1024
_WARNING = re.compile(r'299 \S+ "((?:[^"\\]|\\.)*)"')
_IDENTITY = "faas.identity"  # of a request, for when it is refused


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
        attempts, renewed = Attempts(self.retry, ask.idempotent, ask.relayed), False
        while True:
            began = time.monotonic()
            try:
                async with self._pace, self._opened(ask, self._timeout) as answer:
                    content = await _read(answer)
            except httpx.RequestError as error:
                failure, silent = unavailable(self.cluster, error), isinstance(error, httpx.TimeoutException)
                again = attempts.unanswered(began, sent=was_sent(error), silent=silent, known=self._answered)
                again = again and not isinstance(failure, Untrusted)
            else:
                self._answered = True
                if answer.is_success:  # a redirect leads to somebody's login page, never to an API server
                    return Answer(content, answer.headers)
                failure = self._refusal(answer, content)
                if answer.status_code == 401 and not renewed and self._renew(answer):
                    renewed = True
                    continue
                again = attempts.refused(began, answer.status_code, failure)
            wait_s = attempts.wait_s(retry_after_s=failure.retry_after_s, jitter=jitter())
            if not again or wait_s > self.retry.patience_s:
                failure.unsure_since = attempts.unsure_since
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
            raise unavailable(self.cluster, error) from error
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
            self._made[identity.certificate] = make_connections(self.cluster, identity.certificate)
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
