"""What processes account for, where no cgroup counts or limits it.

An instance is its process and all that it started: a limit that a subprocess could evade would be none.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

INTERVAL_S = 0.5  # a runaway allocation of 1 GiB/s is 512 MiB late; the kernel's own killer is the backstop
_PAGE = os.sysconf("SC_PAGE_SIZE")


def is_over(pid: int, limit_bytes: int) -> bool:
    """Whether the process and its descendants account for more than the limit; what they share counts in proportion."""
    tree = [pid, *_descendants(pid)]
    # What is shared counts fully here, so this is never too low, and a hundred times cheaper.
    if sum(_resident_size(member) for member in tree) <= limit_bytes:
        return False
    return sum(proportional_size(member) for member in tree) > limit_bytes


def proportional_size(pid: int) -> int:
    """Bytes of memory that this process accounts for (PSS); 0 when it is gone. Takes about a millisecond."""
    try:
        with open(f"/proc/{pid}/smaps_rollup", "rb") as file:
            for line in file:
                if line.startswith(b"Pss:"):
                    return int(line.split()[1]) * 1024
    except OSError:
        return 0
    return 0


def _descendants(pid: int) -> Iterator[int]:
    try:
        threads = os.listdir(f"/proc/{pid}/task")
    except OSError:
        return
    for thread in threads:
        try:
            with open(f"/proc/{pid}/task/{thread}/children", "rb") as file:
                children = [int(child) for child in file.read().split()]
        except OSError:  # the thread has ended, or this kernel does not list children
            continue
        for child in children:
            yield child
            yield from _descendants(child)


def _resident_size(pid: int) -> int:
    try:
        with open(f"/proc/{pid}/statm", "rb") as file:
            return int(file.read().split()[1]) * _PAGE
    except (OSError, IndexError):  # it is gone
        return 0
