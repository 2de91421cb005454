"""The engine's end of the control socket: facts of the Board to the gateway, what the gateway sees to the Board.

Endpoints leave in the loop iteration in which they are put, because a request may be waiting for them. The table
follows in the next one, so that a reconcile that touches many routes is one message.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import Callable
from pathlib import Path

import msgspec

from faas.engine.contract.board import Board
from faas.engine.contract.dataplane import (
    ColdStart,
    EndpointEntry,
    Endpoints,
    Idle,
    Load,
    Metrics,
    Poke,
    ScrapeMetrics,
    Table,
    ToEngine,
    ToGateway,
    Unreachable,
)
from faas.engine.contract.lines import LineConnection, connect
from faas.engine.contract.revision import Endpoint, RevisionKey

_log = logging.getLogger("faas.link")


class GatewayGone(Exception):
    """The gateway did not answer: it restarts, or is stopping. Ask again."""


class GatewayLink:
    """Connects, and connects again, for as long as `run` runs.

    Nothing is sent before `settle()`: an engine that has just started knows less than the gateway does, and its empty
    Board would take all routes away. Call it once controllers and instances have found what exists.
    """

    def __init__(self, board: Board, control_socket: Path) -> None:
        self._board = board
        self._path = control_socket
        self._connection: LineConnection[ToEngine] | None = None
        self._settled = False
        self._connected = asyncio.Event()
        self._lost = asyncio.Event()
        self._table_due: asyncio.Handle | None = None
        self._table_version = 0
        self._sent_revisions: frozenset[str] = frozenset()
        self._scrapes: dict[int, asyncio.Future[str]] = {}
        self._scrape_ids = itertools.count(1)
        self.cold_starts: list[Callable[[RevisionKey, float], None]] = []  # listeners, called in line

    async def run(self) -> None:
        """Serve until cancelled."""
        board = self._board
        unlisten = [
            board.endpoints.listen(self._endpoints_changed),
            board.policies.listen(self._table_changed),
            board.targets.listen(self._table_changed),
            board.hosts.listen(self._table_changed),
            board.domains.listen(self._table_changed),
        ]
        try:
            while True:
                self._lost.clear()
                await connect(self._path, self._make_connection)
                await self._lost.wait()
                _log.warning("the gateway is gone; it goes on with what it knows, connecting again")
        finally:
            for end in unlisten:
                end()
            if self._connection is not None:
                self._connection.close()

    def settle(self) -> None:
        """The Board is complete: send it, now and whenever a gateway appears."""
        if not self._settled:
            self._settled = True
            self._send_everything()

    @property
    def is_connected(self) -> bool:
        return self._connected.is_set()

    async def connected(self) -> None:
        """Wait until there is a gateway."""
        await self._connected.wait()

    async def scrape(self, timeout_s: float = 2.0) -> str:
        """The gateway's Prometheus text. Raises: GatewayGone."""
        if self._connection is None:
            raise GatewayGone("the gateway is not connected")
        number = next(self._scrape_ids)
        answer: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._scrapes[number] = answer
        self._send(ScrapeMetrics(number))
        try:
            async with asyncio.timeout(timeout_s):
                return await answer
        except TimeoutError as error:
            raise GatewayGone(f"the gateway did not answer within {timeout_s:g} s") from error
        finally:
            del self._scrapes[number]

    def _make_connection(self) -> LineConnection[ToEngine]:
        return LineConnection(
            self, msgspec.json.Decoder(ToEngine), _log, "the gateway says what this engine does not know"
        )

    # From the Board

    def _endpoints_changed(self, key: RevisionKey, endpoints: tuple[Endpoint, ...] | None) -> None:
        if self._settled:
            self._send(make_endpoints(key, endpoints or ()))

    def _table_changed(self, key: object, value: object) -> None:
        if self._settled and self._connection is not None and self._table_due is None:
            self._table_due = asyncio.get_running_loop().call_soon(self._send_table)

    def _send_table(self) -> None:
        self._table_due = None
        self._table_version += 1
        table = make_table(self._board, self._table_version)
        self._send(table)
        # A revision may have had endpoints before it had a policy.
        added = table.revisions.keys() - self._sent_revisions
        self._sent_revisions = frozenset(table.revisions)
        for name in added:
            key = RevisionKey.parse(name)
            self._send(make_endpoints(key, self._board.endpoints.get(key) or ()))

    def _send_everything(self) -> None:
        if self._connection is None or not self._settled:
            return
        self._sent_revisions = frozenset()
        self._send_table()
        for key, endpoints in self._board.endpoints.items():
            if str(key) not in self._sent_revisions:
                self._send(make_endpoints(key, endpoints))

    def _send(self, message: ToGateway) -> None:
        if self._connection is not None:
            self._connection.send(message)

    # From the connection

    def opened(self, connection: LineConnection[ToEngine]) -> None:
        self._connection = connection
        self._connected.set()
        self._send_everything()

    def closed(self, connection: LineConnection[ToEngine]) -> None:
        self._connection = None
        self._connected.clear()
        for answer in self._scrapes.values():
            if not answer.done():
                answer.set_exception(GatewayGone("the gateway went away while it was asked"))
        self._lost.set()

    def handle(self, message: ToEngine) -> None:
        signals = self._board.signals
        if isinstance(message, Poke):
            for poke in list(signals.poke):
                poke(RevisionKey.parse(message.revision), message.waiting)
        elif isinstance(message, Load):
            for load in list(signals.load):
                load(message.samples)
        elif isinstance(message, Idle):
            for idle in list(signals.idle):
                idle(RevisionKey.parse(message.revision), message.endpoint)
        elif isinstance(message, Unreachable):
            _log.warning("instance %s of %s: %s", message.endpoint, message.revision, message.error)
            for unreachable in list(signals.unreachable):
                unreachable(RevisionKey.parse(message.revision), message.endpoint)
        elif isinstance(message, ColdStart):
            for cold_start in list(self.cold_starts):
                cold_start(RevisionKey.parse(message.revision), message.seconds)
        elif isinstance(message, Metrics):
            answer = self._scrapes.get(message.id)
            if answer is not None and not answer.done():
                answer.set_result(message.text)


def make_table(board: Board, version: int) -> Table:
    """The routing state as the Board has it; hosts whose target is not there yet are left out."""
    return Table(
        version=version,
        hosts={host: key for host, key in board.hosts.items() if key in board.targets},
        targets=dict(board.targets.items()),
        revisions={str(key): policy for key, policy in board.policies.items()},
        domains={host: key for host, key in board.domains.items() if key in board.targets},
    )


def make_endpoints(key: RevisionKey, endpoints: tuple[Endpoint, ...]) -> Endpoints:
    return Endpoints(
        str(key), tuple(EndpointEntry(endpoint.id, endpoint.address, endpoint.draining) for endpoint in endpoints)
    )
