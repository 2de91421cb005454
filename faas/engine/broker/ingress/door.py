"""What all connections of the ingress share: who there is, what they may use up, and storing what they bring."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from time import monotonic
from typing import Any, Protocol

from faas.engine.broker.ingress.answers import ACCEPTED, Refused, refusal
from faas.engine.broker.seams.log import EventTooLarge, LogFull, LogUnavailable
from faas.engine.broker.seams.publishing import EventRefused, Publish

_TOGETHER = 500  # events of a batch: a large one must not be more than the log takes at a time


@dataclass(frozen=True, slots=True)
class Limits:
    """Sizes in bytes, times in seconds."""

    target_bytes: int = 2048
    head_bytes: int = 64 * 1024
    head_fields: int = 200  # extensions are fields in binary mode
    connections: int = 10_000
    in_flight: int = 4096  # requests that have not got their answer; more are 503
    in_flight_bytes: int = 64 * 1024 * 1024  # of their bodies
    pipelined: int = 64  # of one connection; then it is not read until they are answered
    linger_bytes: int = 1024 * 1024  # of a body nobody wants, read so that the answer can arrive
    linger_s: float = 2.0
    head_timeout_s: float = 10.0
    body_timeout_s: float = 30.0  # between two pieces of it
    keep_alive_s: float = 75.0  # longer than the gateway and other clients keep idle connections
    write_timeout_s: float = 60.0
    drain_s: float = 5.0


@dataclass(slots=True)
class Counts:
    requests: int = 0
    events: int = 0  # stored
    refused: dict[int, int] = field(default_factory=dict)  # requests, by status


class Guest(Protocol):
    """A connection, as far as the door looks after it."""

    def check(self, now_s: float) -> None: ...

    def end_when_idle(self) -> None: ...

    def close(self) -> None: ...


class Door:
    """Made with how to find a Broker's limit and how to store.

    Args:
        max_event_bytes: of the Broker with this key, None when there is no such Broker.
        spawn: runs a request's storing as a task that somebody owns.
    """

    def __init__(
        self,
        publish: Publish,
        max_event_bytes: Callable[[str], int | None],
        spawn: Callable[[Coroutine[Any, Any, None]], object],
        limits: Limits | None = None,
    ) -> None:
        self.limits = limits or Limits()
        self.max_event_bytes = max_event_bytes
        self.spawn = spawn
        self.counts = Counts()
        self.in_flight = 0
        self.in_flight_bytes = 0
        self.is_draining = False
        self.connections: set[Guest] = set()
        self._publish = publish
        self._idle = asyncio.Event()
        self._idle.set()

    async def store(self, broker: str, events: list[tuple[dict[str, Any], bytes | None]]) -> bytes:
        """The answer: 202 when all of them are stored. They are stored in order; what fails is to be sent again."""
        try:
            if len(events) == 1:
                await self._publish(broker, *events[0])
            else:
                await self._store_all(broker, events)
        except (LogFull, LogUnavailable) as error:
            full = isinstance(error, LogFull)
            why = "the Broker has no room" if full else "the Broker cannot store events at the moment"
            return self.refuse(Refused(503, f"{why}; send it again", retry_after_s=2 if full else 1))
        except EventTooLarge as error:
            return self.refuse(Refused(413, str(error)))
        except EventRefused as error:
            return self.refuse(Refused(400, str(error)))
        except KeyError:
            if self.max_event_bytes(broker) is not None:
                raise
            return self.refuse(Refused(404, f"there is no Broker {broker}"))
        self.counts.events += len(events)
        return ACCEPTED

    async def _store_all(self, broker: str, events: list[tuple[dict[str, Any], bytes | None]]) -> None:
        # Started in order, so they are stored in order; waiting for each would be a round trip for each.
        for start in range(0, len(events), _TOGETHER):
            results = await asyncio.gather(
                *(self._publish(broker, *each) for each in events[start : start + _TOGETHER]), return_exceptions=True
            )
            for result in results:
                if isinstance(result, BaseException):
                    raise result

    def refuse(self, refused: Refused) -> bytes:
        self.counts.refused[refused.status] = self.counts.refused.get(refused.status, 0) + 1
        return refusal(refused)

    def begins(self) -> None:
        self.in_flight += 1
        self._idle.clear()

    def ends(self) -> None:
        self.in_flight -= 1
        if not self.in_flight:
            self._idle.set()

    def tick(self) -> None:
        """Close connections that are idle or stuck; called each second."""
        now_s = monotonic()
        for connection in list(self.connections):
            connection.check(now_s)

    async def drain(self) -> None:
        """What was begun is answered; idle connections go. New ones are not accepted any more by then."""
        self.is_draining = True
        for connection in list(self.connections):
            connection.end_when_idle()
        try:
            async with asyncio.timeout(self.limits.drain_s):
                await self._idle.wait()
        except TimeoutError:
            pass
        for connection in list(self.connections):
            connection.close()
