"""How a test delivers events: attempts with Knative's waits on the test's clock, replies onwards, dead letters."""

from __future__ import annotations

import base64
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from faas_runtime.answering.http import is_retryable
from faas_runtime.events.event import Event
from faas_runtime.testing.clock import VirtualClock
from faas_runtime.testing.exchange import Response
from faas_runtime.testing.subscriptions import DEFAULT_BROKER, Subscription

_RETRY, _BACKOFF_DELAY_S = 10, 0.2  # Knative's defaults of a Broker
_ERROR_CHARACTERS = 1024  # of a failed answer in its dead letter
_MOST_EVENTS = 1000  # that follow from one: more is two functions that answer each other


@dataclass(frozen=True, slots=True)
class Delivery:
    """What became of an event at one decorator."""

    function: str
    event: Event[Any]
    attempts: int
    response: Response  # the last one

    @property
    def is_done(self) -> bool:
        return self.response.status < 300


class Broker:
    """Delivers to each decorator that wants an event, one after another, until nothing is left to deliver."""

    def __init__(
        self,
        subscriptions: list[Subscription],
        post: Callable[[str, str, Event[Any]], Response],  # service, path, event
        clock: VirtualClock,
        *,
        events: list[Event[Any]],
        dead_letters: list[Event[Any]],
    ) -> None:
        self.subscriptions = subscriptions
        self._post, self._clock, self._events, self._dead_letters = post, clock, events, dead_letters
        self._outbox: deque[tuple[str, Event[Any]]] = deque()

    def take(self, event: Event[Any], broker: str = DEFAULT_BROKER) -> None:
        """Keep a published event for `settle`."""
        self._events.append(event)
        self._outbox.append((broker, event))

    def take_replies(self, response: Response, broker: str = DEFAULT_BROKER) -> None:
        for reply in response.events:
            self.take(reply, broker)

    def publish(self, event: Event[Any], broker: str) -> list[Delivery]:
        """Deliver to everybody who wants it, and what follows from it."""
        done = self._deliver_to_all(event, broker)
        return done + self.settle()

    def settle(self) -> list[Delivery]:
        """Deliver what was published, and what is published meanwhile. Raises: RuntimeError: it does not end."""
        done: list[Delivery] = []
        for _ in range(_MOST_EVENTS):
            if not self._outbox:
                return done
            broker, event = self._outbox.popleft()
            done += self._deliver_to_all(event, broker)
        self._outbox.clear()
        raise RuntimeError(
            f"more than {_MOST_EVENTS} events follow from one: functions answer their own or each other's events\n"
            "  Narrow what they want, with type= or source=; a broker would end this after 255 rounds."
        )

    def _deliver_to_all(self, event: Event[Any], broker: str) -> list[Delivery]:
        wanting = [each for each in self.subscriptions if each.broker == broker and each.wants(event)]
        return [self._deliver(each, event) for each in wanting]

    def _deliver(self, subscription: Subscription, event: Event[Any]) -> Delivery:
        options = subscription.options
        attempts = 1
        response = self._attempt(subscription, event)
        while is_retryable(response.status) and attempts <= options.get("retry", _RETRY):
            self._clock.advance(_wait_s(options.get("backoff", "exponential"), options, attempts - 1))
            response = self._attempt(subscription, event)
            attempts += 1
        delivery = Delivery(subscription.function.name, event, attempts, response)
        if delivery.is_done:
            self.take_replies(response, subscription.broker)
        else:
            self._bury(subscription, delivery)
        return delivery

    def _attempt(self, subscription: Subscription, event: Event[Any]) -> Response:
        return self._post(subscription.function.service, subscription.path, event)

    def _bury(self, subscription: Subscription, delivery: Delivery) -> None:
        """Keep the event as a dead letter, and hand it to the function that takes them, when it is one of these."""
        letter = delivery.event.replace(extensions={
            **delivery.event.extensions,
            "knativeerrordest": f"http://{subscription.function.service}{subscription.path}",
            "knativeerrorcode": delivery.response.status,
            "knativeerrordata": base64.b64encode(delivery.response.content[:_ERROR_CHARACTERS]).decode(),
        })  # fmt: skip
        self._dead_letters.append(letter)
        sink = subscription.options.get("dead_letter")
        for each in self.subscriptions:
            if sink is not None and sink in (each.function.name, each.function.service):
                self.take_replies(self._attempt(each, letter), each.broker)
                return


def _wait_s(backoff: str, options: Any, retry: int) -> float:
    delay: float = options.get("backoff_delay", _BACKOFF_DELAY_S)
    return delay * (retry if backoff == "linear" else 2**retry)
