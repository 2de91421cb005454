"""What a process does to itself before it runs a user's code: limits, no new privileges, dying with the terminal."""

from __future__ import annotations

import fcntl
import os
import resource
import select
import signal
import sys

_F_SETSIG = 10  # fcntl.h; the fcntl module does not name it
_PR_SET_DUMPABLE = 4
_PR_SET_NAME = 15
_PR_SET_NO_NEW_PRIVS = 38

if sys.platform == "linux":
    import ctypes

    _prctl = ctypes.CDLL(None, use_errno=True).prctl  # looked up once, before any fork


def confine(*, oom_score: int = 500) -> None:
    """No core dumps, no new privileges, and first in line when the machine runs out of memory.

    500: well above anything that is not meant to be expendable, below what asks to be killed first (1000).
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform != "linux":
        return
    _prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    try:
        with open("/proc/self/oom_score_adj", "w") as file:
            file.write(str(oom_score))
    except OSError:  # read-only in some containers; it is a preference
        return


def become(uid: int, gid: int) -> None:
    """Be this user from here on, with its first group only; there is no way back. Raises: PermissionError."""
    os.setgroups([])
    os.setresgid(gid, gid, gid)
    os.setresuid(uid, uid, uid)
    if sys.platform == "linux":
        # The kernel hides /proc/self from a process that changed its user, in case it remembers secrets: this has none.
        _prctl(_PR_SET_DUMPABLE, 1, 0, 0, 0)


def set_process_name(name: str) -> None:
    """Shown by ps and top; the kernel keeps 15 bytes."""
    if sys.platform == "linux":
        _prctl(_PR_SET_NAME, name.encode()[:15], 0, 0, 0)


def die_with(lifeline: int) -> None:
    """Have the kernel kill this process when the last writer of the pipe `lifeline` is gone.

    The parent-death signal would tie an instance to its zygote, and a thread would need an interpreter lock that
    the user's code may hold. A signal-driven pipe needs neither: its hang-up raises SIGKILL. The setting belongs to
    the open file, so each process opens the pipe again for itself.
    """
    own = os.open(f"/proc/self/fd/{lifeline}", os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    fcntl.fcntl(own, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(own, _F_SETSIG, signal.SIGKILL)
    fcntl.fcntl(own, fcntl.F_SETFL, os.O_NONBLOCK | os.O_ASYNC)
    poll = select.poll()
    poll.register(own, 0)
    if poll.poll(0):  # it had hung up before the signal was armed
        os.kill(os.getpid(), signal.SIGKILL)
