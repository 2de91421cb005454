"""The shell of the Trigger controller: who gets what onto the board, conditions into the API."""

from __future__ import annotations

from faas.client.protocol import Object
from faas.engine.contract.eventing import TriggerConfig
from faas.engine.controllers.addressing import Unresolved, group_of
from faas.engine.controllers.broker.plan import is_ours
from faas.engine.controllers.cache import Key
from faas.engine.controllers.means import Means
from faas.engine.controllers.referrers import broker_name
from faas.engine.controllers.trigger.dependency import Find, check_dependency
from faas.engine.controllers.trigger.plan import Surroundings, make_trigger
from faas.engine.controllers.trigger.status import observed_status
from faas.engine.controllers.writes import report
from faas.resources.eventing import Broker, Trigger
from faas.resources.keys import DEAD_LETTER_STREAM, DEPENDENCY
from faas.resources.kinds import SERVICE


class TriggerReconciler:
    """Writes `board.triggers`."""

    def __init__(self, means: Means) -> None:
        self._means, self._caches, self._board = means, means.caches, means.board

    async def reconcile(self, key: Key) -> float | None:
        trigger = self._caches.triggers.staying(key)
        if trigger is None:
            self._board.triggers.delete(str(key))
            return None
        raw = self._caches.triggers.raw(key)
        around = self._surroundings(trigger, raw)
        config = make_trigger(raw, trigger, around)
        self._board.triggers.put(str(key), config)
        subscribed = False if config is None else self._is_subscribed(config) or None
        status = observed_status(trigger, broker_name(raw), around, subscribed=subscribed, now=self._means.clock.utc())
        await report(self._means, self._caches.triggers, raw, trigger.status, status)
        return None

    def _is_subscribed(self, config: TriggerConfig) -> bool:
        """Whether the broker's process has begun with it, rather than with one that had its name."""
        status = self._board.trigger_status.get(config.key)
        return status is not None and status.uid in ("", config.uid)

    def _surroundings(self, trigger: Trigger, raw: Object) -> Surroundings:
        namespace = trigger.metadata.namespace
        broker = self._caches.brokers.staying(Key(namespace, broker_name(raw)))
        if broker is not None and not is_ours(broker):
            broker = None
        wanted = trigger.metadata.annotations.get(DEPENDENCY, "")
        return Surroundings(
            broker=broker,
            subscriber=self._means.resolver.resolve(trigger.spec.subscriber, namespace),
            dead_letter=self._dead_letter(trigger, broker),
            dependency=check_dependency(wanted, self._finder(namespace)) if wanted else None,
            template=self._template(trigger),
        )

    def _dead_letter(self, trigger: Trigger, broker: Broker | None) -> str | Unresolved:
        """The Trigger's own, else its Broker's; a stream that the Trigger names goes before what its Broker says."""
        for owner in (trigger, None if trigger.metadata.annotations.get(DEAD_LETTER_STREAM) else broker):
            delivery = owner.spec.delivery if owner is not None else None
            if delivery is not None and delivery.dead_letter_sink is not None:
                return self._means.resolver.resolve(delivery.dead_letter_sink, trigger.metadata.namespace)
        return ""

    def _template(self, trigger: Trigger) -> dict[str, str]:
        """Annotations of the template of the Service that subscribes."""
        ref = trigger.spec.subscriber.ref
        if ref is None or (group_of(ref.api_version), ref.kind) != (SERVICE.group, SERVICE.kind):
            return {}
        service = self._caches.services.get(Key(ref.namespace or trigger.metadata.namespace, ref.name))
        return service.spec.template.metadata.annotations if service is not None else {}

    def _finder(self, namespace: str) -> Find:
        def find(group: str, kind: str, name: str) -> Object | None:
            cache = self._caches.of_kind(group, kind)
            key = Key(namespace, name)
            return cache.raw(key) if cache is not None and cache.get(key) is not None else None

        return find
