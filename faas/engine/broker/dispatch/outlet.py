"""The way from a trigger's ready events to one destination: within its slots, with the waits between attempts."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from faas.engine.broker.delivery.answers import Answer
from faas.engine.broker.delivery.attempts import Failure, next_wait_s
from faas.engine.broker.delivery.message import ttl_field
from faas.engine.broker.delivery.subscriber import Subscriber
from faas.engine.broker.dispatch.items import Item, Sending
from faas.engine.broker.dispatch.slots import Slots
from faas.engine.contract.clock import Clock, Timer
from faas.engine.contract.eventing import Delivery

OUTAGE_WAIT_S = 0.1  # for the gateway, or the log, while it is away: doubled up to ...
OUTAGE_LONGEST_S = 2.0


def outage_wait_s(outages: int) -> float:
    return float(min(OUTAGE_WAIT_S * 2 ** min(outages, 10), OUTAGE_LONGEST_S))


@dataclass(slots=True)
class Counts:
    delivered: int = 0
    failed: int = 0  # attempts
    dead: int = 0
    replies: int = 0
    last_error: str = ""


class Sender(Protocol):
    """What carries attempts away: `delivery.client`, or a test."""

    def send(
        self,
        subscriber: Subscriber,
        fields: bytes,
        body: bytes,
        timeout_s: float | None,
        done: Callable[[Answer], None],
    ) -> Sending:
        """Send one event; `done` is called once, and not from within."""
        ...


class Outlet:
    """Sends what is `ready` as soon as there is a slot; `answered` hears how it ended, when its slot is free again."""

    def __init__(
        self, client: Sender, clock: Clock, subscriber: Subscriber, slots: Slots, delivery: Delivery, counts: Counts,
        answered: Callable[[Item, Answer], None],
    ) -> None:  # fmt: skip
        self.ready: deque[Item] = deque()
        self.retrying: dict[Item, Timer] = {}
        self.subscriber = subscriber
        self.slots = slots
        self.delivery = delivery
        self.parallelism = 0  # of this trigger alone; 0: as the slots allow
        self.paused = False
        self.congested = False  # what came of earlier attempts has to be dealt with first
        self.in_flight = 0
        self._client = client
        self._clock = clock
        self._counts = counts
        self._answered = answered
        self._sent: dict[Item, Slots] = {}

    @property
    def has_work(self) -> bool:
        held_up = self.paused or self.congested
        return bool(self.ready) and not held_up and (not self.parallelism or self.in_flight < self.parallelism)

    def kick(self) -> None:
        """Something became ready, or is allowed now."""
        if self.has_work:
            self.slots.wait(self)

    def move(self, slots: Slots) -> None:
        """Use other slots; what is in flight stays counted where it began."""
        if slots is not self.slots:
            self.slots.leave(self)
            self.slots = slots
            self.kick()

    def send_one(self) -> None:
        item = self.ready.popleft()
        self.in_flight += 1
        self._sent[item] = self.slots
        subscriber, fields = self.subscriber, item.fields or item.event.fields
        if subscriber.is_broker:
            fields = ttl_field(item.event.attributes) + fields
        item.request = self._client.send(
            subscriber, fields, item.event.data, self.delivery.timeout_s, partial(self._over, item)
        )

    def retry(self, item: Item, failure: Failure) -> bool:
        """Count a failed attempt; whether there is to be another one, which is then on its way."""
        self._counts.failed += 1
        self._counts.last_error = failure.reason
        wait_s = next_wait_s(self.delivery, item.attempt, failure, now=self._clock.utc())
        if wait_s is None:
            return False
        item.attempt += 1
        self._wait(item, wait_s)
        return True

    def stop(self) -> None:
        """Send nothing more, and forget what is in flight."""
        self.paused = True
        for timer in self.retrying.values():
            timer.cancel()
        self.retrying.clear()
        self.slots.leave(self)
        sent, self._sent = self._sent, {}
        self.in_flight = 0
        for item, slots in sent.items():
            if item.request is not None:
                item.request.cancel()
            slots.release()
            slots.pump()

    def _over(self, item: Item, answer: Answer) -> None:
        slots = self._sent.pop(item)
        item.request = None
        self.in_flight -= 1
        slots.release()
        if answer.unsent:
            # The gateway is away, which the subscriber cannot help: this was no attempt.
            self._counts.last_error = answer.error
            self._wait(item, outage_wait_s(item.outages))
            item.outages += 1
        else:
            item.outages = 0
            self._answered(item, answer)
        self.kick()
        slots.pump()

    def _wait(self, item: Item, wait_s: float) -> None:
        if wait_s > 0:
            self.retrying[item] = self._clock.call_later(wait_s, partial(self._due, item))
        else:
            self.ready.appendleft(item)

    def _due(self, item: Item) -> None:
        """First, because it is the oldest, or nearly."""
        del self.retrying[item]
        self.ready.appendleft(item)
        self.kick()
