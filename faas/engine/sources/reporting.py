"""What a source says of itself, on the board: at once when its state changes, each second while it counts events."""

from __future__ import annotations

from typing import Literal

from faas.engine.contract.board import Board
from faas.engine.contract.clock import Clock, Timer
from faas.engine.contract.sources import SourceKey, SourceStatus

State = Literal["starting", "running", "failing", "idle"]
_COUNT_EVERY_S = 1.0
_GRAVITY: dict[State, int] = {"idle": 0, "running": 1, "starting": 2, "failing": 3}


class Reporter:
    """The one writer of `board.source_status` for a source; its replicas add up, the worst state counts."""

    def __init__(self, board: Board, key: SourceKey, clock: Clock) -> None:
        self._board, self._key, self._clock = board, key, clock
        self._replicas: dict[int, SourceStatus] = {}
        self._due: Timer | None = None

    def say(self, state: State, reason: str = "", message: str = "", *, replica: int = 0) -> None:
        old = self._of(replica)
        self._replicas[replica] = SourceStatus(state, reason, message, old.events, old.restarts)
        self._publish()

    def restarted(self, replica: int = 0) -> None:
        old = self._of(replica)
        self._replicas[replica] = SourceStatus(old.state, old.reason, old.message, old.events, old.restarts + 1)

    def sent(self, events: int = 1, *, replica: int = 0) -> None:
        """So many more events were accepted by the sink."""
        if not events:
            return
        old = self._of(replica)
        self._replicas[replica] = SourceStatus(old.state, old.reason, old.message, old.events + events, old.restarts)
        if self._due is None:
            self._due = self._clock.call_later(_COUNT_EVERY_S, self._publish)

    def close(self) -> None:
        self._cancel()
        self._board.source_status.delete(self._key)

    def _of(self, replica: int) -> SourceStatus:
        return self._replicas.get(replica) or SourceStatus("starting")

    def _publish(self) -> None:
        self._cancel()
        self._board.source_status.put(self._key, summed(list(self._replicas.values())))

    def _cancel(self) -> None:
        if self._due is not None:
            self._due.cancel()
            self._due = None


def summed(replicas: list[SourceStatus]) -> SourceStatus:
    """One status for all replicas of a source."""
    worst = max(replicas, key=lambda status: _GRAVITY[status.state])
    events, restarts = (sum(values) for values in zip(*((r.events, r.restarts) for r in replicas), strict=True))
    return SourceStatus(worst.state, worst.reason, worst.message, events, restarts)
