"""How many deliveries one target gets at once, and which trigger's turn it is. A pure state machine."""

from __future__ import annotations

from typing import Protocol

UNBOUND = 10  # deliveries at once for a trigger whose subscriber's capacity nobody tells: outside, or another Broker


class Outlet(Protocol):
    """Where a trigger's ready events go out."""

    in_flight: int

    @property
    def has_work(self) -> bool:
        """Whether an event is ready and this outlet's own bound lets it go."""
        ...

    def send_one(self) -> None: ...


def limit_of(requests: int) -> int:
    """How many deliveries a capacity allows.

    A tenth is left to direct requests, so that they seldom wait in the gateway behind events. Without any instance it
    is one delivery, which waits there and is what wakes the function up.
    """
    return max(1, requests - requests // 10)


class Slots:
    """Shared by the triggers of one target: the one with the fewest deliveries in flight goes first, then by turns."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.in_flight = 0
        self._waiting: dict[Outlet, None] = {}  # in the order of their turns

    def wait(self, outlet: Outlet) -> None:
        """This outlet has something to send; it does so as soon as there is a place."""
        self._waiting.setdefault(outlet)
        self.pump()

    def leave(self, outlet: Outlet) -> None:
        self._waiting.pop(outlet, None)

    def release(self) -> None:
        """A delivery is over; to be followed by `pump`."""
        self.in_flight -= 1

    def resize(self, limit: int) -> None:
        self.limit = limit
        self.pump()

    def pump(self) -> None:
        waiting = self._waiting
        while waiting and self.in_flight < self.limit:
            outlet = next(iter(waiting)) if len(waiting) == 1 else min(waiting, key=_in_flight)
            if not outlet.has_work:
                del waiting[outlet]
                continue
            if len(waiting) > 1:
                del waiting[outlet]
                waiting[outlet] = None  # its next turn is after the others'
            self.in_flight += 1
            outlet.send_one()


def _in_flight(outlet: Outlet) -> int:
    return outlet.in_flight


class Targets:
    """The slots of each target, by the key that its capacity is told for."""

    def __init__(self) -> None:
        self._slots: dict[str, Slots] = {}

    def capacity(self, target: str, requests: int) -> None:
        self.of(target).resize(limit_of(requests))

    def of(self, target: str) -> Slots:
        """One delivery at once until its capacity is known."""
        slots = self._slots.get(target)
        if slots is None:
            slots = self._slots[target] = Slots(limit_of(0))
        return slots
