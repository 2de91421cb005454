"""Mounted ASGI applications: their own lifespan inside ours."""

from __future__ import annotations

import asyncio
from typing import Any

from faas_runtime.errors import LoadError


class MountedLifespan:
    """Runs one application's lifespan as a task from `start` to `stop`; applications without one are left alone."""

    def __init__(self, app: Any, state: dict[str, Any]) -> None:
        self._app = app
        self._state = state
        self._inbox: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._started: asyncio.Future[str] | None = None
        self._stopped: asyncio.Future[str] | None = None
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Raises: LoadError: the application said that it cannot start."""
        loop = asyncio.get_running_loop()
        self._started, self._stopped = loop.create_future(), loop.create_future()
        self._task = loop.create_task(self._run())
        self._inbox.put_nowait({"type": "lifespan.startup"})
        if failure := await self._started:
            raise LoadError(f"the mounted application failed to start: {failure}")

    async def stop(self) -> None:
        if self._task is None or self._task.done() or self._stopped is None:
            return
        self._inbox.put_nowait({"type": "lifespan.shutdown"})
        await self._stopped
        await self._task

    async def _run(self) -> None:
        assert self._started is not None
        assert self._stopped is not None
        scope = {"type": "lifespan", "asgi": {"version": "3.0", "spec_version": "2.0"}, "state": self._state}
        try:
            await self._app(scope, self._inbox.get, self._send)
        except Exception:  # noqa: BLE001  # the specification: an application may raise when it has no lifespan
            if not self._started.done():
                self._started.set_result("")
        finally:
            for future in (self._started, self._stopped):
                if not future.done():
                    future.set_result("")

    async def _send(self, message: dict[str, Any]) -> None:
        assert self._started is not None
        assert self._stopped is not None
        match message["type"]:
            case "lifespan.startup.complete":
                self._started.set_result("")
            case "lifespan.startup.failed":
                self._started.set_result(message.get("message") or "it gave no reason")
            case "lifespan.shutdown.complete" | "lifespan.shutdown.failed":
                self._stopped.set_result(message.get("message", ""))
