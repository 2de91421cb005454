"""Connections to one place: the last one used is used first; idle ones go before the other side would close them."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Coroutine
from functools import partial
from time import monotonic
from typing import Any

from faas.engine.broker.delivery.answers import Answer
from faas.engine.broker.delivery.attempts import NO_ANSWER
from faas.engine.broker.delivery.connection import Connection

CONNECT_TIMEOUT_S = 10.0
_MOST_IDLE = 256
_UNUSED_S = 60.0  # after which a place outside is forgotten
Spawn = Callable[[Coroutine[Any, Any, None]], object]


class Place:
    """How to connect: the gateway's socket, or a host of the outside world."""

    __slots__ = ("host", "path", "port", "reuse_s", "tls")

    def __init__(self, *, path: str = "", host: str = "", port: int = 0, tls: ssl.SSLContext | None = None) -> None:
        self.path, self.host, self.port, self.tls = path, host, port, tls
        # Below what the other side keeps them: the gateway 75 s, servers in common use 2 s (gunicorn) to 75 s.
        self.reuse_s = 30.0 if path else 1.5

    async def connect(self, factory: Callable[[], Connection]) -> Connection:
        """Raises: OSError (TimeoutError is one, ssl.SSLError too)."""
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(CONNECT_TIMEOUT_S):
            if self.path:
                _, connection = await loop.create_unix_connection(factory, self.path)
            else:
                _, connection = await loop.create_connection(factory, self.host, self.port, ssl=self.tls)
        return connection

    def __str__(self) -> str:
        return "the gateway" if self.path else f"{self.host}:{self.port}"


class Pool:
    def __init__(self, place: Place, spawn: Spawn) -> None:
        self.place = place
        self._spawn = spawn
        self._idle: list[Connection] = []
        self._used_s = monotonic()
        self._closed = False

    def hand_over(self, request: Request) -> None:
        idle = self._idle
        self._used_s = monotonic()
        oldest = self._used_s - self.place.reuse_s
        while idle:
            connection = idle.pop()
            if connection.idle_since >= oldest and not connection.is_closing:
                request.connection = connection
                request.reused = True
                connection.begin(request)
                return
            connection.close()
        self.connect_for(request)

    def connect_for(self, request: Request) -> None:
        self._spawn(self._connect(request))

    def put(self, connection: Connection) -> None:
        if self._closed or len(self._idle) >= _MOST_IDLE:
            connection.close()
            return
        connection.idle_since = monotonic()
        self._idle.append(connection)

    def forget(self, connection: Connection) -> None:
        if connection in self._idle:
            self._idle.remove(connection)

    def sweep(self) -> bool:
        """Close what has been idle for too long; whether anybody has used this lately."""
        now = monotonic()
        while self._idle and self._idle[0].idle_since < now - self.place.reuse_s:
            self._idle.pop(0).close()
        return now - self._used_s < _UNUSED_S

    def close(self) -> None:
        self._closed = True
        while self._idle:
            self._idle.pop().close()

    async def _connect(self, request: Request) -> None:
        if request.over:
            return
        try:
            connection = await self.place.connect(partial(Connection, self))
        except OSError as error:
            why = str(error) or f"no connection within {CONNECT_TIMEOUT_S:g} s"
            request.unreachable(f"cannot connect to {self.place}: {why}")
            return
        if request.over:
            self.put(connection)
            return
        request.connection = connection
        request.reused = False
        connection.begin(request)


class Request:
    """One attempt on its way. `done` is called once, and never from within `Client.send`."""

    __slots__ = ("_again", "_done", "_pool", "_timer", "body", "connection", "head", "over", "reused")

    def __init__(self, pool: Pool, head: bytes, body: bytes, done: Callable[[Answer], None]) -> None:
        self.head = head
        self.body = body
        self.connection: Connection | None = None
        self.reused = False  # the connection it is on had served another request before
        self.over = False
        self._pool = pool
        self._done = done
        self._again = False
        self._timer: asyncio.TimerHandle | None = None

    def limit(self, timeout_s: float) -> None:
        self._timer = asyncio.get_running_loop().call_later(timeout_s, self._timed_out, timeout_s)

    def cancel(self) -> None:
        """Forget it: `done` is not called."""
        if not self.over:
            self._end()
            if self.connection is not None:
                self.connection.abort()

    def answered(self, answer: Answer) -> None:
        self._end()
        self._done(answer)

    def unreachable(self, why: str) -> None:
        if not self.over:
            self.answered(Answer(NO_ANSWER, {}, b"", why, unsent=bool(self._pool.place.path)))

    def lost(self, why: str, *, begun: bool) -> None:
        """The connection is gone. Without a byte of an answer it is worth a fresh one, once and at once.

        The other side most often closed a connection that was idle, or the gateway was started anew. The subscriber
        may get the event twice, which at-least-once delivery allows anyway.
        """
        if begun or self._again or not (self.reused or self._pool.place.path):
            self.answered(Answer(NO_ANSWER, {}, b"", why))
            return
        self._again = True
        self.connection = None
        self._pool.connect_for(self)

    def _timed_out(self, timeout_s: float) -> None:
        self.cancel()
        self._done(Answer(504, {}, b"", f"no answer within {timeout_s:g} s"))

    def _end(self) -> None:
        self.over = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
