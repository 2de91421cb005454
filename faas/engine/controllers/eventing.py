"""Eventing's controllers and which change concerns which of their keys, beside their own objects'."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

from faas.client.protocol import Object
from faas.engine.contract.eventing import BrokerStatus, SeenType, TriggerStatus
from faas.engine.contract.sources import SourceKey, SourceStatus
from faas.engine.controllers.broker.reconcile import BrokerReconciler
from faas.engine.controllers.cache import Cache, Key, key_of
from faas.engine.controllers.eventtype.reconcile import EventTypeReconciler
from faas.engine.controllers.eventtype.seen import SeenTypes
from faas.engine.controllers.means import Means
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

    def __init__(self, means: Means, services: WorkQueue[Key]) -> None:
        """Args: services: of the controller that does what SinkBindings say."""
        self._caches = caches = means.caches
        self._board, self._services, clock = means.board, services, means.clock
        self._brokers = Controller("broker", BrokerReconciler(means), clock, caches.brokers)
        self._triggers = Controller("trigger", TriggerReconciler(means), clock, caches.triggers)
        self._event_types = Controller("eventtype", EventTypeReconciler(means), clock, caches.event_types)
        self._bindings = Controller("sinkbinding", SinkBindingReconciler(means), clock, caches.sink_bindings)
        self._seen_types = SeenTypes(means)
        self._makes_types = Controller("seen-types", self._seen_types, clock)
        doors = Doors(means.board)
        self._sources = {
            str(kind.cache.kind): Controller(
                kind.cache.kind.singular, SourceReconciler(kind, means, doors), clock, kind.cache
            )
            for kind in source_kinds(caches, f"https://127.0.0.1:{means.settings.api_port}")
        }
        self._told: dict[object, object] = {}  # what the board said last of what conditions are made of

    @property
    def all(self) -> tuple[Controller, ...]:
        return (
            self._brokers,
            self._triggers,
            self._event_types,
            self._bindings,
            self._makes_types,
            *self._sources.values(),
        )

    def types_seen(self, types: tuple[SeenType, ...]) -> None:
        """What Brokers have seen; for those that ask for it an EventType is made of each."""
        self._seen_types.seen(types, self._makes_types.queue.add)

    async def settled(self) -> None:
        """Wait until the board says of every Broker and Trigger that was there at the start what it has to."""
        await self._brokers.settled()
        await self._triggers.settled()

    def connect(self, exit: ExitStack) -> None:
        """Let changes of objects and of the board put keys into queues, until `exit` closes."""
        caches, board, referrers = self._caches, self._board, Referrers()
        for controller in self.all:
            if controller.cache is not None:
                referrers.follow(controller.cache, controller.queue)
        for cache in caches:
            referrers.tell(cache)
        for objects in (caches.brokers, caches.triggers):
            exit.callback(self._tell_who_exists(objects))
        caches.sink_bindings.listeners.append(lambda old, new: _add_all(self._services, caches.services, old, new))
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
        is_news = self._is_news(key, status and (status.state, status.reason, status.message))
        if is_news and (controller := self._sources.get(key.resource)) is not None:
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
