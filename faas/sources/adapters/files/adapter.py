"""A watched folder: files that were created, modified or removed, each told once.

What was told is remembered, so files that came while the adapter was away are told when it is back. At the very first
start the folder's files are taken as known: a source begins at now, as a Trigger does.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
from faas_runtime.events.event import Event
from faas_runtime.events.shapes.files import Change, make_event
from watchfiles import awatch

from faas.sources.adapters.files.folder import Found, Mark, Settling, Wanted, look_at, survey
from faas.sources.errors import UpstreamError
from faas.sources.ledger import Ledger
from faas.sources.source import Source

_SURVEY_EVERY_S = 60.0  # the kernel's queue of changes can overflow, and network file systems tell nothing
_BEGUN = "/"  # in the ledger: the first survey is complete; no file has this name
_BATCH = 500


class Options(msgspec.Struct, frozen=True):
    path: str
    patterns: tuple[str, ...] = ()  # *.csv against the file's name, in/*.csv against its path; all by default
    on: tuple[Change, ...] = ("created", "modified", "removed")
    recursive: bool = True
    settle_s: float = 1.0  # so long a file has to stay as it is before it is told

    def __post_init__(self) -> None:
        if not self.path:
            raise ValueError("path is empty")
        if self.settle_s < 0:
            raise ValueError(f"settle_s={self.settle_s} is negative")


async def run(source: Source[Options]) -> None:
    ledger = source.ledger("files")
    try:
        await source.keep_connected(_Watch(source, ledger).session)
    finally:
        ledger.close()


class _Watch:
    def __init__(self, source: Source[Options], ledger: Ledger) -> None:
        self._source = source
        self._options = source.options
        self._root = Path(source.options.path).absolute()
        self._wanted = Wanted(source.options.patterns)
        self._told = ledger
        self._settling = Settling(source.options.settle_s)

    async def session(self, connected: Callable[[], None]) -> None:
        identity = self._identity()
        if _BEGUN not in self._told:
            for name, mark in (await self._survey()).items():
                self._told.record(name, str(mark))
            self._told.record(_BEGUN)
        clock = asyncio.get_running_loop().time
        survey_at = clock()
        tick_ms = int(1000 * min(1.0, max(0.05, self._options.settle_s / 2)))
        is_first = True
        async for changes in awatch(
            self._root, watch_filter=None, debounce=200, step=50, rust_timeout=tick_ms, yield_on_timeout=True,
            recursive=self._options.recursive, stop_event=self._source.stopping, ignore_permission_denied=True,
        ):  # fmt: skip
            if self._identity() != identity:
                raise UpstreamError("FolderMissing", f"{self._root} was replaced by another folder")
            connected()
            paths = [Path(path) for _, path in changes]
            if is_first or clock() >= survey_at or any(self._is_folder(path) for path in paths):
                is_first = False  # now the kernel tells of changes: what came between is found by looking
                await self._tell(await self._survey(missing_too=True))
                survey_at = clock() + _SURVEY_EVERY_S
            else:
                names = self._settling.names() | {self._name(path) for path in paths}
                await self._tell(await asyncio.to_thread(look_at, self._root, filter(self._wanted, names)))

    async def _tell(self, seen: Mapping[str, Mark | None]) -> None:
        """Send what is certain, then remember it; once more after a crash in between, under the same id."""
        found = self._settling.judge(seen, self._told, now_s=asyncio.get_running_loop().time())
        for start in range(0, len(found), _BATCH):
            group = found[start : start + _BATCH]
            events = [self._event(one) for one in group if one.change in self._options.on]
            if events:
                await self._source.sink.deliver(events)
            for one in group:
                if one.mark is None:
                    self._told.forget(one.name)
                else:
                    self._told.record(one.name, str(one.mark))

    async def _survey(self, *, missing_too: bool = False) -> dict[str, Mark | None]:
        try:
            every = await asyncio.to_thread(survey, self._root, recursive=self._options.recursive)
        except FileNotFoundError:
            raise UpstreamError("FolderMissing", f"there is no folder {self._root}") from None
        except OSError as error:
            raise UpstreamError("FolderUnreadable", str(error)) from error
        seen: dict[str, Mark | None] = {name: mark for name, mark in every.items() if self._wanted(name)}
        if missing_too:
            gone = [name for name in self._told if name != _BEGUN and name not in every]
            seen.update(dict.fromkeys(gone))
        return seen

    def _event(self, found: Found) -> Event[Any]:
        size, modified_ns = (found.mark.size, found.mark.modified_ns) if found.mark else (None, None)
        return make_event(
            str(self._root), found.name, found.change, time=datetime.now(UTC), size=size, modified_ns=modified_ns
        )

    def _identity(self) -> tuple[int, int]:
        try:
            state = os.stat(self._root)
        except OSError as error:
            raise UpstreamError("FolderMissing", f"{self._root}: {error.strerror}") from None
        return state.st_dev, state.st_ino

    def _is_folder(self, path: Path) -> bool:
        """Or may have been one: its files come and go with it, and the kernel tells only of the folder."""
        return path.is_dir() or (not path.exists() and self._name(path) not in self._told)

    def _name(self, path: Path) -> str:
        return path.relative_to(self._root).as_posix()
