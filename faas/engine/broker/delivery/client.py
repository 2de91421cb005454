"""Sends attempts and gives back their answers: callbacks rather than tasks, because this is done for every event."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from pathlib import Path

from faas.engine.broker.delivery.answers import Answer
from faas.engine.broker.delivery.pool import Place, Pool, Request, Spawn
from faas.engine.broker.delivery.subscriber import Subscriber

# Of an attempt outside this engine that says nothing itself; the gateway answers 504 by the function's own timeout.
EXTERNAL_TIMEOUT_S = 300.0


class Client:
    """Pools by place. Proxies of the environment are not used; certificates are checked against the system's."""

    def __init__(self, gateway: Path, spawn: Spawn) -> None:
        self._spawn = spawn
        self._gateway = Pool(Place(path=str(gateway)), spawn)
        self._outside: dict[tuple[str, bool], Pool] = {}
        self._tls: ssl.SSLContext | None = None

    def send(
        self,
        subscriber: Subscriber,
        fields: bytes,
        body: bytes,
        timeout_s: float | None,
        done: Callable[[Answer], None],
    ) -> Request:
        """Send one event; `done` gets the answer, or why there is none, and is not called from within."""
        if subscriber.is_local:
            pool = self._gateway
        else:
            pool = self._pool_of(subscriber)
            timeout_s = timeout_s or EXTERNAL_TIMEOUT_S
        request = Request(pool, subscriber.prefix + fields, body, done)
        if timeout_s:
            request.limit(timeout_s)
        pool.hand_over(request)
        return request

    def sweep(self) -> None:
        """Close idle connections; to be called every few seconds."""
        self._gateway.sweep()
        for key, pool in list(self._outside.items()):
            if not pool.sweep():
                # A request on its way keeps the pool, and its connection is closed rather than kept.
                self._outside.pop(key).close()

    def close(self) -> None:
        self._gateway.close()
        for pool in self._outside.values():
            pool.close()

    def _pool_of(self, subscriber: Subscriber) -> Pool:
        key = (subscriber.address, subscriber.tls)
        pool = self._outside.get(key)
        if pool is None:
            tls = self._context() if subscriber.tls else None
            pool = Pool(Place(host=subscriber.host, port=subscriber.port, tls=tls), self._spawn)
            self._outside[key] = pool
        return pool

    def _context(self) -> ssl.SSLContext:
        if self._tls is None:
            self._tls = ssl.create_default_context()
            self._tls.set_alpn_protocols(["http/1.1"])
        return self._tls
