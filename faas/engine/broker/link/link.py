"""The engine's end of the broker's control socket: brokers and triggers of the Board there, their state back."""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import Callable
from typing import TypeVar

import msgspec

from faas.engine.broker.link.capacity import capacities
from faas.engine.broker.link.in_use import InUse
from faas.engine.contract.board import Board
from faas.engine.contract.eventing import (
    BrokerMetrics,
    BrokerStatus,
    Capacity,
    EventingStatus,
    EventingTable,
    FromBroker,
    Replay,
    ReplayDead,
    ReplayDone,
    ScrapeBroker,
    SeenType,
    ToBroker,
    TriggerStatus,
)
from faas.engine.contract.lines import LineConnection, connect
from faas.engine.contract.settings import EngineSettings

_log = logging.getLogger("faas.link")
_Answer = TypeVar("_Answer")
_SILENT = "BrokerNotRunning"


class BrokerGone(Exception):
    """The broker's process did not answer: it starts, restarts, or is stopping. Ask again."""


class BrokerLink:
    """Connects while there are Brokers, and connects again, for as long as `run` runs.

    Nothing is sent before `settle()`: an engine that has just started knows less than the broker does, and to leave a
    trigger out means that it is gone. Call it once controllers have found what exists.
    """

    def __init__(self, board: Board, settings: EngineSettings, look: Callable[[], None]) -> None:
        """Args: look: has the supervisor look at `settings.events_mark`."""
        self._board = board
        self._settings = settings
        self._in_use = InUse(settings.events_mark, look)
        self._connection: LineConnection[FromBroker] | None = None
        self._settled = False
        self._lost = asyncio.Event()
        self._due: asyncio.Handle | None = None
        self._version = 0
        self._sent_table: EventingTable | None = None
        self._sent_capacities: dict[str, int] = {}
        self._answers: dict[int, asyncio.Future[ReplayDone | BrokerMetrics]] = {}
        self._ids = itertools.count(1)
        self.seen_types: list[Callable[[tuple[SeenType, ...]], None]] = []  # listeners, called in line

    async def run(self) -> None:
        """Serve until cancelled."""
        board = self._board
        unlisten = [
            observed.listen(self._changed)
            for observed in (
                board.brokers, board.triggers, board.eventing_uids, board.targets, board.endpoints, board.policies,
            )
        ]  # fmt: skip
        self._changed(None, None)  # what was put before we listened
        try:
            while True:
                await self._in_use.wait()
                self._lost.clear()
                await connect(self._settings.broker_control_socket, self._make_connection)
                await self._lost.wait()
                self._forget()
        finally:
            for end in unlisten:
                end()
            self._in_use.close()
            if self._due is not None:
                self._due.cancel()
            if self._connection is not None:
                self._connection.close()

    def settle(self) -> None:
        """The Board is complete: send it, now and whenever a broker's process appears."""
        if not self._settled:
            self._settled = True
            self._in_use.recall()
            self._note_use()

    @property
    def is_connected(self) -> bool:
        return self._connection is not None

    async def replay(self, trigger: str, *, since_s: float, until_s: float) -> ReplayDone:
        """Deliver stored events to one trigger once more; returns when all are done. Raises: BrokerGone."""
        number = next(self._ids)
        return await self._ask(Replay(number, trigger, since_s, until_s), number, ReplayDone)

    async def replay_dead(self, broker: str, stream: str, sequences: tuple[int, ...]) -> ReplayDone:
        """Deliver dead letters once more; those that succeed leave the stream. Raises: BrokerGone."""
        number = next(self._ids)
        return await self._ask(ReplayDead(number, broker, stream, sequences), number, ReplayDone)

    async def scrape(self, timeout_s: float = 2.0) -> str:
        """The broker's Prometheus text. Raises: BrokerGone."""
        number = next(self._ids)
        try:
            async with asyncio.timeout(timeout_s):
                return (await self._ask(ScrapeBroker(number), number, BrokerMetrics)).text
        except TimeoutError as error:
            raise BrokerGone(f"the broker did not answer within {timeout_s:g} s") from error

    async def _ask(self, message: ToBroker, number: int, kind: type[_Answer]) -> _Answer:
        if self._connection is None:
            raise BrokerGone("the broker is not connected")
        answer: asyncio.Future[ReplayDone | BrokerMetrics] = asyncio.get_running_loop().create_future()
        self._answers[number] = answer
        self._send(message)
        try:
            given = await answer
        finally:
            del self._answers[number]
        if not isinstance(given, kind):
            raise BrokerGone("the broker answered something else: it is of another version")
        return given

    def _make_connection(self) -> LineConnection[FromBroker]:
        return LineConnection(
            self, msgspec.json.Decoder(FromBroker), _log, "the broker says what this engine does not know"
        )

    # From the Board

    def _changed(self, key: object, value: object) -> None:
        if self._settled and self._due is None:
            self._due = asyncio.get_running_loop().call_soon(self._send_changes)

    def _send_changes(self) -> None:
        """A reconcile that touches many triggers is one message; what is as it was is none."""
        self._due = None
        self._note_use()
        if self._connection is None or not self._settled:
            return
        table = make_table(self._board, self._version)
        if table != self._sent_table:
            self._version += 1
            self._sent_table = table = msgspec.structs.replace(table, version=self._version)
            self._send(table)
        wanted = {trigger.target for trigger in table.triggers if trigger.target}
        found = capacities(self._board, wanted)
        for target, requests in found.items():
            if self._sent_capacities.get(target) != requests:
                self._send(Capacity(target, requests))
        self._sent_capacities = found
        self._drop_unknown()

    def _note_use(self) -> None:
        self._in_use.note(has_brokers=bool(len(self._board.brokers)))

    def _drop_unknown(self) -> None:
        """The state of what is not there any more."""
        for key, status in self._board.trigger_status.items():
            if not self._is_of(status):
                self._board.trigger_status.delete(key)
        for broker in self._board.broker_status:
            if broker not in self._board.brokers:
                self._board.broker_status.delete(broker)

    def _is_of(self, status: TriggerStatus) -> bool:
        """Whether it is of the trigger that has its key now: one that was made anew is not ready because of the old."""
        key = status.trigger
        if key not in self._board.triggers:
            return False
        config = self._board.triggers[key]
        return status.uid in ("", config.uid if config else self._board.eventing_uids.get(("Trigger", key)))

    def _send(self, message: ToBroker) -> None:
        if self._connection is not None:
            self._connection.send(message)

    # From the connection

    def opened(self, connection: LineConnection[FromBroker]) -> None:
        self._connection = connection
        self._sent_table, self._sent_capacities = None, {}
        self._send_changes()

    def closed(self, connection: LineConnection[FromBroker]) -> None:
        self._connection = None
        for answer in self._answers.values():
            if not answer.done():
                answer.set_exception(BrokerGone("the broker went away while it was asked"))
        self._lost.set()

    def _forget(self) -> None:
        """Without its process nobody knows how a Broker is."""
        if self._in_use.is_set():
            _log.warning("the broker is gone; connecting again")
        for key in self._board.brokers:
            gone = BrokerStatus(key, ready=False, reason=_SILENT, message="The broker's process is being started.")
            self._board.broker_status.put(key, gone)

    def handle(self, message: FromBroker) -> None:
        if isinstance(message, EventingStatus):
            for broker in message.brokers:
                if broker.broker in self._board.brokers:
                    self._board.broker_status.put(broker.broker, broker)
            for trigger in message.triggers:
                if self._is_of(trigger):
                    self._board.trigger_status.put(trigger.trigger, trigger)
            if message.types:
                for seen in list(self.seen_types):
                    seen(message.types)
        else:
            answer = self._answers.get(message.id)
            if answer is not None and not answer.done():
                answer.set_result(message)


def make_table(board: Board, version: int) -> EventingTable:
    """Brokers and triggers as the Board has them; one that cannot be delivered to now is only said to exist."""
    return EventingTable(
        version=version,
        brokers=tuple(config for _, config in sorted(board.brokers.items())),
        triggers=tuple(config for _, config in sorted(board.triggers.items()) if config is not None),
        existing=tuple(sorted(uid for _, uid in board.eventing_uids.items())),
    )
