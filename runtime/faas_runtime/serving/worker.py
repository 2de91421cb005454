"""gunicorn's ASGI worker, made to start and stop without waiting for a tick of a clock."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable
from typing import Any

from gunicorn.asgi.lifespan import LifespanManager, LifespanStartupFailed
from gunicorn.workers.gasgi import ASGIWorker

from faas_runtime.serving import exits
from faas_runtime.serving.connection import Connection
from faas_runtime.serving.unready import ending_at_once

ENDING = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT)
LISTEN_BACKLOG = 2048  # as gunicorn; a burst from zero waits here while the instance starts


class FunctionWorker(ASGIWorker):  # type: ignore[misc]
    """Differs from its parent in five ways:

    - SIGTERM acts at once, where the parent looks once a second and then polls every 100 ms.
    - Before it accepts requests, SIGTERM ends it there and then.
    - Idle keep-alive connections are closed at shutdown instead of being waited for.
    - It outlives its parent process unless gunicorn's arbiter is that parent (`supervised`): an instance must survive
      the zygote it was forked from.
    - It says when it accepts requests (`on_ready`).
    """

    head_timeout_s = 30.0
    supervised = True
    on_ready: Callable[[], None] | None = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.connections: set[Connection] = set()
        self.exit_code = exits.DONE
        self._stop: asyncio.Event | None = None
        self._empty: asyncio.Event | None = None

    def forget(self, connection: Connection) -> None:
        self.connections.discard(connection)
        if self._empty is not None and not self.connections:
            self._empty.set()

    def init_process(self) -> None:
        # Until the loop runs it loses signals, and before that a fork still has the arbiter's handlers: a SIGTERM
        # during the import of the function would leave a worker that nobody stops before graceful_timeout.
        signal.signal(signal.SIGINT, lambda *_: self.handle_quit_signal())
        with ending_at_once():
            signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDING)  # held back by the arbiter around the fork
            super().init_process()

    def init_signals(self) -> None:
        """Left for `_serve`, on the running loop."""

    def handle_exit_signal(self) -> None:
        super().handle_exit_signal()
        self._wake()

    def handle_quit_signal(self) -> None:
        super().handle_quit_signal()
        self._wake()
        if self._empty is not None:
            self._empty.set()

    def _wake(self) -> None:
        if self._stop is not None:
            self._stop.set()

    def run(self) -> None:
        super().run()
        if self.exit_code and self.supervised:
            raise SystemExit(self.exit_code)

    async def _serve(self) -> None:
        self._stop = asyncio.Event()
        if self.alive:
            super().init_signals()
        if not self.alive:
            return
        with ending_at_once():
            started = await self._start_app()
        if not started:
            self.exit_code = exits.STARTUP_FAILED
            return
        for sock in self.sockets:
            raw = getattr(sock, "sock", sock)  # the arbiter's wrapper, or a plain socket
            self.servers.append(
                await self.loop.create_server(lambda: Connection(self), sock=raw, backlog=LISTEN_BACKLOG)
            )
        if self.on_ready is not None:
            self.on_ready()
        if self.supervised:
            await self._heartbeat(self._stop)
        else:
            await self._stop.wait()
        await self._shutdown()

    async def _start_app(self) -> bool:
        lifespan = LifespanManager(self.asgi, self.log, self.state)
        try:
            await lifespan.startup()
        except LifespanStartupFailed as error:
            self.log.error("the function's start-up failed: %s", error)
            return False
        except RuntimeError:
            return True  # the application does not know the lifespan protocol
        self.lifespan = lifespan
        return True

    async def _heartbeat(self, stop: asyncio.Event) -> None:
        """Tell the arbiter each second that this worker lives; end when the arbiter is gone."""
        while not stop.is_set() and self.ppid == os.getppid():
            self.notify()
            try:
                async with asyncio.timeout(1.0):
                    await stop.wait()
            except TimeoutError:
                continue
        self.alive = False

    async def _shutdown(self) -> None:
        """Stop accepting, close what is idle, wait for what runs, then run the application's own shutdown."""
        self.alive = False
        for server in self.servers:
            server.close()
        self._empty = asyncio.Event()
        await asyncio.sleep(0)  # a request that has arrived is read before its connection counts as idle
        await asyncio.sleep(0)
        for connection in list(self.connections):
            if connection.is_idle:
                connection.transport.close()
        if self.connections and not self._quick_shutdown:
            try:
                async with asyncio.timeout(self.cfg.graceful_timeout):
                    await self._empty.wait()
            except TimeoutError:
                self.log.warning("%d requests did not finish in %d s", len(self.connections), self.cfg.graceful_timeout)
        if self.lifespan is not None and not self._quick_shutdown:
            await self.lifespan.shutdown()
