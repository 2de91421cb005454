"""One writer for many requests: what comes in while a commit is under way goes into the next one, together."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Self, TypeVar

from faas.inbox.damage import SetAside, files_set_aside, is_damage, open_letters
from faas.inbox.letters import Choice, Letter, Letters, StoreFull
from faas.inbox.threads import LettersThread

T = TypeVar("T")
PAGE = 8  # letters that are in memory at once
_GROUPS = 256  # requests of one commit
_WAITING = 1024  # requests that wait for their commit; more are told to come again
log = logging.getLogger("faas.inbox")


class Store:
    """`Letters` for an event loop: one thread writes, one reads. Use it as an async context manager.

    A file that cannot be opened now is opened later, one that is damaged is set aside: only who asks meanwhile is told.
    """

    def __init__(self, path: Path, max_bytes: int) -> None:
        self._path, self._max_bytes = path, max_bytes
        self._writer = LettersThread("write", self._open)
        self._reader = LettersThread("read", lambda: Letters(path, max_bytes, make=False))
        self._mending = asyncio.Lock()
        self._mended = 0
        self._damage, self._is_checked = "", False
        self._waiting: asyncio.Queue[tuple[Sequence[Letter], asyncio.Future[None]]] = asyncio.Queue(_WAITING)
        self.redriving = asyncio.Lock()  # whoever sends letters once more is alone in it: two would send each twice
        self.received = self.refused = self.expired = 0
        self.trouble = ""  # why letters cannot be stored; "" when they can

    async def __aenter__(self) -> Self:
        await self.look()
        self._work = asyncio.create_task(self._write_all())
        return self

    async def __aexit__(self, *exc: object) -> None:
        """What waits for its commit is refused: it was not acknowledged, so it is sent again."""
        self._work.cancel()
        with suppress(asyncio.CancelledError):
            await self._work
        while not self._waiting.empty():
            self._waiting.get_nowait()[1].set_exception(StoreFull("the store is stopping"))
        await self._reader.close()
        await self._writer.close()

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
        except Exception:
            self.refused += len(letters)
            raise
        self.received += len(letters)

    async def newest(self, choice: Choice, limit: int) -> AsyncIterator[Letter]:
        """The newest of them, oldest first; read as they are taken."""
        until = await self.last_sequence()
        after = await self._in(self._reader, lambda letters: letters.before_newest(choice, limit))
        async for page in self.pages(choice, after=after, until=until):
            for letter in page:
                yield letter

    async def pages(self, choice: Choice, *, after: int = 0, until: int) -> AsyncIterator[list[Letter]]:
        """In order, a few at a time: a letter may have a megabyte."""
        while page := await self._in(
            self._reader, partial(Letters.oldest, choice=choice, limit=PAGE, after=after, until=until)
        ):
            yield page
            after = page[-1].sequence

    async def count(self, choice: Choice = Choice()) -> int:
        return await self._in(self._reader, lambda letters: letters.count(choice))

    async def by_stream(self, choice: Choice) -> dict[str, int]:
        return await self._in(self._reader, lambda letters: letters.by_stream(choice))

    async def last_sequence(self) -> int:
        return await self._in(self._reader, Letters.last_sequence)

    async def delete(self, choice: Choice) -> int:
        return await self._in(self._writer, lambda letters: letters.delete(choice))

    async def expire(self, before_ms: int) -> int:
        """Forget what is older, and say so."""
        gone = await self.delete(Choice(until_ms=before_ms))
        if gone:
            self.expired += gone
            log.warning("%d dead letters were older than they may be, and are gone", gone)
        return gone

    async def look(self) -> None:
        """Open the letters if they are not; where some could not be stored, see whether they could by now."""
        try:
            await self._in(self._writer, Letters.touch if self.trouble else Letters.last_sequence)
            self._is_well()
        except sqlite3.Error as error:
            self._is_troubled(error)

    async def files_set_aside(self) -> list[SetAside]:
        return await asyncio.to_thread(files_set_aside, self._path)

    @property
    def size_bytes(self) -> int:
        return self._writer.size_bytes

    @property
    def is_full(self) -> bool:
        return self.size_bytes >= self._max_bytes

    async def _write_all(self) -> None:
        while True:
            groups = [await self._waiting.get()]
            while len(groups) < _GROUPS and not self._waiting.empty():
                groups.append(self._waiting.get_nowait())
            given = [group for group, _ in groups]
            try:
                outcomes: Sequence[Exception | None]
                outcomes = await self._in(self._writer, partial(Letters.add, groups=given))
                self._is_well()
            except sqlite3.Error as error:
                self._is_troubled(error)
                outcomes = [error] * len(groups)
            except asyncio.CancelledError:
                for _, stored in groups:
                    _settle(stored, StoreFull("the store is stopping"))
                raise
            except Exception as error:  # one that fails as nobody expected must not end all that come after it
                log.exception("letters cannot be stored, and are refused")
                outcomes = [error] * len(groups)
            for (_, stored), outcome in zip(groups, outcomes, strict=True):
                _settle(stored, outcome)

    async def _in(self, thread: LettersThread, work: Callable[[Letters], T]) -> T:
        """Raises: sqlite3.Error: it cannot be done now; a damaged file is none any more."""
        mended = self._mended
        try:
            return await thread.do(work)
        except sqlite3.DatabaseError as error:
            if not is_damage(error):
                raise
            await self._start_anew(error, mended)
        return await thread.do(work)

    async def _start_anew(self, error: Exception, mended: int) -> None:
        """Set the file aside, once for all that stumble over its damage. Raises: sqlite3.Error."""
        async with self._mending:
            if self._mended != mended:
                return
            await self._writer.shut()
            self._damage = str(error)
            await self._writer.do(lambda letters: None)
            await self._reader.shut()  # it may have the damaged file open
            self._mended += 1

    def _open(self) -> Letters:
        letters = open_letters(self._path, self._max_bytes, damaged=self._damage, check=not self._is_checked)
        self._damage, self._is_checked = "", True
        return letters

    def _is_troubled(self, error: Exception) -> None:
        if not self.trouble:
            log.error("dead letters cannot be stored, and are refused until they can: %s", error)
        self.trouble = str(error)

    def _is_well(self) -> None:
        if self.trouble:
            log.warning("dead letters can be stored again")
        self.trouble = ""


def _settle(stored: asyncio.Future[None], outcome: Exception | None) -> None:
    if stored.done():  # whoever asked has gone
        return
    if outcome is None:
        stored.set_result(None)
    else:
        stored.set_exception(outcome)
