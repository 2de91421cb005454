"""One process that the supervisor keeps alive."""

from __future__ import annotations

import os
import signal
import time

from faas.engine.supervisor.processes import die_with_parent
from faas.engine.supervisor.restarts import Restarts

_READY_VARIABLE = "FAAS_SUPERVISOR_PID"  # who gets SIGUSR1 when a child is ready


class Child:
    """`python -m MODULE --settings PATH`, with the sockets it serves; killed by the kernel when the supervisor dies."""

    def __init__(self, name: str, command: list[str], fds: tuple[int, ...]) -> None:
        self.name, self.command, self.fds = name, command, fds
        self.pid = 0
        self.due_s: float | None = 0.0  # when to start it; None while it runs
        self.restarts = Restarts()
        self._started_s = 0.0

    def start(self, blocked: set[signal.Signals]) -> None:
        parent = os.getpid()
        self._started_s, self.due_s = time.monotonic(), None
        self.pid = os.fork()
        if self.pid == 0:
            try:
                die_with_parent(signal.SIGKILL, parent)
                signal.pthread_sigmask(signal.SIG_UNBLOCK, blocked)
                signal.signal(signal.SIGPIPE, signal.SIG_DFL)
                for fd in self.fds:
                    os.set_inheritable(fd, True)
                os.execve(self.command[0], self.command, {**os.environ, _READY_VARIABLE: str(parent)})
            finally:
                os._exit(127)

    def died(self) -> float:
        """Note the death and when to start again; returns the wait in seconds."""
        now = time.monotonic()
        self.pid = 0
        self.restarts, wait = self.restarts.after_death(now - self._started_s)
        self.due_s = now + wait
        return wait

    def signal(self, sig: signal.Signals) -> None:
        if self.pid:
            os.kill(self.pid, sig)  # a zombie of ours until we reap it: the pid cannot be another's


def status_text(status: int) -> str:
    """`exit code 3` or `signal SIGKILL`, from what waitpid gave."""
    code = os.waitstatus_to_exitcode(status)
    if code >= 0:
        return f"exit code {code}"
    try:
        return f"signal {signal.Signals(-code).name}"
    except ValueError:
        return f"signal {-code}"
