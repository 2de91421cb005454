"""One writer for many requests: what comes in while a commit is under way goes into the next one, together."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Self, TypeVar

from faas.inbox.letters import Choice, Letter, Letters, StoreFull

T = TypeVar("T")
PAGE = 8  # letters that are in memory at once
_GROUPS = 256  # requests of one commit
_WAITING = 1024  # requests that wait for their commit; more are told to come again
log = logging.getLogger("faas.inbox")


class Store:
    """`Letters` for an event loop: one thread writes, one reads. Use it as an async context manager."""

    def __init__(self, path: Path, max_bytes: int) -> None:
        self._path, self._max_bytes = path, max_bytes
        self._writing, self._reading = ThreadPoolExecutor(1, "write"), ThreadPoolExecutor(1, "read")
        self._waiting: asyncio.Queue[tuple[Sequence[Letter], asyncio.Future[None]]] = asyncio.Queue(_WAITING)
        self.redriving = asyncio.Lock()  # whoever sends letters once more is alone in it: two would send each twice
        self.received = self.refused = self.expired = 0

    async def __aenter__(self) -> Self:
        """Raises: sqlite3.Error, OSError."""
        self._letters = await self._in(self._writing, lambda: Letters(self._path, self._max_bytes))
        self._reader = await self._in(self._reading, lambda: Letters(self._path, self._max_bytes))
        self._work = asyncio.create_task(self._write_all())
        return self

    async def __aexit__(self, *exc: object) -> None:
        """What waits for its commit is refused: it was not acknowledged, so it is sent again."""
        self._work.cancel()
        with suppress(asyncio.CancelledError):
            await self._work
        while not self._waiting.empty():
            self._waiting.get_nowait()[1].set_exception(StoreFull("the store is stopping"))
        for pool, letters in ((self._writing, self._letters), (self._reading, self._reader)):
            await self._in(pool, letters.close)
            pool.shutdown()

    async def add(self, letters: Sequence[Letter]) -> None:
        """Return when they are on the disk. Raises: StoreFull: none of them is; sqlite3.Error."""
        stored: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        try:
            self._waiting.put_nowait((letters, stored))
        except asyncio.QueueFull:
            self.refused += len(letters)
            raise StoreFull(f"{_WAITING} requests are waiting already") from None
        try:
            await stored
        except (StoreFull, sqlite3.Error):
            self.refused += len(letters)
            raise
        self.received += len(letters)

    async def newest(self, choice: Choice, limit: int) -> AsyncIterator[Letter]:
        """The newest of them, oldest first; read as they are taken."""
        until = await self.last_sequence()
        after = await self._in(self._reading, lambda: self._reader.before_newest(choice, limit))
        async for page in self.pages(choice, after=after, until=until):
            for letter in page:
                yield letter

    async def pages(self, choice: Choice, *, after: int = 0, until: int) -> AsyncIterator[list[Letter]]:
        """In order, a few at a time: a letter may have a megabyte."""
        while page := await self._in(
            self._reading, partial(self._reader.oldest, choice, PAGE, after=after, until=until)
        ):
            yield page
            after = page[-1].sequence

    async def count(self, choice: Choice = Choice()) -> int:
        return await self._in(self._reading, lambda: self._reader.count(choice))

    async def by_stream(self, choice: Choice) -> dict[str, int]:
        return await self._in(self._reading, lambda: self._reader.by_stream(choice))

    async def last_sequence(self) -> int:
        return await self._in(self._reading, self._reader.last_sequence)

    async def delete(self, choice: Choice) -> int:
        return await self._in(self._writing, lambda: self._letters.delete(choice))

    async def expire(self, before_ms: int) -> int:
        """Forget what is older, and say so."""
        gone = await self.delete(Choice(until_ms=before_ms))
        if gone:
            self.expired += gone
            log.warning("%d dead letters were older than they may be, and are gone", gone)
        return gone

    @property
    def size_bytes(self) -> int:
        return self._letters.size_bytes

    @property
    def is_full(self) -> bool:
        return self._letters.size_bytes >= self._max_bytes

    async def _write_all(self) -> None:
        while True:
            groups = [await self._waiting.get()]
            while len(groups) < _GROUPS and not self._waiting.empty():
                groups.append(self._waiting.get_nowait())
            letters = [group for group, _ in groups]
            try:
                outcomes: Sequence[Exception | None]
                outcomes = await self._in(self._writing, partial(self._letters.add, letters))
            except sqlite3.Error as error:
                log.error("dead letters cannot be stored: %s", error)
                outcomes = [error] * len(groups)
            except asyncio.CancelledError:
                for _, stored in groups:
                    _settle(stored, StoreFull("the store is stopping"))
                raise
            for (_, stored), outcome in zip(groups, outcomes, strict=True):
                _settle(stored, outcome)

    async def _in(self, pool: ThreadPoolExecutor, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(pool, work)


def _settle(stored: asyncio.Future[None], outcome: Exception | None) -> None:
    if stored.done():  # whoever asked has gone
        return
    if outcome is None:
        stored.set_result(None)
    else:
        stored.set_exception(outcome)
