"""The memory limit of process instances, where no cgroup enforces it: looks, and says who is over."""

from __future__ import annotations

import os

from faas.engine.instances.zygotes import proportional_size

INTERVAL_S = 0.5  # a runaway allocation of 1 GiB/s is 512 MiB late; the kernel's own killer is the backstop
_PAGE = os.sysconf("SC_PAGE_SIZE")


def resident_size(pid: int) -> int:
    """Bytes, including what is shared with the zygote; cheap. 0 when the process is gone."""
    try:
        with open(f"/proc/{pid}/statm", "rb") as file:
            return int(file.read().split()[1]) * _PAGE
    except OSError:
        return 0


def is_over(pid: int, limit_bytes: int) -> bool:
    """Whether the process alone accounts for more than its limit; what it shares counts in proportion."""
    return resident_size(pid) > limit_bytes and proportional_size(pid) > limit_bytes
