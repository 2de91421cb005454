"""What the broker needs of a log: the seam between delivery and where events are kept (NATS JetStream).

LogError
├── LogFull          no room for new events; nothing was stored
├── LogUnavailable   the server does not answer; whether it was stored is not known
└── EventTooLarge    larger than the server takes
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

from faas.engine.contract.eventing import BrokerConfig


class LogError(Exception):
    """The root of what a log raises."""


class LogFull(LogError):
    pass


class LogUnavailable(LogError):
    pass


class EventTooLarge(LogError):
    pass


class StoredEvent(NamedTuple):
    """An event at its position. `attributes` has every context attribute and extension; `data` is opaque bytes."""

    sequence: int
    stored_s: float  # seconds since the epoch
    attributes: dict[str, Any]  # id, source, type, specversion ...; values are str, int, bool
    data: bytes
    has_data: bool = True  # False: there is no data at all, which is not the same as empty


class LogState(NamedTuple):
    """A position above `last + 1` is of a log that has lost its end (a power cut, an older copy): go back to it."""

    first: int  # sequence of the oldest event; last + 1 when empty
    last: int  # 0: nothing was ever stored
    events: int
    bytes: int


class EventLog(Protocol):
    """One Broker's log. All methods raise LogUnavailable while the server is away; they may be called again."""

    async def append(self, attributes: dict[str, Any], data: bytes | None) -> int:
        """Store an event; its sequence once it is stored. Raises: LogFull, EventTooLarge, LogUnavailable."""
        ...

    async def read(self, start: int, *, limit: int, wait_s: float) -> Sequence[StoredEvent]:
        """Up to `limit` events from sequence `start` on, in order; waits up to `wait_s` for the first one.

        Sequential calls (each `start` just after the last event given) are fast: they share one server-side reader.
        """
        ...

    async def find(self, stored_s: float) -> int:
        """The first sequence stored at or after that time; last + 1 when there is none."""
        ...

    async def state(self) -> LogState: ...

    async def trim(self, before: int) -> None:
        """Forget all events below that sequence."""
        ...


class DeadLetter(NamedTuple):
    sequence: int
    stored_s: float
    trigger: str  # key of the trigger it failed for
    event: StoredEvent  # with the knativeerror attributes; its own sequence is that of the original


class DeadLetters(Protocol):
    """One Broker's dead-letter streams, by name ("" is its own)."""

    async def append(self, stream: str, trigger: str, event: StoredEvent) -> int: ...

    async def read(self, stream: str, start: int, *, limit: int) -> Sequence[DeadLetter]: ...

    async def get(self, stream: str, sequence: int) -> DeadLetter | None: ...

    async def remove(self, stream: str, sequence: int) -> None: ...

    async def purge(self, stream: str) -> None:
        """Forget all of one stream."""
        ...

    async def count(self) -> int:
        """In all streams together."""
        ...

    async def streams(self) -> dict[str, int]:
        """The names of those that hold something, and how much."""
        ...


class Cursors(Protocol):
    """Small durable values by trigger uid: where each trigger is. Written in batches."""

    async def load(self) -> dict[str, bytes]: ...

    async def save(self, values: dict[str, bytes]) -> None:
        """All of them, durable when it returns."""
        ...

    async def remove(self, uid: str) -> None: ...


class Logs(Protocol):
    """The server: makes what a Broker needs and hands it out."""

    async def open(self, config: BrokerConfig) -> tuple[EventLog, DeadLetters, Cursors]:
        """Make the streams where they are not there yet, or bring their limits up to date."""
        ...

    async def delete(self, key: str, uid: str) -> None:
        """A Broker was deleted: its streams go."""
        ...

    async def close(self) -> None: ...
