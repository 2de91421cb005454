"""Whose process listens at a port of this machine.

While nats-server is not there, any user may take its port, and whoever connects says its password first.
"""

from __future__ import annotations

from pathlib import Path

_LISTENING = "0A"
_TABLES = ("/proc/net/tcp", "/proc/net/tcp6")


def listener_uid(port: int, tables: tuple[str, ...] = _TABLES) -> int | None:
    """The user's id; None: nobody listens, or this system does not tell (only Linux does)."""
    for table in tables:
        try:
            lines = Path(table).read_text().splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            _, local, _, state, _, _, _, uid, *_ = line.split()
            if state == _LISTENING and int(local.rpartition(":")[2], 16) == port:
                return int(uid)
    return None
