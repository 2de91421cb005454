"""All Brokers of the table: opened when the server is there, found by their key, deleted some time after they went."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

from faas.engine.broker.jetstream import JetStreamLogs
from faas.engine.broker.keeping.store import PATIENCE_S, BrokerStore
from faas.engine.broker.keeping.table import Remembered
from faas.engine.broker.seams.dispatching import Dispatcher, OpenBroker
from faas.engine.broker.seams.log import LogError, LogUnavailable
from faas.engine.contract.eventing import BrokerConfig, EventingTable

_log = logging.getLogger("faas.broker")
_RETRY_S = 0.5
# What is deleted is gone for good, so a table must have been without it for a while.
GRACE_S = 10.0


class Brokers:
    """Owns the logs; `dispatcher` is told of those that are open."""

    def __init__(self, logs: JetStreamLogs, spawn: Callable[[Coroutine[Any, Any, None]], object]) -> None:
        self.dispatcher: Dispatcher  # set once, by who makes both: it publishes through this
        self.changed: Callable[[Remembered], None] = lambda remembered: None  # what to go on with after a restart
        self.noticed: Callable[[], None] = lambda: None  # a Broker is ready, or is not any more
        self._logs = logs
        self._spawn = spawn
        self._stores: dict[str, BrokerStore] = {}
        self._table = EventingTable(0)
        self._left_out: set[tuple[str, str]] = set()  # key and uid of those that exist and are not in the table
        self._doomed: dict[tuple[str, str], asyncio.Handle] = {}  # key and uid of deleted ones
        self._due = asyncio.Event()  # something is to be opened
        self._checked: set[str] = set()  # keys of those whose streams were seen on this connection
        logs.connection.lost.append(self._lost)
        logs.connection.gained.append(lambda client: self._gained())

    def __iter__(self) -> Iterator[BrokerStore]:
        return iter(list(self._stores.values()))

    @property
    def is_connected(self) -> bool:
        return self._logs.connection.is_connected

    def max_event_bytes(self, key: str) -> int | None:
        """None when there is no such Broker."""
        store = self._stores.get(key)
        return None if store is None else store.config.max_event_bytes

    async def publish(self, broker: str, attributes: dict[str, Any], data: bytes | None) -> int:
        """As `publishing.Publish` says."""
        store = self._stores[broker]
        if self.is_connected:
            try:
                return await store.publish(attributes, data)
            except LogUnavailable:
                if self.is_connected:
                    raise
        # The server went away before it answered, or is away: it may have the event, and gets it once more. That is
        # what the sender would do, but it need not notice.
        await self._when_connected()
        return await store.publish(attributes, data)

    def recall(self, remembered: Remembered) -> None:
        """Go on with what the last process knew."""
        for key, uid in remembered.deleted:
            self._doom(key, uid)
        self._left_out = set(remembered.left_out)
        self.apply(remembered.table)

    def apply(self, table: EventingTable) -> None:
        self._table = table
        wanted = {config.key: config for config in table.brokers}
        without = {*self._left_out, *self._doomed}
        for key, store in list(self._stores.items()):
            config = wanted.get(key)
            if config is None or config.uid != store.config.uid:
                del self._stores[key]
                self._checked.discard(key)
                self.dispatcher.closed(key)
                without.add((key, store.config.uid))
        for key, config in wanted.items():
            if key not in self._stores:
                self._stores[key] = self._make_store(config)
        self._sort_out(without - {(key, config.uid) for key, config in wanted.items()}, frozenset(table.existing))
        self._due.set()
        self.dispatcher.apply(table)
        self._remember()

    async def run(self) -> None:
        """Open what is to be opened, until cancelled."""
        while True:
            await self._due.wait()
            self._due.clear()
            await self._logs.connection.connected()
            for config in self._table.brokers:
                store = self._stores.get(config.key)
                if store is None or store.config.uid != config.uid:
                    continue  # the table has changed meanwhile, and this runs again
                # A server that starts anew may have lost its streams, with its disk for example.
                if config.key not in self._checked or store.parts is None or store.parts.config != config:
                    await self._open(store, config)

    def fail(self, why: str) -> None:
        """Nothing can be stored, or "": it can again."""
        if any(store.failure != why for store in self):
            for store in self:
                store.failure = why
            self.noticed()

    def close(self) -> None:
        for handle in self._doomed.values():
            handle.cancel()

    def _make_store(self, config: BrokerConfig) -> BrokerStore:
        key = config.key
        return BrokerStore(config, hold=lambda: self.dispatcher.hold(key), stored=lambda: self.dispatcher.wake(key))

    async def _open(self, store: BrokerStore, config: BrokerConfig) -> None:
        try:
            parts = OpenBroker(config, *await self._logs.open(config))
        except LogError as error:
            if str(error) != store.trouble:
                _log.warning("the Broker %s cannot be opened, trying on: %s", config.key, error)
            store.trouble = str(error)
            self.noticed()
            asyncio.get_running_loop().call_later(_RETRY_S, self._due.set)
            return
        if self._stores.get(config.key) is not store:
            return  # deleted meanwhile
        self._checked.add(config.key)
        if store.parts != parts:
            store.opened(parts)
            self.dispatcher.opened(parts)
        self.noticed()

    def _gained(self) -> None:
        self._due.set()
        self.fail("")

    def _lost(self) -> None:
        self._checked.clear()
        self.noticed()

    async def _when_connected(self) -> None:
        try:
            async with asyncio.timeout(PATIENCE_S):
                await self._logs.connection.connected()
        except TimeoutError:
            raise LogUnavailable("the NATS server is not connected") from None

    # Deleting

    def _sort_out(self, without: set[tuple[str, str]], existing: frozenset[str]) -> None:
        """Of Brokers that are not in the table those that do not exist are deleted."""
        self._left_out = {each for each in without if each[1] in existing}
        gone = without - self._left_out
        for each in self._doomed.keys() - gone:
            self._doomed.pop(each).cancel()
        for key, uid in gone:
            self._doom(key, uid)

    def _doom(self, key: str, uid: str) -> None:
        loop = asyncio.get_running_loop()
        if (key, uid) not in self._doomed:
            self._doomed[key, uid] = loop.call_later(GRACE_S, lambda: self._spawn(self._delete(key, uid)))

    async def _delete(self, key: str, uid: str) -> None:
        while (key, uid) in self._doomed:
            try:
                await self._logs.connection.connected()
                await self._logs.delete(key, uid)
            except LogError as error:
                _log.warning("the streams of the deleted Broker %s are still there, trying on: %s", key, error)
                await asyncio.sleep(_RETRY_S)
                continue
            self._doomed.pop((key, uid), None)
            self._remember()

    def _remember(self) -> None:
        self.changed(Remembered(self._table, tuple(self._doomed), tuple(sorted(self._left_out))))
