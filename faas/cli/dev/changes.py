"""Watches a project's folder, with the same idea of what belongs to it as the image has."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Collection
from pathlib import Path

from faas_builders.files import NEVER
from pathspec import GitIgnoreSpec
from watchfiles import Change, awatch

# An editor saves with several operations, a branch switch with hundreds: wait until this long nothing came.
_QUIET_MS = 25
_LONGEST_MS = 400


class _OfProject:
    def __init__(self, root: Path) -> None:
        self._root = root
        self._never = GitIgnoreSpec.from_lines(NEVER)
        self._written = {(status.st_dev, status.st_ino) for status in map(os.fstat, (1, 2))}

    def __call__(self, change: Change, path: str) -> bool:
        try:
            relative = Path(path).relative_to(self._root)
        except ValueError:
            return False
        if self._never.match_file(str(relative)) or relative.name.endswith(("~", ".swp", ".swx", ".tmp")):
            return False
        return not self._is_written(path)

    def _is_written(self, path: str) -> bool:
        """Whether it is what we write to ourselves: after `faas run > run.log` each line would be a save."""
        try:
            status = os.stat(path)
        except OSError:
            return False
        return (status.st_dev, status.st_ino) in self._written


def is_save(path: Path, inboxes: Collection[Path]) -> bool:
    """Whether it is the project's; what arrives in a folder that a function watches is data, unless it is code."""
    return path.suffix == ".py" or not any(path.is_relative_to(inbox) for inbox in inboxes)


async def changes(root: Path) -> AsyncIterator[set[Path]]:
    """Sets of files that were saved, made or removed, until the reader closes it."""
    watch = awatch(root, watch_filter=_OfProject(root), debounce=_LONGEST_MS, step=_QUIET_MS)
    async for batch in watch:
        yield {Path(path) for _, path in batch}
