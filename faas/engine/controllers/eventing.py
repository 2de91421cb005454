"""Eventing's controllers and which change concerns which of their keys."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

from faas.client.protocol import Client, Object
from faas.engine.contract.board import Board
from faas.engine.contract.clock import Clock
from faas.engine.contract.eventing import BrokerStatus, TriggerStatus
from faas.engine.contract.settings import EngineSettings
from faas.engine.controllers.addressing import Resolver
from faas.engine.controllers.broker.reconcile import BrokerReconciler
from faas.engine.controllers.cache import Cache, Caches, Key, key_of
from faas.engine.controllers.events import Recorder
from faas.engine.controllers.reconciler import Controller
from faas.engine.controllers.referrers import Referrers
from faas.engine.controllers.trigger.reconcile import TriggerReconciler


class EventingControllers:
    """Brokers, Triggers and what feeds them; a part of `Controllers`, which runs them."""

    def __init__(
        self, client: Client, caches: Caches, board: Board, settings: EngineSettings, recorder: Recorder, clock: Clock
    ) -> None:
        self._caches, self._board = caches, board
        resolver = Resolver(caches)
        self._brokers = Controller(
            "broker", BrokerReconciler(client, caches, board, settings, resolver, recorder, clock), clock
        )
        self._triggers = Controller(
            "trigger", TriggerReconciler(client, caches, board, resolver, recorder, clock), clock
        )
        self._told: dict[object, object] = {}  # what the board said last of what conditions are made of

    @property
    def all(self) -> tuple[tuple[Controller, Cache[Any]], ...]:
        """Each with the kind whose keys it works on."""
        return (
            (self._brokers, self._caches.brokers),
            (self._triggers, self._caches.triggers),
        )

    async def settled(self) -> None:
        """Wait until the board says of every Broker and Trigger that was there at the start what it has to."""
        await self._brokers.settled()
        await self._triggers.settled()

    def connect(self, exit: ExitStack) -> None:
        """Let changes of objects and of the board put keys into queues, until `exit` closes."""
        caches, board, referrers = self._caches, self._board, Referrers()
        for controller, cache in self.all:
            cache.listeners.append(_own_key(controller))
            referrers.follow(cache, controller.queue)
        for cache in caches:
            referrers.tell(cache)
        exit.callback(board.broker_status.listen(self._broker_told))
        exit.callback(board.trigger_status.listen(self._trigger_told))

    def _broker_told(self, key: str, status: BrokerStatus | None) -> None:
        facts = status and (status.ready, status.reason, status.message, status.held_by)
        if self._told.get(("broker", key)) != facts:
            self._told["broker", key] = facts
            self._brokers.queue.add(_parsed(key))

    def _trigger_told(self, key: str, status: TriggerStatus | None) -> None:
        """Counts change each second; conditions say only whether the broker's process has the trigger."""
        if self._told.get(("trigger", key)) != (status is not None):
            self._told["trigger", key] = status is not None
            self._triggers.queue.add(_parsed(key))


def _parsed(text: str) -> Key:
    namespace, _, name = text.partition("/")
    return Key(namespace, name)


def _own_key(controller: Controller) -> Callable[[Object | None, Object | None], None]:
    def changed(old: Object | None, new: Object | None) -> None:
        controller.queue.add(key_of(new or old or {}))

    return changed
