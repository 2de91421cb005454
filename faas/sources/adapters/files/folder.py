"""What is in a folder and what has become of it since; decisions of values, and the two looks at the disk.

A file counts once it has kept its size and time for a while: who writes a large file must not be interrupted.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath

import msgspec
from faas_runtime.events.shapes.files import Change


class Mark(msgspec.Struct, frozen=True):
    """The state of a file by which a change is known."""

    size: int
    modified_ns: int

    def __str__(self) -> str:
        return f"{self.size}:{self.modified_ns}"

    @classmethod
    def parse(cls, text: str) -> Mark:
        size, _, modified_ns = text.partition(":")
        return cls(int(size), int(modified_ns))


class Found(msgspec.Struct, frozen=True):
    name: str  # in the folder, with /
    change: Change
    mark: Mark | None  # None: it was removed


class Wanted:
    """Which names count: hidden files only when a pattern asks for them, temporary names are mostly hidden."""

    def __init__(self, patterns: Iterable[str]) -> None:
        self._patterns = tuple(patterns)

    def __call__(self, name: str) -> bool:
        own_name = PurePosixPath(name).name
        if not self._patterns:
            return not own_name.startswith(".")
        return any(
            fnmatchcase(name if "/" in pattern else own_name, pattern)
            and (not own_name.startswith(".") or PurePosixPath(pattern).name.startswith("."))
            for pattern in self._patterns
        )


class Settling:
    """Files that have changed and may be changing still."""

    def __init__(self, settle_s: float) -> None:
        self._settle_s = settle_s
        self._since: dict[str, tuple[Mark, float]] = {}

    def __len__(self) -> int:
        return len(self._since)

    def names(self) -> set[str]:
        return set(self._since)

    def judge(self, seen: Mapping[str, Mark | None], known: Mapping[str, str], *, now_s: float) -> list[Found]:
        """What is certain now, the oldest change first.

        Args:
            seen: marks of the files that were looked at; None: there is none of that name.
            known: the marks that were told before, as text.
        """
        found = []
        for name, mark in seen.items():
            if mark is None:
                self._since.pop(name, None)
                if name in known:
                    found.append(Found(name, "removed", None))
                continue
            if known.get(name) == str(mark):
                self._since.pop(name, None)
                continue
            before, since_s = self._since.setdefault(name, (mark, now_s))
            if before != mark:
                self._since[name] = (mark, now_s)
            elif now_s - since_s >= self._settle_s:
                del self._since[name]
                found.append(Found(name, "modified" if name in known else "created", mark))
        return sorted(found, key=lambda one: (one.mark.modified_ns if one.mark else 0, one.name))


def look_at(root: Path, names: Iterable[str]) -> dict[str, Mark | None]:
    return {name: _mark(root / name) for name in names}


def survey(root: Path, *, recursive: bool) -> dict[str, Mark]:
    """Every file below a folder. Raises: OSError: a part of it cannot be read."""
    found = {}
    for entry in _files(root, recursive):
        mark = _mark(entry)
        if mark is not None:
            found[entry.relative_to(root).as_posix()] = mark
    return found


def _files(folder: Path, recursive: bool) -> Iterator[Path]:
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):  # a link to a folder may lead in a circle
                if recursive:
                    try:
                        yield from _files(Path(entry.path), recursive)
                    except FileNotFoundError:
                        continue  # it went while we looked
            else:
                yield Path(entry.path)


def _mark(path: Path) -> Mark | None:
    """Raises: OSError: other than that there is no such file."""
    try:
        state = os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    return Mark(state.st_size, state.st_mtime_ns) if os.path.isfile(path) else None
