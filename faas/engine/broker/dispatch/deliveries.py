"""Delivering one trigger's events: attempts, retries and replies, in the order that the lanes give."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from faas.engine.broker.delivery.answers import Answer, Reply, judge
from faas.engine.broker.delivery.attempts import Failure
from faas.engine.broker.delivery.pool import Spawn
from faas.engine.broker.delivery.subscriber import Subscriber
from faas.engine.broker.dispatch.items import Held, Item
from faas.engine.broker.dispatch.keys import make_key_of
from faas.engine.broker.dispatch.lanes import Lanes
from faas.engine.broker.dispatch.outlet import Counts, Outlet, Sender, outage_wait_s
from faas.engine.broker.dispatch.slots import Slots
from faas.engine.broker.dispatch.window import Bounds, Window
from faas.engine.broker.seams.log import EventTooLarge, LogFull, LogUnavailable
from faas.engine.broker.seams.publishing import EventRefused, Publish
from faas.engine.broker.stamping import TTL
from faas.engine.contract.clock import Clock
from faas.engine.contract.eventing import TriggerConfig

_REPLY_BYTES = 2048  # of a reply's objects, beside its data
_log = logging.getLogger("faas.broker")


@dataclass(frozen=True, slots=True)
class Services:
    """What deliveries use of the world."""

    client: Sender
    clock: Clock
    publish: Publish
    spawn: Spawn
    domain: str  # the engine's


class Deliveries:
    """Takes events in the log's order; each ends in `finished`, or, when its attempts failed, in `give_up`.

    Who is given up on stays unfinished, and holds up the events of its key, until `finish` is called for it. `waits` is
    called when one begins to wait for a retry: there may be room for others.
    """

    def __init__(
        self,
        config: TriggerConfig,
        subscriber: Subscriber,
        slots: Slots,
        services: Services,
        window: Window[Item],
        bounds: Bounds,
        *,
        finished: Callable[[Item], None],
        give_up: Callable[[Item, Failure], None],
        waits: Callable[[], None],
    ) -> None:
        self.config = config
        self.window = window
        self.counts = Counts()
        self.storing = 0  # replies of that many events are being stored
        self._storing_bytes = 0  # of those replies
        self._services = services
        self.bounds = bounds
        self._finished = finished
        self._give_up = give_up
        self._waits = waits
        self._key_of = make_key_of(config.ordered_by)
        self._settling = False  # until what was taken before a change of the order is finished
        self._stopped = False
        self.outlet = Outlet(
            services.client, services.clock, subscriber, slots, config.delivery, self.counts, self._answered
        )
        self.outlet.parallelism = config.parallelism
        self._lanes: Lanes[Item] = Lanes(self.outlet.ready)

    # Events

    @property
    def is_full(self) -> bool:
        """Whether the next event has to stay in the log."""
        window, bounds, outlet = self.window, self.bounds, self.outlet
        return (
            len(outlet.ready) >= max(bounds.ready, 2 * outlet.in_flight)
            or len(window.unfinished) >= bounds.events
            or window.size >= bounds.bytes
            or self._settling
        )

    @property
    def has_room(self) -> bool:
        """Whether reading some more is worth it."""
        window, bounds, outlet = self.window, self.bounds, self.outlet
        return (
            2 * len(outlet.ready) <= max(bounds.ready, 2 * outlet.in_flight)
            and 4 * len(window.unfinished) <= 3 * bounds.events
            and 4 * window.size <= 3 * bounds.bytes
            and not self._settling
        )

    @property
    def in_flight(self) -> int:
        return self.outlet.in_flight + self.storing

    def take(self, event: Held) -> None:
        """Hold an event that the window wants, and deliver it when it is its turn."""
        key = None if self._key_of is None else self._key_of(event.attributes, event.data)
        item = Item(event, key, self._lanes)
        self.window.take(item.position, item)
        self._lanes.add(item)
        self.outlet.kick()

    def finish(self, item: Item) -> None:
        """The event needs nothing more, whatever became of it."""
        self.window.finish(item.position)
        item.lanes.finish(item)
        if self._settling and not self.window.unfinished:
            self._settling = False
        self.outlet.kick()
        self._finished(item)

    # Changes

    def adopt(self, config: TriggerConfig, subscriber: Subscriber, slots: Slots, bounds: Bounds) -> None:
        """Go on with another configuration; each attempt takes the one it finds."""
        reads_differently = (config.ordered_by, config.filters) != (self.config.ordered_by, self.config.filters)
        self.config = config
        self.bounds = bounds
        outlet = self.outlet
        outlet.subscriber = subscriber
        outlet.delivery = config.delivery
        outlet.parallelism = config.parallelism
        if reads_differently:
            self._read_again()
        outlet.move(slots)
        outlet.kick()

    def pause(self, paused: bool) -> None:
        """Begin no attempt; those in flight come to their end."""
        self.outlet.paused = paused
        self.outlet.kick()

    def stop(self) -> None:
        """Forget everything; what is in flight is cut off."""
        self._stopped = True
        self.outlet.stop()

    def _read_again(self) -> None:
        """What is not on its way is read once more, by the new filters and order, when the rest is finished."""
        outlet = self.outlet
        waiting = [*outlet.ready, *outlet.retrying, *self._lanes.clear()]
        for timer in outlet.retrying.values():
            timer.cancel()
        outlet.retrying.clear()
        outlet.ready.clear()
        self.window.give_back(item.position for item in waiting)
        self._lanes = Lanes(outlet.ready)
        self._key_of = make_key_of(self.config.ordered_by)
        self._settling = bool(self.window.unfinished)

    # What becomes of an attempt

    def _answered(self, item: Item, answer: Answer) -> None:
        verdict = judge(answer)
        if isinstance(verdict, Failure):
            self._failed(item, verdict)
        elif verdict:
            size = sum(len(reply.data or b"") + _REPLY_BYTES for reply in verdict)
            self._take_for_replies(1, size)
            self._services.spawn(self._publish(item, verdict, size))
        else:
            self.counts.delivered += 1
            self.finish(item)

    def _failed(self, item: Item, failure: Failure) -> None:
        if self.outlet.retry(item, failure):
            self._waits()
        else:
            self._give_up(item, failure)

    async def _publish(self, item: Item, replies: Sequence[Reply], size: int) -> None:
        """Store what the subscriber replied; only then is the event done."""
        try:
            failure = await self._store(item, replies)
        finally:
            self._take_for_replies(-1, -size)
        if self._stopped:
            return
        if failure is None:
            self.counts.delivered += 1
            self.finish(item)
        else:
            self._failed(item, failure)
            self.outlet.kick()

    def _take_for_replies(self, events: int, size: int) -> None:
        """Who replies faster than can be stored, or while nothing can be, gets no more events until it is."""
        self.storing += events
        self._storing_bytes += size
        self.outlet.congested = self._storing_bytes >= self.bounds.bytes
        self.outlet.kick()

    async def _store(self, item: Item, replies: Sequence[Reply]) -> Failure | None:
        """Store replies in their order. One that can never be stored is dropped; a full log fails the attempt."""
        ttl = item.event.attributes.get(TTL)
        for reply in replies:
            attributes = {name: value for name, value in reply.attributes.items() if name != TTL}
            if ttl is not None:
                attributes[TTL] = ttl  # the ingress takes one off, so a loop of replies ends
            try:
                await self._store_one(attributes, reply.data)
            except EventRefused as error:
                self.counts.last_error = f"a reply was dropped: {error}"
                _log.warning("trigger %s: the reply %r was dropped: %s", self.config.key, attributes["type"], error)
            except LogFull as error:
                return Failure(503, f"the reply was not stored: {error}")
            except EventTooLarge as error:
                return Failure(413, f"the reply was not stored: {error}")
            except KeyError:
                return None  # the Broker is being deleted, and this trigger's events with it
        return None

    async def _store_one(self, attributes: dict[str, object], data: bytes | None) -> None:
        outages = 0
        while True:
            try:
                await self._services.publish(self.config.broker, attributes, data)
            except LogUnavailable as error:
                # Whether it was stored is not known; its id tells a reader of both that they are one.
                self.counts.last_error = f"the reply is not stored yet: {error}"
                await asyncio.sleep(outage_wait_s(outages))
                outages += 1
            else:
                self.counts.replies += 1
                return
