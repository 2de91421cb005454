"""All controllers as one component."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, ExitStack
from types import TracebackType
from typing import Any, Self

from faas.client.protocol import Client
from faas.engine.contract.board import Board
from faas.engine.contract.clock import Clock, Timer
from faas.engine.contract.eventing import SeenType
from faas.engine.contract.revision import RevisionKey
from faas.engine.contract.settings import EngineSettings
from faas.engine.controllers.cache import Cache, Caches, Key
from faas.engine.controllers.configuration.reconcile import ConfigurationReconciler
from faas.engine.controllers.domainmapping import wiring as domains
from faas.engine.controllers.domainmapping.reconcile import DomainMappingReconciler
from faas.engine.controllers.eventing import EventingControllers
from faas.engine.controllers.events import EventRecorder
from faas.engine.controllers.gc.reconcile import GarbageCollector
from faas.engine.controllers.labeler.reconcile import LabelReconciler
from faas.engine.controllers.live_config import LiveConfig
from faas.engine.controllers.reconciler import Controller
from faas.engine.controllers.revision.reconcile import RevisionReconciler
from faas.engine.controllers.route.reconcile import RouteReconciler
from faas.engine.controllers.service.reconcile import ServiceReconciler
from faas.engine.controllers.wiring import connect

_RESYNC_S = 600.0  # nothing depends on it; it heals what a defect of ours may have missed


class Controllers:
    """Entered, it has read everything once and follows every change; left, it has stopped.

    Writes `board.plans`, `board.policies`, `board.targets`, `board.hosts`, `board.domains`, `board.brokers`,
    `board.triggers` and `board.sources`, and the status of the objects they come from. Nothing is kept beside the API's
    objects: another instance over the same store goes on.
    """

    def __init__(self, client: Client, board: Board, settings: EngineSettings, clock: Clock) -> None:
        self.config = LiveConfig(client)
        self._board, self._clock = board, clock
        self._caches = caches = Caches.of(client)
        self._recorder = recorder = EventRecorder(client, clock)
        self._revision = RevisionReconciler(client, caches, board, self.config, recorder, clock)
        self._services = Controller("service", ServiceReconciler(client, caches, recorder, clock), clock)
        self._configurations = Controller(
            "configuration", ConfigurationReconciler(client, caches, recorder, clock), clock
        )
        self._revisions = Controller("revision", self._revision, clock)
        self._routes = Controller("route", RouteReconciler(client, caches, board, self.config, settings, clock), clock)
        self._domains = Controller(
            "domainmapping",
            DomainMappingReconciler(client, caches, board, self.config, settings, recorder, clock),
            clock,
        )
        self._labels = Controller("labeler", LabelReconciler(client, caches, clock), clock)
        self._garbage = Controller("gc", GarbageCollector(client, caches, self.config, recorder, clock), clock)
        self._eventing = EventingControllers(client, caches, board, self.config, settings, recorder, clock)
        self._all = (
            self._services,
            self._configurations,
            self._revisions,
            self._routes,
            self._domains,
            self._labels,
            self._garbage,
            *self._eventing.controllers,
        )
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
        await self._revisions.settled()
        await self._routes.settled()
        await self._domains.settled()
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
        connect(
            self._caches,
            services=self._services.queue,
            configurations=self._configurations.queue,
            revisions=self._revisions.queue,
            routes=self._routes.queue,
            labels=self._labels.queue,
            garbage=self._garbage.queue,
        )
        domains.connect(self._caches, self._board, self._domains.queue, self._exit.enter_context(ExitStack()))
        self._eventing.connect(self._services.queue, self._exit.enter_context(ExitStack()))
        self._exit.callback(self._board.decisions.listen(lambda key, _: self._board_changed(key)))
        self._exit.callback(self._board.fleets.listen(lambda key, _: self._board_changed(key)))
        self.config.listeners.append(self._enqueue_all)
        for controller, cache_keys in self._everything():
            controller.expect(cache_keys)
        self._resync_timer = self._clock.call_later(_RESYNC_S, self._resync)
        for controller in self._all:
            self._tasks += controller.start(group)

    async def _stop(self) -> None:
        if self._resync_timer is not None:
            self._resync_timer.cancel()
        for controller in self._all:
            controller.queue.close()
        for task in self._tasks:
            task.cancel()
        await self._exit.aclose()

    def _board_changed(self, key: RevisionKey) -> None:
        """Something about a Revision's instances changed: tell the API, in a moment or at once."""
        name = Key(key.namespace, key.name)
        if self._caches.revisions.get(name) is None:
            return
        urgency_s = self._revision.urgency_s(name)
        if urgency_s:
            self._revisions.queue.add_after(name, urgency_s)
        else:
            self._revisions.queue.add(name)

    def _resync(self) -> None:
        self._enqueue_all()
        self._resync_timer = self._clock.call_later(_RESYNC_S, self._resync)

    def _enqueue_all(self) -> None:
        for controller, cache_keys in self._everything():
            for key in cache_keys:
                controller.queue.add(key)

    def _everything(self) -> tuple[tuple[Controller, Cache[Any]], ...]:
        caches = self._caches
        return (
            (self._services, caches.services),
            (self._configurations, caches.configurations),
            (self._revisions, caches.revisions),
            (self._routes, caches.routes),
            (self._domains, caches.domain_mappings),
            (self._labels, caches.routes),
            (self._garbage, caches.configurations),
            *self._eventing.all,
        )
