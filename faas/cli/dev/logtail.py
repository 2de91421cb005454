"""Follows every log file below a folder, those included that come later."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from pathlib import Path

from watchfiles import awatch

from faas.cli.dev.loglines import Printed, parse

_SUFFIX = ".jsonl"
_BATCH_MS = 30  # lines that come together are shown together, in the order of their time
_EVERYWHERE_MS = 1000


async def follow(folder: Path) -> AsyncIterator[list[Printed]]:
    """Batches of lines, each sorted by time, until the reader closes it; the folder has to exist."""
    positions: dict[Path, int] = {}
    look_everywhere_s = 0.0
    changes = awatch(folder, debounce=_BATCH_MS * 4, step=_BATCH_MS, yield_on_timeout=True, rust_timeout=_EVERYWHERE_MS)
    async for batch in changes:
        paths = {Path(path) for _, path in batch}
        # A folder and its first file may come faster than a watch; whoever logs each second keeps the timeout away.
        if (now := time.monotonic()) >= look_everywhere_s:
            look_everywhere_s = now + _EVERYWHERE_MS / 1000
            paths.update(folder.rglob(f"*{_SUFFIX}"))
        lines = [line for path in paths if path.suffix == _SUFFIX for line in _fresh(path, positions)]
        if lines:
            yield sorted(lines, key=lambda line: line.time)


def _fresh(path: Path, positions: dict[Path, int]) -> list[Printed]:
    """The whole lines since the last look; from the start of the file when it was begun anew."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, 2)
            position = positions.get(path, 0)
            file.seek(position if position <= size else 0)
            data = file.read()
            end = data.rfind(b"\n") + 1
            positions[path] = (position if position <= size else 0) + end
    except OSError:  # pruned meanwhile
        positions.pop(path, None)
        return []
    return [line for line in map(parse, data[:end].splitlines()) if line is not None]
