"""The shell of the Broker controller: settings and the way to the ingress onto the board, conditions into the API.

There is no finalizer: a Broker that is not on the board any more loses its streams, also when it went while nobody ran.
"""

from __future__ import annotations

from faas.engine.contract.revision import Endpoint
from faas.engine.controllers.addressing import Unresolved
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
from faas.engine.controllers.cache import Key
from faas.engine.controllers.means import Means
from faas.engine.controllers.writes import report
from faas.resources.eventing import Broker, BrokerStatus
from faas.resources.keys import BROKER_CLASS


class BrokerReconciler:
    """Writes `board.brokers`, and what the gateway has to know of the ingress."""

    def __init__(self, means: Means) -> None:
        self._means, self._caches, self._board = means, means.caches, means.board

    async def reconcile(self, key: Key) -> float | None:
        broker, now = self._caches.brokers.staying(key), self._means.clock.utc()
        if broker is None or not is_ours(broker):
            self._board.brokers.delete(str(key))
            self._lead_to_ingress()
            if broker is not None:
                class_name = broker.metadata.annotations[BROKER_CLASS]
                await self._report(key, broker, foreign_status(broker, class_name, OUR_CLASSES, now))
            return None
        invalid = self._publish(broker)
        process, url = self._board.broker_status.get(str(key)), broker_url(broker)
        dead_letter_uri = self._dead_letter_uri(broker)
        status = observed_status(broker, process, url, dead_letter_uri, invalid=invalid, now=now)
        await self._report(key, broker, status)
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
            board.endpoints.put(INGRESS, (Endpoint("broker", f"unix:{self._means.settings.broker_socket}"),))
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
        return self._means.resolver.resolve(delivery.dead_letter_sink, broker.metadata.namespace)

    async def _report(self, key: Key, broker: Broker, status: BrokerStatus) -> None:
        brokers = self._caches.brokers
        await report(self._means, brokers, brokers.raw(key), broker.status, status)
