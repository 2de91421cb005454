"""The loop: start what is due, reap what died, and end everything from the outside in when told to."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator

from faas.engine.supervisor.child import Child, status_text
from faas.engine.supervisor.children import Children
from faas.engine.supervisor.endings import end_processes
from faas.engine.supervisor.errors import Died, StartError
from faas.engine.supervisor.processes import descendants, socket_holders
from faas.engine.supervisor.report import Report

# They are blocked for good and taken one by one with sigtimedwait: no handler runs at a bad moment. SIGUSR1: the engine
# is ready; SIGUSR2: look again who is wanted.
SIGNALS = {signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2}
_STOP = {signal.SIGTERM, signal.SIGINT}
_TRIES_BEFORE_READY = 3
_HOUSEKEEPING_S = 60.0


class Supervisor:
    def __init__(self, children: Children, runtime_dir: str, report: Report, on_ready: Callable[[], None]) -> None:
        self.children, self.runtime_dir, self.report, self._on_ready = children, runtime_dir, report, on_ready
        self._is_ready = False
        self._complaint = ""

    def run(self) -> None:
        """Keep everything alive until a signal says stop.

        Raises: Died: an essential child ended again and again before the engine was ever ready.
        """
        while True:
            self._start_due()
            self._end_unwanted()
            self._end_spent()
            got = signal.sigtimedwait(SIGNALS, self._wait_s())
            if got is None:
                self.report.keep_house()
            elif got.si_signo == signal.SIGCHLD:
                self._reap()
            elif got.si_signo == signal.SIGUSR1:
                self._ready(got.si_pid)
            elif got.si_signo in _STOP:
                return

    def stop(self, *, stop_s: float) -> None:
        """Each finishes what it holds; zygotes and instances come last. A second signal hurries.

        What the broker has handed out ends with the gateway's drain; what it would hand out meanwhile finds no gateway,
        which is no attempt. Containers are nobody's descendants: a program ends them meanwhile.
        """
        for child in self.children.from_outside():
            self._finish(child, stop_s)
        containers = self.children.containers
        if containers.is_wanted():
            self._start(containers)
        end_processes(self._others, grace_s=stop_s, hurry=self._hurried, reap=self._reap_all)
        self._wait_for(containers, stop_s + containers.patience_s)
        self._finish(containers, stop_s)

    def _finish(self, child: Child, stop_s: float) -> None:
        self._end(child)
        if not self._wait_for(child, child.patience_s):
            self.report.log(f"the {child.name} did not end in time: killing it")
            child.signal(signal.SIGKILL)
            self._wait_for(child, stop_s)

    def _end(self, child: Child) -> None:
        if child.end():
            self.report.log(f"ending the {child.name}")

    def _others(self) -> set[int]:
        """Instances of an engine before us are nobody's descendants, but their sockets are in our folder."""
        return (descendants(os.getpid()) | socket_holders(self.runtime_dir)) - {self.children.containers.pid}

    def _waiting(self) -> Iterator[tuple[Child, float]]:
        """Who has to be started, and when."""
        for child in self.children:
            if child.due_s is not None and child.is_wanted():
                yield child, child.due_s

    def _start_due(self) -> None:
        for child, due_s in list(self._waiting()):
            if due_s <= time.monotonic():
                self._start(child)

    def _start(self, child: Child) -> None:
        try:
            child.start(SIGNALS)
        except (StartError, OSError) as error:  # OSError: a disk that is full, no process to be had
            self._complain(f"cannot start the {child.name}, trying again: {error}")
            child.died()
        else:
            self.report.log(f"started the {child.name}, pid {child.pid}")

    def _complain(self, message: str) -> None:
        """Once: what is tried each few seconds would be all that the log has."""
        if message != self._complaint:
            self._complaint = message
            self.report.log(message)

    def _end_unwanted(self) -> None:
        """One after another: the next is asked when those before it have ended."""
        for child in self.children.from_outside():
            if child.pid and not child.is_wanted():
                self._end(child)
                return

    def _end_spent(self) -> None:
        """They are started anew as if they had died."""
        for child in self.children:
            if child.pid and child.is_spent():
                self._end(child)

    def _wait_s(self) -> float:
        due = [due_s for _, due_s in self._waiting()]
        return max(0.0, min(due) - time.monotonic()) if due else _HOUSEKEEPING_S

    def _ready(self, pid: int) -> None:
        if pid == self.children.engine.pid and not self._is_ready:
            self._is_ready = True
            self._on_ready()

    def _reap(self) -> None:
        for pid, status in _dead():
            for child in self.children:
                if child.pid == pid:
                    self._note_death(child, status_text(status))

    def _note_death(self, child: Child, status: str) -> None:
        if not child.is_wanted():
            child.ended()
            self.report.log(f"the {child.name} ended with {status}; it is not needed now")
            return
        wait_s = child.died()
        self.report.log(f"the {child.name} ended with {status}, starting it again in {wait_s:g} s")
        if child.is_essential and not self._is_ready and child.restarts.in_a_row >= _TRIES_BEFORE_READY:
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
        if signal.sigtimedwait(_STOP, 0) is None:
            return False
        self._end(self.children.containers)
        return True


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
