"""What the API asks of eventing beside objects: events that are stored, dead letters, replays; and how it is refused.

EventingError
├── Unknown              there is no such Broker, trigger or dead letter
├── EventingUnavailable  the broker's process or the NATS server does not answer now; ask again
├── NotDeliverable       a trigger whose subscriber, Broker or dependency is not there now
└── EventNotTaken        the Broker's ingress has refused an event, in its words
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

Attributes = Mapping[str, Any]


class EventingError(Exception):
    """The root of what an inspection raises."""


class Unknown(EventingError):
    def __init__(self, what: str, name: str, known: tuple[str, ...] = ()) -> None:
        """Args: what: broker, trigger, dead letter. known: names that there are."""
        super().__init__(f"there is no {what} {name}")
        self.what, self.name, self.known = what, name, known


class EventingUnavailable(EventingError):
    pass


class NotDeliverable(EventingError):
    pass


class EventNotTaken(EventingError):
    def __init__(self, status: int, detail: str, retry_after_s: int | None = None) -> None:
        super().__init__(detail)
        self.status, self.detail, self.retry_after_s = status, detail, retry_after_s


@dataclass(frozen=True, slots=True)
class EventQuery:
    """Which events of a Broker's log, oldest first. Times are seconds since the epoch, of when an event was stored."""

    wanted: Callable[[Attributes], bool] = lambda attributes: True
    after: int | None = None  # only those stored behind this position; it wins over `since_s`
    since_s: float | None = None  # None: from now on
    until_s: float | None = None
    limit: int | None = None
    follow: bool = False  # go on with what is stored from now on


@dataclass(frozen=True, slots=True)
class LetterQuery:
    """Which dead letters of a Broker; all conditions have to hold, and without any all letters are meant."""

    stream: str | None = None  # None: of every stream; "": the Broker's own
    sequences: tuple[int, ...] = ()
    trigger: str = ""  # "namespace/name"
    type: str = ""
    event_id: str = ""
    until_s: float | None = None  # became one before that time
