"""Eventing's controllers and which change concerns which of their keys."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

from faas.client.protocol import Client, Object
from faas.engine.contract.board import Board
from faas.engine.contract.clock import Clock
from faas.engine.contract.eventing import BrokerStatus, SeenType, TriggerStatus
from faas.engine.contract.settings import EngineSettings
from faas.engine.contract.sources import SourceKey, SourceStatus
from faas.engine.controllers.addressing import Resolver
from faas.engine.controllers.broker.reconcile import BrokerReconciler
from faas.engine.controllers.cache import Cache, Caches, Key, key_of
from faas.engine.controllers.events import Recorder
from faas.engine.controllers.eventtype.reconcile import EventTypeReconciler
from faas.engine.controllers.eventtype.seen import SeenTypes
from faas.engine.controllers.live_config import LiveConfig
from faas.engine.controllers.queue import WorkQueue
from faas.engine.controllers.reconciler import Controller
from faas.engine.controllers.referrers import Referrers
from faas.engine.controllers.sinkbinding.reconcile import SinkBindingReconciler
from faas.engine.controllers.source.doors import Doors
from faas.engine.controllers.source.kinds import source_kinds
from faas.engine.controllers.source.reconcile import SourceReconciler
from faas.engine.controllers.trigger.reconcile import TriggerReconciler


class EventingControllers:
    """Brokers, Triggers and what feeds them; a part of `Controllers`, which runs them."""

    def __init__(
        self,
        client: Client,
        caches: Caches,
        board: Board,
        config: LiveConfig,
        settings: EngineSettings,
        recorder: Recorder,
        clock: Clock,
    ) -> None:
        self._caches, self._board = caches, board
        resolver = Resolver(caches)
        self._brokers = Controller(
            "broker", BrokerReconciler(client, caches, board, settings, resolver, recorder, clock), clock
        )
        self._triggers = Controller(
            "trigger", TriggerReconciler(client, caches, board, resolver, recorder, clock), clock
        )
        self._event_types = Controller("eventtype", EventTypeReconciler(client, caches, clock), clock)
        self._seen_types = SeenTypes(client, caches)
        self._makes_types = Controller("seen-types", self._seen_types, clock)
        self._bindings = Controller(
            "sinkbinding", SinkBindingReconciler(client, caches, resolver, recorder, clock), clock
        )
        doors = Doors(board)
        self._sources = tuple(
            (
                Controller(
                    kind.cache.kind.singular,
                    SourceReconciler(kind, client, board, config, settings, resolver, doors, recorder, clock),
                    clock,
                ),
                kind.cache,
            )
            for kind in source_kinds(caches, f"https://127.0.0.1:{settings.api_port}")
        )
        self._told: dict[object, object] = {}  # what the board said last of what conditions are made of

    @property
    def all(self) -> tuple[tuple[Controller, Cache[Any]], ...]:
        """Each with the kind whose keys it works on."""
        return (
            (self._brokers, self._caches.brokers),
            (self._triggers, self._caches.triggers),
            (self._event_types, self._caches.event_types),
            (self._bindings, self._caches.sink_bindings),
            *self._sources,
        )

    @property
    def controllers(self) -> tuple[Controller, ...]:
        return (*(controller for controller, _ in self.all), self._makes_types)

    def types_seen(self, types: tuple[SeenType, ...]) -> None:
        """What Brokers have seen; for those that ask for it an EventType is made of each."""
        self._seen_types.seen(types, self._makes_types.queue.add)

    async def settled(self) -> None:
        """Wait until the board says of every Broker and Trigger that was there at the start what it has to."""
        await self._brokers.settled()
        await self._triggers.settled()

    def connect(self, services: WorkQueue[Key], exit: ExitStack) -> None:
        """Let changes of objects and of the board put keys into queues, until `exit` closes.

        Args: services: the queue of the controller that does what SinkBindings say.
        """
        caches, board, referrers = self._caches, self._board, Referrers()
        for controller, cache in self.all:
            cache.listeners.append(_own_key(controller))
            referrers.follow(cache, controller.queue)
        for cache in caches:
            referrers.tell(cache)
        for objects in (caches.brokers, caches.triggers):
            exit.callback(self._tell_who_exists(objects))
        caches.sink_bindings.listeners.append(lambda old, new: _add_all(services, caches.services, old, new))
        caches.services.listeners.append(self._service_changed)
        exit.callback(board.source_status.listen(self._source_told))
        exit.callback(board.broker_status.listen(self._broker_told))
        exit.callback(board.trigger_status.listen(self._trigger_told))

    def _tell_who_exists(self, cache: Cache[Any]) -> Callable[[], None]:
        """Have the board say it, whatever becomes of the objects; returns the function that ends it."""
        board, kind = self._board, cache.kind.kind

        def changed(key: Key, uid: str | None) -> None:
            if uid is None:
                board.eventing_uids.delete((kind, str(key)))
            else:
                board.eventing_uids.put((kind, str(key)), uid)

        for key, uid in cache.uids.items():
            changed(key, uid)
        return cache.uids.listen(changed)

    def _broker_told(self, key: str, status: BrokerStatus | None) -> None:
        if self._is_news(("broker", key), status and (status.ready, status.reason, status.message, status.held_by)):
            self._brokers.queue.add(_parsed(key))

    def _trigger_told(self, key: str, status: TriggerStatus | None) -> None:
        """Counts change each second; conditions say only whether the broker's process has the trigger."""
        if self._is_news(("trigger", key), status and (status.uid,)):
            self._triggers.queue.add(_parsed(key))

    def _source_told(self, key: SourceKey, status: SourceStatus | None) -> None:
        if self._is_news(key, status and (status.state, status.reason, status.message)):
            for controller, cache in self._sources:
                if str(cache.kind) == key.resource:
                    controller.queue.add(Key(key.namespace, key.name))

    def _is_news(self, about: object, facts: object | None) -> bool:
        """Whether the board says something else than before of what conditions are made of."""
        before = self._told.pop(about, None)
        if facts is not None:
            self._told[about] = facts
        return before != facts

    def _service_changed(self, old: Object | None, new: Object | None) -> None:
        """Bindings choose Services by name and labels."""
        if old is None or new is None or old["metadata"].get("labels") != new["metadata"].get("labels"):
            _add_all(self._bindings.queue, self._caches.sink_bindings, old, new)


def _add_all(queue: WorkQueue[Key], cache: Cache[Any], old: Object | None, new: Object | None) -> None:
    """Queue all of a kind in the namespace of what changed."""
    namespace = key_of(new or old or {}).namespace
    for key in cache:
        if key.namespace == namespace:
            queue.add(key)


def _parsed(text: str) -> Key:
    namespace, _, name = text.partition("/")
    return Key(namespace, name)


def _own_key(controller: Controller) -> Callable[[Object | None, Object | None], None]:
    def changed(old: Object | None, new: Object | None) -> None:
        controller.queue.add(key_of(new or old or {}))

    return changed
