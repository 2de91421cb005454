"""One trigger at work: its deliveries, what becomes of those that failed for good, and its cursor."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass

import msgspec
from faas_runtime.events.matching import Matcher, compile_filters

from faas.engine.broker.delivery.answers import Answer, failure_of
from faas.engine.broker.delivery.attempts import Failure
from faas.engine.broker.delivery.dead import DATA, dead_attributes
from faas.engine.broker.delivery.message import encode_fields
from faas.engine.broker.delivery.subscriber import Subscriber, make_subscriber
from faas.engine.broker.dispatch.deliveries import Deliveries, Services
from faas.engine.broker.dispatch.items import Item
from faas.engine.broker.dispatch.outlet import Outlet, outage_wait_s
from faas.engine.broker.dispatch.slots import UNBOUND, Slots
from faas.engine.broker.dispatch.window import Bounds, Window
from faas.engine.broker.seams.log import DeadLetters, EventTooLarge, LogError
from faas.engine.contract.eventing import TriggerConfig, TriggerStatus

_log = logging.getLogger("faas.broker")
_encode_cursor = msgspec.msgpack.Encoder().encode


@dataclass(frozen=True, slots=True)
class Plan:
    """A TriggerConfig, made ready to work with."""

    config: TriggerConfig
    matcher: Matcher
    subscriber: Subscriber
    dead_letters: Subscriber | None


def make_plan(config: TriggerConfig, domain: str) -> Plan:
    """Raises: BadAddress, faas_runtime.events.conditions.FilterError."""
    delivery = config.delivery
    return Plan(
        config,
        compile_filters(config.filters),
        make_subscriber(config.subscriber_uri, domain=domain, timeout_s=delivery.timeout_s),
        make_subscriber(delivery.dead_letter_uri, domain=domain, timeout_s=delivery.timeout_s)
        if delivery.dead_letter_uri else None,
    )  # fmt: skip


class TriggerRun:
    """`attached`: it gets events from the log's head; else it reads its own range (see `reader`)."""

    def __init__(
        self, plan: Plan, slots: Slots, services: Services, dead_letters: DeadLetters, window: Window[Item],
        bounds: Bounds, *, progressed: Callable[[TriggerRun], None], waits: Callable[[TriggerRun], None],
    ) -> None:  # fmt: skip
        self.plan = plan
        self.window = window
        self.attached = False
        self.saved = 0  # the position that the stored cursor has; 0: none is stored
        self._services = services
        self._dead_letters = dead_letters
        self._progressed = progressed
        self._stopped = False
        self._burying = 0  # events that are being stored as dead letters
        self.deliveries = Deliveries(
            plan.config,
            plan.subscriber,
            slots,
            services,
            window,
            bounds,
            finished=self._finished,
            give_up=self._give_up,
            waits=lambda: waits(self),
        )
        self.counts = self.deliveries.counts
        self._dead_outlet = Outlet(
            services.client, services.clock, plan.dead_letters or plan.subscriber, Slots(UNBOUND), plan.config.delivery,
            self.counts, self._dead_letter_answered,
        )  # fmt: skip

    def adopt(self, plan: Plan, slots: Slots, bounds: Bounds) -> None:
        """Go on with another configuration."""
        self.plan = plan
        outlet = self._dead_outlet
        outlet.delivery = plan.config.delivery
        if plan.dead_letters is not None:
            outlet.subscriber = plan.dead_letters
        else:
            while outlet.ready:
                self._bury(outlet.ready.popleft())
        self.deliveries.adopt(plan.config, plan.subscriber, slots, bounds)

    def pause(self, paused: bool) -> None:
        self._dead_outlet.paused = paused
        self._dead_outlet.kick()
        self.deliveries.pause(paused)

    def stop(self) -> None:
        """Forget everything; the cursor stays as it is."""
        self._stopped = True
        self._dead_outlet.stop()
        self.deliveries.stop()

    @property
    def paused(self) -> bool:
        return self.deliveries.outlet.paused

    @property
    def is_quiet(self) -> bool:
        """Whether nothing is on its way whose end a restart would not know."""
        return not (self.deliveries.in_flight or self._dead_outlet.in_flight or self._burying)

    def cursor(self, head: int) -> bytes:
        return _encode_cursor(self.window.cursor(self.plan.config.key, head if self.attached else 0))

    def read(self, head: int) -> int:
        """Everything below this position was looked at for this trigger."""
        return max(self.window.frontier, head) if self.attached else self.window.frontier

    def status(self, end: int, head: int) -> TriggerStatus:
        """`end`: the position after the log's last event."""
        deliveries, dead, counts = self.deliveries, self._dead_outlet, self.counts
        return TriggerStatus(
            trigger=self.plan.config.key,
            backlog=self.window.backlog,
            waiting=len(deliveries.outlet.ready),
            in_flight=deliveries.in_flight,
            retrying=len(deliveries.outlet.retrying) + len(dead.ready) + len(dead.retrying) + dead.in_flight,
            delivered=counts.delivered,
            failed=counts.failed,
            dead=counts.dead,
            behind=max(0, end - self.read(head)),
            last_error=counts.last_error,
            uid=self.plan.config.uid,
        )

    def _finished(self, item: Item) -> None:
        self._progressed(self)

    # Events that nobody could deliver

    def _give_up(self, item: Item, failure: Failure) -> None:
        plan = self.plan
        attributes = dead_attributes(item.event.attributes, plan.subscriber.uri, failure)
        item.dead = attributes
        if plan.dead_letters is None:
            self._bury(item)
            return
        item.attempt = item.outages = 0
        item.fields = encode_fields(attributes, len(item.event.data))
        self._dead_outlet.ready.append(item)
        self._dead_outlet.kick()

    def _dead_letter_answered(self, item: Item, answer: Answer) -> None:
        """A dead letter sink's own reply is nobody's: only whether it took the event counts."""
        if 200 <= answer.status < 300:
            self._buried(item)
        elif not self._dead_outlet.retry(item, failure_of(answer)):
            self._bury(item)

    def _bury(self, item: Item) -> None:
        self._burying += 1
        self._services.spawn(self._store(item))

    async def _store(self, item: Item) -> None:
        """Into the built-in stream; until it is stored, the event is not done."""
        stored = item.event.stored
        attributes = item.dead
        outages = 0
        while not self._stopped:
            stream = self.plan.config.delivery.dead_letter_stream
            try:
                await self._dead_letters.append(stream, self.plan.config.key, stored._replace(attributes=attributes))
            except LogError as error:
                self.counts.last_error = f"the dead letter is not stored yet: {error}"
                if not outages:
                    _log.warning("trigger %s: %s", self.plan.config.key, self.counts.last_error)
                if isinstance(error, EventTooLarge):
                    attributes = {name: value for name, value in attributes.items() if name != DATA}
                await asyncio.sleep(outage_wait_s(outages))
                outages += 1
            else:
                self._burying -= 1
                self._buried(item)
                return

    def _buried(self, item: Item) -> None:
        self.counts.dead += 1
        self.deliveries.finish(item)
