"""What Linux says of processes: who lives, since when, whose child, who holds which socket; and two prctl calls."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import time
from collections.abc import Iterator

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_LISTEN = "0A"  # st column of /proc/net/tcp

_libc = ctypes.CDLL(None, use_errno=True)


def become_subreaper() -> None:
    """Orphans below this process become its children instead of init's, so none can get lost."""
    _libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def die_with_parent(sig: signal.Signals, parent: int) -> None:
    """Have the kernel send `sig` when the parent ends; at once if it ended already. Undone by a fork."""
    _libc.prctl(_PR_SET_PDEATHSIG, int(sig), 0, 0, 0)
    if os.getppid() != parent:
        os.kill(os.getpid(), sig)


def _stat(pid: int) -> list[str] | None:
    """The fields of /proc/PID/stat from `state` on; the name before them may hold blanks and brackets."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()
    except OSError:
        return None


def start_ticks(pid: int) -> int:
    """When the process started, in clock ticks since boot: with the pid it names a process for good. 0: gone."""
    fields = _stat(pid)
    return int(fields[19]) if fields and fields[0] not in "ZX" else 0


def age_s(pid: int) -> float:
    """Seconds since the process started; at a resolution of 10 ms."""
    ticks = start_ticks(pid)
    return time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / os.sysconf("SC_CLK_TCK") if ticks else 0.0


def is_alive(pid: int, ticks: int) -> bool:
    return ticks != 0 and start_ticks(pid) == ticks


def name_of(pid: int) -> str:
    try:
        with open(f"/proc/{pid}/comm") as file:
            return file.read().strip()
    except OSError:
        return ""


def pids() -> Iterator[int]:
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            yield int(entry)


def descendants(root: int) -> set[int]:
    """Every living process below `root`, zombies left out."""
    children: dict[int, list[int]] = {}
    for pid in pids():
        fields = _stat(pid)
        if fields and fields[0] not in "ZX":
            children.setdefault(int(fields[1]), []).append(pid)
    found: set[int] = set()
    todo = [root]
    while todo:
        for child in children.get(todo.pop(), ()):
            if child not in found:
                found.add(child)
                todo.append(child)
    return found


def _holders(inodes: set[str]) -> Iterator[int]:
    """Processes with one of these sockets open; those of other users cannot be seen."""
    wanted = {f"socket:[{inode}]" for inode in inodes}
    if not wanted:
        return
    for pid in pids():
        try:
            fds = os.listdir(f"/proc/{pid}/fd")
        except OSError:
            continue
        for fd in fds:
            with contextlib.suppress(OSError):
                if os.readlink(f"/proc/{pid}/fd/{fd}") in wanted:
                    yield pid
                    break


def port_owner(port: int) -> tuple[int, str]:
    """Pid and name of a process that listens on this TCP port; (0, "") when it is another user's."""
    inodes: set[str] = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        with contextlib.suppress(OSError), open(table) as file:
            for line in file:
                fields = line.split()
                if len(fields) > 9 and fields[3] == _LISTEN and fields[1].endswith(f":{port:04X}"):
                    inodes.add(fields[9])
    for pid in _holders(inodes):
        return pid, name_of(pid)
    return 0, ""


def socket_holders(folder: str) -> set[int]:
    """Processes that hold a Unix socket bound below `folder`: what an engine that was killed has left running."""
    inodes: set[str] = set()
    with contextlib.suppress(OSError), open("/proc/net/unix") as file:
        for line in file:
            fields = line.split(maxsplit=7)
            if len(fields) == 8 and fields[7].startswith(f"{folder}/"):
                inodes.add(fields[6])
    return set(_holders(inodes))


def proportional_bytes(pid: int) -> int:
    """Memory of a process, what it shares counted by its share (PSS). 0: gone, or another user's."""
    with contextlib.suppress(OSError, ValueError), open(f"/proc/{pid}/smaps_rollup") as file:
        for line in file:
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    return 0
