"""What a source of the engine's own remembers over a restart: one small JSON file each."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import msgspec


def read_note(path: Path) -> Any:
    """None when there is none that can be read."""
    try:
        return msgspec.json.decode(path.read_bytes())
    except (OSError, msgspec.MsgspecError):
        return None


def write_note(path: Path, value: Any) -> None:
    """Replace it as a whole: after a kill there is the old one or the new one."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    beside = path.with_suffix(".new")
    beside.write_bytes(msgspec.json.encode(value))
    os.replace(beside, path)
