"""One connection to the NATS server, for as long as the process lives: it is always there or on its way."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple, TypeVar

import msgspec
import nats.errors
from nats.aio.client import Client
from nats.aio.msg import Msg

from faas.engine.broker.jetstream.listener import listener_uid
from faas.engine.broker.seams.log import LogUnavailable
from faas.engine.contract.settings import EngineSettings, NatsCredentials

_T = TypeVar("_T")
_log = logging.getLogger("faas.broker.nats")
_CONNECT_S = 2  # whole seconds: nats-py says so
_RETRY_S = 0.05  # the supervisor has a dead nats-server back within a second; a connect costs nothing
_PING_S = 2.0
_SWALLOWED_S = 0.1
_REQUEST_S = 5


class NatsServer(NamedTuple):
    """Where it is and who we are; asked for anew at each connect, since credentials may change."""

    url: str
    user: str | None = None
    password: str | None = None


def server_of(settings: EngineSettings) -> NatsServer:
    """Raises: OSError, msgspec.MsgspecError: our own nats-server's credentials are not written yet, or its port is
    another user's now, who must not hear them."""
    if settings.nats.url:
        return NatsServer(settings.nats.url)
    if (uid := listener_uid(settings.nats.port)) not in (None, os.geteuid()):
        raise PermissionError(f"port {settings.nats.port} is in use by a process of user {uid}, which is not ours")
    credentials = NatsCredentials.load(settings.nats_credentials)
    return NatsServer(f"nats://127.0.0.1:{settings.nats.port}", credentials.user, credentials.password)


class NatsConnection:
    """Connects, and connects again, for as long as `run` runs.

    Nothing is kept for a server that is away: what is asked of it then fails at once.
    """

    def __init__(self, server: Callable[[], NatsServer]) -> None:
        self._server = server
        self._client: Client | None = None
        self._ready = asyncio.Event()
        self._lost: asyncio.Future[None] = asyncio.get_running_loop().create_future()  # of this connection
        self.lost: list[Callable[[], None]] = []  # called when the connection breaks: answers on the way are gone
        self.gained: list[Callable[[Client], None]] = []  # called with the client, which may be another one

    @property
    def client(self) -> Client:
        """Raises: LogUnavailable: there is no connection now."""
        client = self._client
        if client is None or not client.is_connected:
            raise LogUnavailable("the NATS server is not connected")
        return client

    @property
    def is_connected(self) -> bool:
        return self._client is not None and self._client.is_connected

    async def connected(self) -> None:
        """Wait until there is a connection."""
        if not self.is_connected:
            self._ready.clear()  # nats-py may have seen its end a moment before it tells us
        await self._ready.wait()

    async def run(self) -> None:
        """Serve until cancelled.

        nats-py swallows a cancellation here and there, where it connects and closes. So its calls are in a task of
        their own, which is cancelled until it ends.
        """
        keeping = asyncio.create_task(self._keep())
        try:
            await asyncio.wait([keeping])
            keeping.result()
        finally:
            while not keeping.done():
                keeping.cancel()
                await asyncio.wait([keeping], timeout=_SWALLOWED_S)

    async def _keep(self) -> None:
        complained = ""
        while True:
            ended = asyncio.Event()
            try:
                client = await self._connect(ended)
            except (nats.errors.Error, OSError, ValueError, msgspec.MsgspecError) as error:
                text = f"{type(error).__name__}: {error}"
                if text != complained:
                    _log.warning("cannot connect to the NATS server, trying on: %s", text)
                    complained = text
                await asyncio.sleep(_RETRY_S)
                continue
            complained = ""
            try:
                self._up(client)
                await self._watch(client, ended)
            finally:
                self._down()
                await _close(client)
            _log.warning("the NATS server is gone (%s); connecting again", client.last_error or "no answer")

    async def request(self, subject: str, document: dict[str, Any], timeout_s: float = _REQUEST_S) -> dict[str, Any]:
        """Ask JetStream's API. Raises: LogUnavailable. An `error` in the answer is for the caller to read."""
        asking = self.client.request(f"$JS.API.{subject}", json.dumps(document).encode(), timeout_s)
        try:
            answer = await self.unless_lost(asking)
        except (nats.errors.Error, OSError) as error:
            raise LogUnavailable(
                f"the NATS server did not answer {subject}: {error or type(error).__name__}"
            ) from error
        reply: dict[str, Any] = json.loads(answer.data)
        return reply

    async def unless_lost(self, answer: Awaitable[_T]) -> _T:
        """Wait for what only this connection can bring. Raises: LogUnavailable: it broke."""
        lost = self._lost
        waiting = asyncio.ensure_future(answer)
        try:
            either: set[asyncio.Future[Any]] = {waiting, lost}
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            if waiting.done():
                return waiting.result()
        finally:
            waiting.cancel()
        raise LogUnavailable("the NATS server went away before it answered")

    async def _connect(self, ended: asyncio.Event) -> Client:
        client, server = Client(), self._server()

        async def on_closed() -> None:
            ended.set()

        try:
            await client.connect(
                server.url.split(","),
                user=server.user,
                password=server.password,
                name="faas broker",
                connect_timeout=_CONNECT_S,
                # A client that reconnects by itself would send what was not sent before: after its sender was told
                # that it failed. So a connection that breaks is the end of its client.
                allow_reconnect=False,
                max_reconnect_attempts=1,
                reconnect_time_wait=0,
                pending_size=0,  # publishing never waits; what is on its way is bounded by `publishing`
                error_cb=_on_error,
                closed_cb=on_closed,
            )
        except BaseException:
            await _close(client)  # one that was refused leaves its socket open
            raise
        return client

    async def _watch(self, client: Client, ended: asyncio.Event) -> None:
        """Return when the connection has broken, or nothing is answered on it any more."""
        while not ended.is_set():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_PING_S):
                    await ended.wait()
                    return
            try:
                await client.flush(_REQUEST_S)  # a ping and its answer
            except (nats.errors.Error, OSError):
                return

    def _up(self, client: Client) -> None:
        _log.info("connected to the NATS server")
        self._client = client
        self._lost = asyncio.get_running_loop().create_future()
        self._ready.set()
        for gained in list(self.gained):
            gained(client)

    def _down(self) -> None:
        self._client = None
        self._ready.clear()
        if not self._lost.done():
            self._lost.set_result(None)
        for lost in list(self.lost):
            lost()


async def _on_error(error: Exception) -> None:
    _log.debug("nats: %r", error)


async def _close(client: Client) -> None:
    """A server that takes nothing any more must not keep us."""
    # AssertionError: it has not come as far as to have something to close.
    with contextlib.suppress(TimeoutError, OSError, nats.errors.Error, AssertionError):
        async with asyncio.timeout(_CONNECT_S):
            await client.close()


def is_unanswered(message: Msg) -> bool:
    """Whether the server says that nobody listens to a subject."""
    return not message.data and (message.headers or {}).get("Status") == "503"
