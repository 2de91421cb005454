"""What an engine leaves on disk of each instance, so that the next one can go on with it.

Small JSON files in the runtime folder, written whole and renamed, never synced: after a power cut there is no instance
that they could be about.
"""

from __future__ import annotations

import os
from pathlib import Path

import msgspec


class Record(msgspec.Struct, frozen=True):
    namespace: str
    revision: str
    pod: str
    run: int
    pid: int
    started_ticks: int  # the process's start time as the kernel has it: pids are reused
    created_s: float
    ready: bool = False


def process_start(pid: int) -> int | None:
    """Clock ticks from boot to the process's start; None when there is no such process, or only its corpse."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            fields = file.read().rpartition(b")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if fields[0] in (b"Z", b"X") else int(fields[19])


def write_record(path: Path, record: Record) -> None:
    temporary = path.with_suffix(".tmp")
    temporary.write_bytes(msgspec.json.encode(record))
    os.replace(temporary, path)


def read_record(path: Path) -> Record | None:
    """None for what cannot be read: it was being written when everything was killed."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Record)
    except (OSError, msgspec.DecodeError):
        return None


def is_alive(record: Record) -> bool:
    return process_start(record.pid) == record.started_ticks
