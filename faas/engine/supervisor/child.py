"""One process that the supervisor keeps alive."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Mapping

from faas.engine.supervisor.processes import die_with_parent
from faas.engine.supervisor.restarts import Restarts

_READY_VARIABLE = "FAAS_SUPERVISOR_PID"  # who gets SIGUSR1 when a child is ready


class Child:
    """A program with the sockets it serves; killed by the kernel when the supervisor dies.

    Args:
        command: asked at each start; may write what the program reads. Raises: StartError: it cannot be started.
        patience_s: how long it may take to end.
        is_wanted: whether it should run now; a child that is not wanted any more is ended.
        is_spent: whether it runs but is of no use until it is started anew.
        is_essential: the engine's start fails when it cannot be started.
        variables: of its environment, where ours does not say otherwise.
    """

    def __init__(
        self,
        name: str,
        command: Callable[[], list[str]],
        fds: tuple[int, ...],
        *,
        patience_s: float,
        is_wanted: Callable[[], bool] = lambda: True,
        is_spent: Callable[[], bool] = lambda: False,
        is_essential: bool = True,
        variables: Mapping[str, str] | None = None,
    ) -> None:
        self.name, self.command, self.fds, self.patience_s = name, command, fds, patience_s
        self.is_wanted, self.is_spent, self.is_essential = is_wanted, is_spent, is_essential
        self.variables = variables or {}
        self.pid = 0
        self.due_s: float | None = 0.0  # when to start it; None while it runs
        self.restarts = Restarts()
        self._started_s = 0.0
        self._asked_to_end = False

    def start(self, blocked: set[signal.Signals]) -> None:
        """Raises: StartError."""
        parent = os.getpid()
        self._started_s = time.monotonic()
        command = self.command()
        self.due_s, self._asked_to_end = None, False
        self.pid = os.fork()
        if self.pid == 0:
            try:
                die_with_parent(signal.SIGKILL, parent)
                signal.pthread_sigmask(signal.SIG_UNBLOCK, blocked)
                signal.signal(signal.SIGPIPE, signal.SIG_DFL)
                for fd in self.fds:
                    os.set_inheritable(fd, True)
                environment = {**self.variables, **os.environ, _READY_VARIABLE: str(parent)}
                os.execve(command[0], command, environment)
            finally:
                os._exit(127)

    def died(self) -> float:
        """Note the death, or that it could not be started, and when to start again; returns the wait in seconds."""
        now = time.monotonic()
        self.pid = 0
        self.restarts, wait = self.restarts.after_death(now - self._started_s)
        self.due_s = now + wait
        return wait

    def ended(self) -> None:
        """Note that it is gone and need not come back, until it is wanted again."""
        self.pid, self.due_s, self.restarts = 0, 0.0, Restarts()

    def end(self) -> bool:
        """Ask it to end; whether that was news to it."""
        if not self.pid or self._asked_to_end:
            return False
        self._asked_to_end = True
        self.signal(signal.SIGTERM)
        return True

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
