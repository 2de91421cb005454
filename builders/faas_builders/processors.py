"""How much of this machine there is for work that can be shared out."""

from __future__ import annotations

import os


def processors() -> int:
    """Those that this process may use, at least one."""
    if hasattr(os, "sched_getaffinity"):  # Linux: taskset and containers may leave us fewer than there are
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
