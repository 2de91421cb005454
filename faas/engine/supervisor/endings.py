"""Ending processes that are not our children: asked first, then made to."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable

from faas.engine.supervisor.processes import is_alive, start_ticks

_LOOK_S = 0.02


def end_processes(
    find: Callable[[], set[int]],
    *,
    grace_s: float,
    hurry: Callable[[], bool] = lambda: False,
    reap: Callable[[], None] = lambda: None,
) -> int:
    """SIGTERM to all that `find` finds, SIGKILL to those left after `grace_s`; returns how many there were.

    Args:
        find: asked again until it finds nobody: a process that is ending may still fork, or leave children.
        hurry: true when somebody lost patience.
        reap: called while waiting; for a parent, whose dead children are zombies until then.
    """
    asked: dict[int, int] = {}
    deadline = time.monotonic() + grace_s
    while living := {pid: start_ticks(pid) for pid in find() if pid != os.getpid()}:
        impatient = hurry() or time.monotonic() > deadline
        for pid, ticks in living.items():
            if impatient or asked.get(pid) != ticks:
                _send(pid, ticks, signal.SIGKILL if impatient else signal.SIGTERM)
                asked[pid] = ticks
        if time.monotonic() > deadline + grace_s:  # uninterruptible: nothing more can be done from here
            break
        time.sleep(_LOOK_S)
        reap()
    return len(asked)


def _send(pid: int, ticks: int, sig: signal.Signals) -> None:
    if is_alive(pid, ticks):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, sig)
