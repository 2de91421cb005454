"""A thread that has the letters open, for an event loop: opened when they are needed, and again after a trouble."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from faas.inbox.damage import is_of_the_moment
from faas.inbox.letters import Letters

T = TypeVar("T")


class LettersThread:
    """Whoever uses it is alone with its connection to the file. Args: opened: opens them, in the thread."""

    def __init__(self, name: str, opened: Callable[[], Letters]) -> None:
        self._opened = opened
        self._pool = ThreadPoolExecutor(1, name)
        self._letters: Letters | None = None

    async def do(self, work: Callable[[Letters], T]) -> T:
        """Raises: sqlite3.Error."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, self._do, work)

    async def shut(self) -> None:
        """Let go of the file; it is opened again when it is needed."""
        await asyncio.get_running_loop().run_in_executor(self._pool, self._shut)

    async def close(self) -> None:
        await self.shut()
        self._pool.shutdown()

    @property
    def size_bytes(self) -> int:
        """As it was last known here; 0 while nothing is open."""
        return self._letters.size_bytes if self._letters else 0

    def _do(self, work: Callable[[Letters], T]) -> T:
        if self._letters is None:
            self._letters = self._opened()
        try:
            return work(self._letters)
        except sqlite3.Error as error:
            if is_of_the_moment(error) and "SQLITE_FULL" not in str(getattr(error, "sqlite_errorname", "")):
                self._shut()  # a file that was opened on a read-only volume stays read-only
            raise

    def _shut(self) -> None:
        if self._letters is not None:
            self._letters.close()
            self._letters = None
