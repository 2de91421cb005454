"""Dead letters in one SQLite file: what was added is on the disk when `add` returns, and it stays within bounds."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

_ROW_BYTES = 256  # what a letter takes beside its event: columns, indices, the page's rest
_CHECK_S = 10.0  # a big file is not looked at to its end: a Pod that does not answer is ended after a minute
_STEPS = 10_000  # of SQLite's machine, between two looks at the clock
_PATIENCE = "busy_timeout=10000"  # ms
_SCHEMA = """
CREATE TABLE IF NOT EXISTS letters (
  sequence INTEGER PRIMARY KEY AUTOINCREMENT,
  stored_ms INTEGER NOT NULL,
  broker TEXT NOT NULL,
  trigger TEXT NOT NULL,
  stream TEXT NOT NULL,
  id TEXT NOT NULL,
  type TEXT NOT NULL,
  event BLOB NOT NULL
);
CREATE INDEX IF NOT EXISTS letters_by_trigger ON letters (trigger);
"""


class StoreFull(Exception):
    """There is no room for these letters now; whoever sent them keeps them and comes again."""


class Damaged(sqlite3.DatabaseError):
    """The file is broken: some of it can be read at most."""


class Letter(msgspec.Struct, frozen=True):
    stored_ms: int
    broker: str  # "" when the sender's address said none
    trigger: str
    stream: str  # "" when the trigger names none
    id: str
    type: str
    event: bytes  # one CloudEvent in JSON
    sequence: int = 0  # given by the store

    @property
    def size_bytes(self) -> int:
        return len(self.event) + _ROW_BYTES


class Choice(msgspec.Struct, frozen=True):
    """Which letters are meant: all that fulfil what is given."""

    broker: str = ""  # those that no broker is known of are meant with every broker
    trigger: str = ""
    type: str = ""
    id: str = ""
    sequences: tuple[int, ...] = ()
    until_ms: int = 0  # stored before
    stream: str | None = None  # "": of none

    def condition(self) -> tuple[str, list[str | int]]:
        """A WHERE clause and its parameters."""
        given: list[tuple[str, Sequence[str | int]]] = []
        if self.broker:
            given.append(("broker IN (?, '')", [self.broker]))
        texts = (("trigger", self.trigger), ("type", self.type), ("id", self.id))
        if self.stream is not None:
            given.append(("stream = ?", [self.stream]))
        given += [(f"{column} = ?", [value]) for column, value in texts if value]
        if self.sequences:
            given.append((f"sequence IN ({','.join('?' * len(self.sequences))})", self.sequences))
        if self.until_ms:
            given.append(("stored_ms < ?", [self.until_ms]))
        clause = " AND ".join(clause for clause, _ in given) or "1"
        return clause, [value for _, values in given for value in values]


class Letters:
    """Belongs to one thread at a time. Opened a second time it may be read while this one writes."""

    def __init__(
        self, path: Path, max_bytes: int, *, journal: str = "WAL", check: bool = False, make: bool = True
    ) -> None:
        """Args: journal: DELETE for a file that gets another name; check: look at all of it; make: where there is none.

        Raises: sqlite3.Error: there is no such folder, it cannot be written, or it is damaged.
        """
        self._max_bytes = max_bytes
        uri = f"{path.absolute().as_uri()}?mode={'rwc' if make else 'rw'}"
        self._db = sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False)
        try:
            self._db.text_factory = _text
            # FULL: an acknowledged letter survives a power cut. INCREMENTAL: what was purged gives its space back.
            for pragma in ("auto_vacuum=INCREMENTAL", f"journal_mode={journal}", "synchronous=FULL", _PATIENCE):
                self._db.execute(f"PRAGMA {pragma}")
            if check:
                self._check()
            self._db.executescript(_SCHEMA)
            self.size_bytes = self._measured()
        except UnicodeDecodeError as error:  # of what SQLite says, with a piece of its schema in it
            self._db.close()
            raise Damaged(f"malformed database schema: {error}") from error
        except BaseException:
            self._db.close()
            raise

    def close(self) -> None:
        self._db.close()

    def add(self, groups: Sequence[Sequence[Letter]]) -> list[StoreFull | None]:
        """Store each group whole or not at all, all of them durably; what came of each.

        Raises: sqlite3.Error: none is stored, the disk is full or broken.
        """
        outcomes: list[StoreFull | None] = []
        size_bytes = self.size_bytes
        rows: list[tuple[object, ...]] = []
        for group in groups:
            more = sum(letter.size_bytes for letter in group)
            if size_bytes + more > self._max_bytes:
                outcomes.append(StoreFull(f"{size_bytes} of {self._max_bytes} bytes are taken"))
                continue
            size_bytes += more
            rows += [msgspec.structs.astuple(each)[:-1] for each in group]
            outcomes.append(None)
        if rows:
            with self._transaction():
                self._db.executemany(f"INSERT INTO letters ({_GIVEN}) VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
        self.size_bytes = size_bytes
        return outcomes

    def restore(self, letters: Sequence[Letter]) -> bool:
        """Store them with the sequences that they have; False: there is no room. Raises: sqlite3.Error, as `add`."""
        more = sum(letter.size_bytes for letter in letters)
        if self.size_bytes + more > self._max_bytes:
            return False
        with self._transaction():
            rows = [msgspec.structs.astuple(each) for each in letters]
            self._db.executemany(f"INSERT OR IGNORE INTO letters ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows)
        self.size_bytes += more
        return True

    @staticmethod
    def all_of(db: sqlite3.Connection, *, after: int, newest_first: bool) -> Iterator[Letter]:
        """Those of any file with a sequence above `after`. Raises: sqlite3.Error, also in between."""
        db.text_factory = _text
        order = "DESC" if newest_first else "ASC"
        query = f"SELECT {_COLUMNS} FROM letters WHERE sequence > ? ORDER BY sequence {order}"
        letters = (_letter(row) for row in db.execute(query, (after,)))
        return (each for each in letters if isinstance(each.event, bytes))

    def touch(self) -> None:
        """Write something that says nothing. Raises: sqlite3.Error: letters could not be written either."""
        with self._transaction():
            (value,) = self._db.execute("PRAGMA user_version").fetchone()
            self._db.execute(f"PRAGMA user_version = {(int(value) + 1) % 2}")

    def count(self, choice: Choice = Choice()) -> int:
        clause, values = choice.condition()
        return int(self._db.execute(f"SELECT count(*) FROM letters WHERE {clause}", values).fetchone()[0])

    def before_newest(self, choice: Choice, limit: int) -> int:
        """The sequence behind which the newest `limit` of them are."""
        clause, values = choice.condition()
        query = f"SELECT sequence FROM letters WHERE {clause} ORDER BY sequence DESC LIMIT ?"
        last = self._db.execute(f"SELECT min(sequence) FROM ({query})", [*values, limit]).fetchone()[0]
        return 0 if last is None else int(last) - 1

    def oldest(self, choice: Choice, limit: int, *, after: int = 0, until: int) -> list[Letter]:
        """The first of them with a sequence above `after` and not above `until`."""
        clause, values = choice.condition()
        clause = f"{clause} AND sequence > ? AND sequence <= ?"
        query = f"SELECT {_COLUMNS} FROM letters WHERE {clause} ORDER BY sequence LIMIT ?"
        return [_letter(row) for row in self._db.execute(query, [*values, after, until, limit])]

    def by_stream(self, choice: Choice) -> dict[str, int]:
        """How many each stream has."""
        clause, values = choice.condition()
        query = f"SELECT stream, count(*) FROM letters WHERE {clause} GROUP BY stream ORDER BY stream"
        return dict(self._db.execute(query, values).fetchall())

    def last_sequence(self) -> int:
        return int(self._db.execute("SELECT coalesce(max(sequence), 0) FROM letters").fetchone()[0])

    def delete(self, choice: Choice) -> int:
        """How many are gone."""
        clause, values = choice.condition()
        with self._transaction():
            gone = self._db.execute(f"DELETE FROM letters WHERE {clause}", values).rowcount
        self._db.execute("PRAGMA incremental_vacuum").fetchall()
        self.size_bytes = self._measured()
        return gone

    def _measured(self) -> int:
        query = f"SELECT coalesce(sum(length(event) + {_ROW_BYTES}), 0) FROM letters"
        return int(self._db.execute(query).fetchone()[0])

    def _check(self) -> None:
        """Raises: sqlite3.DatabaseError: it is damaged."""
        until_s = time.monotonic() + _CHECK_S
        self._db.set_progress_handler(lambda: time.monotonic() > until_s, _STEPS)
        try:
            (verdict,) = self._db.execute("PRAGMA quick_check(1)").fetchone()
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_INTERRUPT:
                raise
            return  # it is too large to look at all of it; whoever reads the rest sees it
        finally:
            self._db.set_progress_handler(None, 0)
        if verdict != "ok":
            raise Damaged(str(verdict))

    def _transaction(self) -> _Transaction:
        return _Transaction(self._db)


_GIVEN = "stored_ms, broker, trigger, stream, id, type, event"
_COLUMNS = f"{_GIVEN}, sequence"


def _text(raw: bytes) -> str:
    return raw.decode(errors="replace")  # one letter that is damaged must not hide the others


def _letter(row: tuple[int, str, str, str, str, str, bytes, int]) -> Letter:
    return Letter(*row)


class _Transaction:
    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def __enter__(self) -> None:
        self._db.execute("BEGIN IMMEDIATE")

    def __exit__(self, kind: object, error: object, at: object) -> None:
        if kind is None:
            try:
                self._db.execute("COMMIT")
                return
            except sqlite3.Error:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise
        if self._db.in_transaction:
            self._db.execute("ROLLBACK")
