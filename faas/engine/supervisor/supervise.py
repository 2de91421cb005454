"""The loop: start what is due, reap what died, and end everything from the outside in when told to."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable

from faas.engine.supervisor.child import Child, status_text
from faas.engine.supervisor.endings import end_processes
from faas.engine.supervisor.errors import Died
from faas.engine.supervisor.processes import descendants, socket_holders
from faas.engine.supervisor.report import Report

# They are blocked for good and taken one by one with sigtimedwait: no handler runs at a bad moment.
SIGNALS = {signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1}
_STOP = {signal.SIGTERM, signal.SIGINT}
_TRIES_BEFORE_READY = 3
_HOUSEKEEPING_S = 60.0


class Supervisor:
    """`children` in the order in which they end: the gateway, then the engine, which says when all is ready."""

    def __init__(self, children: list[Child], runtime_dir: str, report: Report, on_ready: Callable[[], None]) -> None:
        self.children, self.runtime_dir, self.report, self._on_ready = children, runtime_dir, report, on_ready
        self._is_ready = False

    def run(self) -> None:
        """Keep everything alive until a signal says stop.

        Raises: Died: a child ended again and again before the engine was ever ready.
        """
        while True:
            self._start_due()
            got = signal.sigtimedwait(SIGNALS, self._wait_s())
            if got is None:
                self.report.bound_log()
            elif got.si_signo == signal.SIGCHLD:
                self._reap()
            elif got.si_signo == signal.SIGUSR1:
                self._ready(got.si_pid)
            elif got.si_signo in _STOP:
                return

    def stop(self, *, drain_s: float, stop_s: float) -> None:
        """The gateway finishes what it holds, then the engine, then zygotes and instances. A second signal hurries."""
        for child, patience_s in zip(self.children, (drain_s, stop_s), strict=True):
            self.report.log(f"ending the {child.name}")
            child.signal(signal.SIGTERM)
            if not self._wait_for(child, patience_s):
                self.report.log(f"the {child.name} did not end in time: killing it")
                child.signal(signal.SIGKILL)
                self._wait_for(child, stop_s)
        end_processes(self._others, grace_s=stop_s, hurry=self._hurried, reap=self._reap_all)

    def _others(self) -> set[int]:
        """Instances of an engine before us are nobody's descendants, but their sockets are in our folder."""
        return descendants(os.getpid()) | socket_holders(self.runtime_dir)

    def _start_due(self) -> None:
        for child in self.children:
            if child.due_s is not None and child.due_s <= time.monotonic():
                child.start(SIGNALS)
                self.report.log(f"started the {child.name}, pid {child.pid}")

    def _wait_s(self) -> float:
        due = [child.due_s for child in self.children if child.due_s is not None]
        return max(0.0, min(due) - time.monotonic()) if due else _HOUSEKEEPING_S

    def _ready(self, pid: int) -> None:
        if pid == self.children[-1].pid and not self._is_ready:
            self._is_ready = True
            self._on_ready()

    def _reap(self) -> None:
        for pid, status in _dead():
            for child in self.children:
                if child.pid == pid:
                    self._note_death(child, status_text(status))

    def _note_death(self, child: Child, status: str) -> None:
        wait_s = child.died()
        self.report.log(f"the {child.name} ended with {status}, starting it again in {wait_s:g} s")
        if not self._is_ready and child.restarts.in_a_row >= _TRIES_BEFORE_READY:
            raise Died(child.name, status, self.report.log_tail())

    def _reap_all(self) -> None:
        for pid, _ in _dead():
            for child in self.children:
                if child.pid == pid:
                    child.pid = 0

    def _wait_for(self, child: Child, patience_s: float) -> bool:
        deadline = time.monotonic() + patience_s
        while child.pid:
            got = signal.sigtimedwait(SIGNALS, max(0.0, deadline - time.monotonic()))
            self._reap_all()
            if got is None or got.si_signo in _STOP:
                return child.pid == 0
        return True

    def _hurried(self) -> bool:
        got = signal.sigtimedwait(_STOP, 0)
        return got is not None


def _dead() -> list[tuple[int, int]]:
    """Every child that ended, orphans that became ours among them."""
    found: list[tuple[int, int]] = []
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return found
        if pid == 0:
            return found
        found.append((pid, status))
