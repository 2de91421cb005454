"""Which objects of a bucket were already told: a table on disk, so that a million keys cost a million rows, not memory.

Every object of the last complete listing has a row, its key and its mark. A pass over the bucket compares pages with
it; which rows a pass has met is a bit each. What was told is recorded in one transaction a group, after the sink has
it, so kill -9 in between repeats a group under the same ids.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

_SCHEMA = """
CREATE TABLE IF NOT EXISTS objects (id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, mark TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
"""
_ROWS = 1000


class Known(msgspec.Struct, frozen=True):
    id: int
    key: str
    mark: str


class Memory:
    """Without a folder it lasts as long as the program. Belongs to one thread."""

    def __init__(self, folder: Path | None) -> None:
        """Raises: OSError."""
        if folder:
            folder.mkdir(parents=True, exist_ok=True)
        try:
            # "": a file that goes when it is closed. Autocommit: transactions are begun by name.
            self._rows = sqlite3.connect(folder / "bucket.db" if folder else "", isolation_level=None)
            self._rows.execute("PRAGMA journal_mode = WAL")
            self._rows.execute("PRAGMA synchronous = NORMAL")  # outlives kill -9; a power cut repeats the last groups
            self._rows.executescript(_SCHEMA)
        except sqlite3.Error as error:
            raise OSError(f"the memory of what was told cannot be opened: {error}") from error
        self._met = bytearray()
        self._met_count = 0

    def close(self) -> None:
        self._rows.close()

    def fact(self, name: str) -> str:
        found = self._rows.execute("SELECT value FROM facts WHERE name = ?", (name,)).fetchone()
        return str(found[0]) if found else ""

    def note(self, **facts: str) -> None:
        """Set facts; "" is none."""
        self._rows.executemany("REPLACE INTO facts VALUES (?, ?)", list(facts.items()))

    def forget_all(self) -> None:
        losses = self.losses
        with self._rows:
            self._rows.execute("BEGIN")
            self._rows.execute("DELETE FROM objects")
            self._rows.execute("DELETE FROM facts")
            self.note(losses=str(losses + 1))

    def begin_pass(self) -> None:
        self._met, self._met_count = bytearray(), 0

    def meet(self, keys: Sequence[str]) -> dict[str, Known]:
        """Those of the keys that have a row; this pass has met them."""
        places = ",".join("?" * len(keys))
        found = self._rows.execute(f"SELECT id, key, mark FROM objects WHERE key IN ({places})", keys).fetchall()
        for id, _, _ in found:
            self._meet(id)
        return {key: Known(id, key, mark) for id, key, mark in found}

    def record(self, marks: Sequence[tuple[str, str]]) -> None:
        """Remember keys and marks, all or none."""
        told = "INSERT INTO objects (key, mark) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET mark = excluded.mark"
        with self._rows:
            self._rows.execute("BEGIN")
            for entry in marks:
                (id,) = self._rows.execute(f"{told} RETURNING id", entry).fetchone()
                self._meet(id)

    @property
    def losses(self) -> int:
        """How often something was forgotten: what comes again after that is something else, though it look the same."""
        return int(self.fact("losses") or 0)

    def forget(self, ids: Sequence[int]) -> None:
        with self._rows:
            self._rows.execute("BEGIN")
            self._rows.executemany("DELETE FROM objects WHERE id = ?", [(id,) for id in ids])
            self.note(losses=str(self.losses + 1))

    def unmet(self) -> Iterator[list[Known]]:
        """After a pass: the rows that it has not met, some at a time; they may be forgotten meanwhile."""
        (count,) = self._rows.execute("SELECT count(*) FROM objects").fetchone()
        after = 0
        while self._met_count < count:
            rows = self._rows.execute(
                "SELECT id, key, mark FROM objects WHERE id > ? ORDER BY id LIMIT ?", (after, _ROWS)
            ).fetchall()
            if not rows:
                return
            after = rows[-1][0]
            if gone := [Known(*row) for row in rows if not self._is_met(row[0])]:
                yield gone

    def _meet(self, id: int) -> None:
        place, bit = divmod(id, 8)
        if place >= len(self._met):
            self._met.extend(bytes(place + 1 - len(self._met) + 4096))
        if not self._met[place] & (1 << bit):
            self._met[place] |= 1 << bit
            self._met_count += 1

    def _is_met(self, id: int) -> bool:
        place, bit = divmod(id, 8)
        return place < len(self._met) and bool(self._met[place] & (1 << bit))
