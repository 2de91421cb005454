"""The shell of the Broker controller: settings and the way to the ingress onto the board, conditions into the API.

There is no finalizer: a Broker that is not on the board any more loses its streams, also when it went while nobody ran.
"""

from __future__ import annotations

from faas.client.protocol import Client, Object
from faas.engine.contract.board import Board
from faas.engine.contract.clock import Clock
from faas.engine.contract.revision import Endpoint
from faas.engine.contract.settings import EngineSettings
from faas.engine.controllers.addressing import Resolver, Unresolved
from faas.engine.controllers.broker.plan import (
    INGRESS,
    OUR_CLASSES,
    InvalidSetting,
    broker_url,
    ingress_hosts,
    ingress_policy,
    ingress_target,
    is_ours,
    make_broker,
)
from faas.engine.controllers.broker.status import foreign_status, observed_status
from faas.engine.controllers.cache import Caches, Key
from faas.engine.controllers.events import Recorder, tell_ready
from faas.engine.controllers.writes import write_status
from faas.resources.eventing import Broker, BrokerStatus
from faas.resources.keys import BROKER_CLASS


class BrokerReconciler:
    """Writes `board.brokers`, and what the gateway has to know of the ingress."""

    def __init__(
        self,
        client: Client,
        caches: Caches,
        board: Board,
        settings: EngineSettings,
        resolver: Resolver,
        recorder: Recorder,
        clock: Clock,
    ) -> None:
        self._client, self._caches, self._board, self._settings = client, caches, board, settings
        self._resolver, self._recorder, self._clock = resolver, recorder, clock

    async def reconcile(self, key: Key) -> float | None:
        broker = self._caches.brokers.get(key)
        if broker is None or broker.metadata.deletion_timestamp or not is_ours(broker):
            self._board.brokers.delete(str(key))
            self._lead_to_ingress()
            if broker is None or broker.metadata.deletion_timestamp:
                return None
            class_name = broker.metadata.annotations[BROKER_CLASS]
            await self._write(key, broker, foreign_status(broker, class_name, OUR_CLASSES, self._clock.utc()))
            return None
        invalid = self._publish(broker)
        process, url = self._board.broker_status.get(str(key)), broker_url(broker)
        dead_letter_uri = self._dead_letter_uri(broker)
        now = self._clock.utc()
        status = observed_status(broker, process, url, dead_letter_uri, invalid=invalid, now=now)
        await self._write(key, broker, status)
        return None

    def _publish(self, broker: Broker) -> str:
        """Returns: why an annotation was not taken over."""
        key = f"{broker.metadata.namespace}/{broker.metadata.name}"
        try:
            self._board.brokers.put(key, make_broker(broker))
            invalid = ""
        except InvalidSetting as error:
            invalid = str(error)
        self._lead_to_ingress()
        return invalid

    def _lead_to_ingress(self) -> None:
        """While there is a Broker, its host leads to the ingress."""
        board, name = self._board, str(INGRESS)
        if len(board.brokers):
            board.endpoints.put(INGRESS, (Endpoint("broker", f"unix:{self._settings.broker_socket}"),))
            board.policies.put(INGRESS, ingress_policy())
            board.targets.put(name, ingress_target())
            for host in ingress_hosts():
                board.hosts.put(host, name)
        else:
            for host in ingress_hosts():
                board.hosts.delete(host)
            board.targets.delete(name)
            board.policies.delete(INGRESS)
            board.endpoints.delete(INGRESS)

    def _dead_letter_uri(self, broker: Broker) -> str | Unresolved:
        delivery = broker.spec.delivery
        if delivery is None or delivery.dead_letter_sink is None:
            return ""
        return self._resolver.resolve(delivery.dead_letter_sink, broker.metadata.namespace)

    async def _write(self, key: Key, broker: Broker, status: BrokerStatus) -> None:
        raw: Object = self._caches.brokers.raw(key)
        if await write_status(self._client, self._caches.brokers, raw, status):
            tell_ready(self._recorder, raw, broker.status.conditions, status.conditions)
