"""All controllers as one component."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, ExitStack
from types import TracebackType
from typing import Self

from faas.client.protocol import Client
from faas.engine.contract.board import Board
from faas.engine.contract.clock import Clock, Timer
from faas.engine.contract.eventing import SeenType
from faas.engine.contract.settings import EngineSettings
from faas.engine.controllers.addressing import Resolver
from faas.engine.controllers.caches import Caches
from faas.engine.controllers.eventing import EventingControllers
from faas.engine.controllers.events import EventRecorder
from faas.engine.controllers.live_config import LiveConfig
from faas.engine.controllers.means import Means
from faas.engine.controllers.serving import ServingControllers

_RESYNC_S = 600.0  # nothing depends on it; it heals what a defect of ours may have missed


class Controllers:
    """Entered, it has read everything once and follows every change; left, it has stopped.

    Writes `board.plans`, `board.policies`, `board.targets`, `board.hosts`, `board.domains`, `board.brokers`,
    `board.triggers` and `board.sources`, and the status of the objects they come from. Nothing is kept beside the API's
    objects: another instance over the same store goes on.
    """

    def __init__(self, client: Client, board: Board, settings: EngineSettings, clock: Clock) -> None:
        self.config = LiveConfig(client)
        self._caches = caches = Caches.of(client)
        self._clock, self._recorder = clock, EventRecorder(client, clock)
        means = Means(client, caches, board, self.config, settings, Resolver(caches), self._recorder, clock)
        self._serving = ServingControllers(means)
        self._eventing = EventingControllers(means, self._serving.services.queue)
        self._all = (*self._serving.all, *self._eventing.all)
        self._tasks: list[asyncio.Task[None]] = []
        self._exit = AsyncExitStack()
        self._resync_timer: Timer | None = None

    async def __aenter__(self) -> Self:
        try:
            await self._start()
        except BaseException:
            await self._stop()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stop()

    async def settled(self) -> None:
        """Wait until the board says of every object that was there at the start what it has to."""
        await self._serving.settled()
        await self._eventing.settled()

    def types_seen(self, types: tuple[SeenType, ...]) -> None:
        """To be called with what the broker's process has seen."""
        self._eventing.types_seen(types)

    async def _start(self) -> None:
        group = await self._exit.enter_async_context(asyncio.TaskGroup())
        followers = [self.config.run(), *(cache.run() for cache in self._caches), self._recorder.run()]
        self._tasks += [group.create_task(follower) for follower in followers]
        await self.config.synced.wait()
        for cache in self._caches:
            await cache.synced.wait()
        for part in (self._serving, self._eventing):
            part.connect(self._exit.enter_context(ExitStack()))
        self.config.listeners.append(self._enqueue_all)
        self._resync_timer = self._clock.call_later(_RESYNC_S, self._resync)
        for controller in self._all:
            controller.follow()
            self._tasks += controller.start(group)

    async def _stop(self) -> None:
        if self._resync_timer is not None:
            self._resync_timer.cancel()
        for controller in self._all:
            controller.queue.close()
        for task in self._tasks:
            task.cancel()
        await self._exit.aclose()

    def _resync(self) -> None:
        self._enqueue_all()
        self._resync_timer = self._clock.call_later(_RESYNC_S, self._resync)

    def _enqueue_all(self) -> None:
        for controller in self._all:
            controller.enqueue_all()
