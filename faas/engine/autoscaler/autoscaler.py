"""The loop that drives the KPA: facts from the board in, decisions onto the board out."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from contextlib import ExitStack
from types import TracebackType
from typing import Self, TypeVar

from faas.engine.autoscaler.backlog import Queue, wanted_instances
from faas.engine.autoscaler.decider import Decider
from faas.engine.autoscaler.metrics import render
from faas.engine.contract.board import Board
from faas.engine.contract.clock import Clock, Timer
from faas.engine.contract.dataplane import LoadSample
from faas.engine.contract.revision import FleetStatus, RevisionKey, RevisionPlan

_log = logging.getLogger(__name__)
# How long a restarted engine waits for the gateway's first report before it takes silence for idleness: the gateway
# reports each second, and only what had requests.
_PATIENCE_S = 5.0
# Together, for the backlogs of revisions without a max scale: twice the cores keeps them busy while instances wait for
# the disk; more would only share them, and each costs its memory.
_INSTANCES_PER_CORE, _LEAST_INSTANCES = 2, 4
_Listener = TypeVar("_Listener", bound=Callable[..., None])


class Autoscaler:
    """Writes `board.decisions` while it is entered.

    Everything happens in line, in callbacks of the board and of timers: a request that finds no capacity has its
    decision before `poke` returns. Each revision has a timer of its own, and none while it is at rest, so an engine
    with a thousand revisions at zero does nothing; what goes wrong with one revision is logged and stops no other.
    """

    def __init__(self, board: Board, clock: Clock, *, most_for_backlogs: int | None = None) -> None:
        """Args: most_for_backlogs: instances of revisions without a max scale; None: as the machine's cores allow."""
        self._board = board
        self._clock = clock
        self._deciders: dict[RevisionKey, Decider] = {}
        self._timers: dict[RevisionKey, tuple[float, Timer]] = {}  # when it is due, on the clock
        self._entered_s = clock.now()
        self._most = most_for_backlogs or max(_LEAST_INSTANCES, _INSTANCES_PER_CORE * (os.cpu_count() or 1))
        self._backlog_due: Timer | None = None
        self._reported = False  # whether the gateway has sent a load report since the start
        self._exit = ExitStack()

    async def __aenter__(self) -> Self:
        self._entered_s = self._clock.now()
        signals = self._board.signals
        self._exit.callback(self._board.plans.listen(self._on_plan))
        self._exit.callback(self._board.fleets.listen(self._on_fleet))
        for observed in (self._board.trigger_status, self._board.triggers, self._board.targets):
            self._exit.callback(observed.listen(self._on_backlog))
        _subscribe(self._exit, signals.poke, self._on_poke)
        _subscribe(self._exit, signals.load, self._on_load)
        for key, plan in self._board.plans.items():
            self._on_plan(key, plan)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._exit.close()
        for key in list(self._timers):
            self._cancel(key)
        if self._backlog_due is not None:
            self._backlog_due.cancel()

    def metrics(self) -> str:
        """The Prometheus text of every revision's scaling."""
        return render(self._deciders)

    def _on_plan(self, key: RevisionKey, plan: RevisionPlan | None) -> None:
        if plan is None:
            self._deciders.pop(key, None)
            self._cancel(key)
            self._board.decisions.delete(key)
            return
        now_s = self._clock.now()
        decider = self._deciders.get(key)
        if decider is None or decider.plan.uid != plan.uid:  # deleted and made again under the same name
            decider = self._deciders[key] = Decider(plan, now_s=now_s)
            if (fleet := self._board.fleets.get(key)) is not None:
                decider.set_fleet(fleet, now_s=now_s)
        else:
            decider.set_plan(plan)
        self._decide(key)

    def _on_fleet(self, key: RevisionKey, fleet: FleetStatus | None) -> None:
        if (decider := self._deciders.get(key)) is None:
            return
        ready = fleet.ready if fleet is not None else 0
        if fleet is None or ready != decider.ready or not ready:
            decider.set_fleet(fleet or FleetStatus(), now_s=self._clock.now())
            self._decide(key)

    def _on_poke(self, key: RevisionKey, waiting: int) -> None:
        self._decide(key, waiting=max(1, waiting))

    def _on_load(self, samples: tuple[LoadSample, ...]) -> None:
        now_s, self._reported = self._clock.now(), True
        for sample in samples:
            key = RevisionKey.parse(sample.revision)
            if (decider := self._deciders.get(key)) is not None:
                decider.record(sample, now_s=now_s)
                if decider.decision.desired <= 0:
                    self._decide(key)

    def _on_backlog(self, key: str, value: object) -> None:
        """All queues together, soon: one report of the broker changes many."""
        if self._backlog_due is None and len(self._board.triggers):
            self._backlog_due = self._clock.call_later(0.0, self._follow_backlogs)

    def _follow_backlogs(self) -> None:
        self._backlog_due = None
        board, now_s = self._board, self._clock.now()
        queues = [
            Queue(trigger.target, status.waiting + status.in_flight, trigger.backlog_target)
            for name, status in board.trigger_status.items()
            if (trigger := board.triggers.get(name)) is not None
        ]
        policies = {key: decider.plan.scaling for key, decider in self._deciders.items()}
        wanted = wanted_instances(queues, dict(board.targets.items()), policies, most=self._most)
        for key, decider in list(self._deciders.items()):
            if decider.backlog != (instances := wanted.get(key, 0)):
                decider.set_backlog(instances, now_s=now_s)
                self._decide(key)

    def _on_timer(self, key: RevisionKey) -> None:
        self._timers.pop(key, None)
        self._decide(key)

    def _decide(self, key: RevisionKey, waiting: int = 0) -> None:
        if (decider := self._deciders.get(key)) is None:
            return
        now_s = self._clock.now()
        try:
            known = self._reported or now_s - self._entered_s >= _PATIENCE_S
            decision = decider.decide(now_s=now_s, data_plane_known=known, waiting=waiting)
        except Exception:  # noqa: BLE001 - one revision's trouble must not stop the others
            _log.exception("cannot decide the scale of revision %s; it keeps its instances", key)
        else:
            self._board.decisions.put(key, decision)
        if decider.at_rest:
            self._cancel(key)
        else:
            self._wake(key, now_s + decider.next_tick_s(now_s=now_s))

    def _wake(self, key: RevisionKey, due_s: float) -> None:
        """Decide again then, or before, when that is planned already."""
        if key in self._timers and self._timers[key][0] <= due_s:
            return
        self._cancel(key)
        timer = self._clock.call_later(due_s - self._clock.now(), lambda: self._on_timer(key))
        self._timers[key] = (due_s, timer)

    def _cancel(self, key: RevisionKey) -> None:
        if (planned := self._timers.pop(key, None)) is not None:
            planned[1].cancel()


def _subscribe(exit_: ExitStack, listeners: list[_Listener], listener: _Listener) -> None:
    listeners.append(listener)
    exit_.callback(listeners.remove, listener)
