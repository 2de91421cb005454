"""One Broker: what comes in is stamped and stored, what is finished and old is forgotten."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from time import monotonic, time
from typing import Any

from faas.engine.broker.keeping.retention import before_which
from faas.engine.broker.keeping.types_seen import TypesSeen
from faas.engine.broker.seams.dispatching import Hold, OpenBroker
from faas.engine.broker.seams.log import EventTooLarge, LogError, LogFull, LogState, LogUnavailable
from faas.engine.broker.stamping import MOST_ATTRIBUTES_BYTES, attributes_size, stamp
from faas.engine.contract.eventing import BrokerConfig, BrokerStatus

_log = logging.getLogger("faas.broker")
# A nats-server that died is back within this; meanwhile events wait in their requests instead of being refused.
PATIENCE_S = 2.0
_FULL_S = 1.0  # refused without asking the server again: keeps the order of what is sent again, and costs nothing
_LOOK_S = 10.0  # at a log that nobody wrote to


class BrokerStore:
    """A Broker of the table. Until `opened`, and while the server is away, events wait a little and are refused then.

    Args:
        hold: where retention has to stop.
        stored: called after each stored event.
    """

    def __init__(self, config: BrokerConfig, hold: Callable[[], Hold | None], stored: Callable[[], None]) -> None:
        self.config = config
        self.types = TypesSeen(config.key)
        self.stored = 0  # events, since the process has started
        self.stored_bytes = 0
        self.refused = 0  # for want of room, or of a server
        self.trouble = ""  # why it could not be opened
        self.failure = ""  # why the server stores nothing, though it is there
        self._hold = hold
        self._on_stored = stored
        self._parts: OpenBroker | None = None
        self._opened = asyncio.Event()
        self._state = LogState(1, 0, 0, 0)
        self._dead = 0
        self._full_until_s = 0.0
        self._full_why = ""
        self._expired = 0  # sequence; what is before it is older than the retention
        self._expiry_due_s = 0.0
        self._look_due_s = 0.0
        self._trimming = asyncio.Lock()

    @property
    def parts(self) -> OpenBroker | None:
        return self._parts

    def opened(self, parts: OpenBroker) -> None:
        self._parts = parts
        self.config = parts.config
        self.trouble = ""
        self._look_due_s = self._expiry_due_s = 0.0
        self._opened.set()

    async def publish(self, attributes: dict[str, Any], data: bytes | None) -> int:
        """Its sequence, once it is stored. Raises: EventRefused, LogFull, EventTooLarge, LogUnavailable."""
        now_s = time()
        stamped = stamp(attributes, now_s)
        size = len(data) if data else 0
        if size > self.config.max_event_bytes:
            raise EventTooLarge(f"the event's data has {size} bytes; this Broker takes {self.config.max_event_bytes}")
        if (head := attributes_size(attributes)) > MOST_ATTRIBUTES_BYTES:
            raise EventTooLarge(f"the event's attributes have {head} bytes; a Broker takes {MOST_ATTRIBUTES_BYTES}")
        try:
            sequence = await self._append(stamped, data)
        except (LogFull, LogUnavailable):
            self.refused += 1
            raise
        self.stored += 1
        self.stored_bytes += size
        self._look_due_s = 0.0
        self.types.count(stamped)
        self._on_stored()
        return sequence

    async def _append(self, attributes: dict[str, Any], data: bytes | None) -> int:
        if self.failure:
            raise LogUnavailable(self.failure)
        if self._full_until_s and monotonic() < self._full_until_s:
            raise LogFull(self._full_text())
        parts = self._parts
        if parts is None:
            parts = await self._when_open()
        try:
            sequence = await parts.log.append(attributes, data)
        except LogFull as error:
            if not await self._make_room(parts):
                self._full_until_s, self._full_why = monotonic() + _FULL_S, str(error)
                raise LogFull(self._full_text()) from None
            sequence = await parts.log.append(attributes, data)
        if self._full_until_s:
            self._full_until_s = 0.0
        return sequence

    async def _when_open(self) -> OpenBroker:
        try:
            async with asyncio.timeout(PATIENCE_S):
                await self._opened.wait()
        except TimeoutError:
            raise LogUnavailable(self.trouble or "the Broker's log is not open yet") from None
        assert self._parts is not None
        return self._parts

    # Retention

    async def retain(self) -> None:
        """Forget what is finished and too old or too much; called each second."""
        parts = self._parts
        if parts is None or monotonic() < self._look_due_s:
            return
        self._look_due_s = monotonic() + _LOOK_S
        try:
            async with self._trimming:
                await self._trim(parts, urgent=False)
            self._dead = await parts.dead_letters.count()
        except LogError as error:
            self._look_due_s = 0.0
            _log.debug("the log of %s is not looked at now: %s", self.config.key, error)

    async def _make_room(self, parts: OpenBroker) -> bool:
        """Whether there is more room than there was when an event was refused."""
        refused_at = self._state.first
        async with self._trimming:
            if self._state.first > refused_at:
                return True  # somebody else's refusal has made it
            return await self._trim(parts, urgent=True)

    async def _trim(self, parts: OpenBroker, *, urgent: bool) -> bool:
        state = self._state = await parts.log.state()
        if monotonic() >= self._expiry_due_s and state.events:
            self._expiry_due_s = monotonic() + min(60.0, max(1.0, self.config.retention_s / 50))
            self._expired = await parts.log.find(time() - self.config.retention_s)
        hold = self._hold()
        before = before_which(state, hold, self._expired, self.config.max_bytes, urgent=urgent)
        if before <= state.first:
            return False
        await parts.log.trim(before)
        self._state = await parts.log.state()
        return True

    # Status

    def status(self, is_connected: bool) -> BrokerStatus:
        reason = message = held_by = ""
        if not is_connected:
            reason, message = "NATSUnavailable", "The NATS server does not answer; events wait, and are refused then."
        elif self.failure:
            reason, message = "StoreFailed", f"The NATS server stores nothing until it starts anew: {self.failure}."
        elif self._parts is None:
            reason, message = "NotOpen", self.trouble or "The Broker's streams are being made."
        elif self._full_until_s:
            reason, message = "LogFull", self._full_text()
            hold = self._hold()
            held_by = hold.trigger if hold else ""
        state = self._state
        return BrokerStatus(
            self.config.key, not reason, reason, message, state.events, state.bytes, self._dead, held_by
        )

    def _full_text(self) -> str:
        hold = self._hold()
        because = f"{hold.trigger} has not finished what is at {hold.position}" if hold else "nothing can be forgotten"
        return (
            f"No room for events ({self._state.bytes} of {self.config.max_bytes} bytes are used): {because}. "
            f"The server says: {self._full_why}."
        )
