"""The SQLite file: its lock, its format, and what its errors mean. Called from the writer thread only."""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from faas.engine.contract.storage import Key, Record, StoreCorrupt, StoreError, StoreFull, StoreLocked, StoreTooNew

FORMAT = 1

# After so many free pages the file is shortened a little at each commit (SQLite never does it by itself in WAL mode).
FREE_PAGES = 256

_SCHEMA = """
CREATE TABLE IF NOT EXISTS objects (
    resource TEXT NOT NULL, namespace TEXT NOT NULL, name TEXT NOT NULL,
    version INTEGER NOT NULL, body BLOB NOT NULL,
    PRIMARY KEY (resource, namespace, name)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS counter (id INTEGER PRIMARY KEY CHECK (id = 0), reserved INTEGER NOT NULL);
INSERT OR IGNORE INTO counter VALUES (0, 0);
"""


@dataclass(frozen=True, slots=True)
class Write:
    record: Record
    deleted: bool


class Database:
    """One open file. Raises StoreLocked, StoreCorrupt, StoreTooNew, StoreFull."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = _lock(path)
        try:
            # Secrets lie in it: the mode is set before SQLite makes the file, and its companions inherit it.
            os.close(os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600))
            self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
            try:
                self._prepare()
            except BaseException:
                self._db.close()
                raise
        except sqlite3.Error as error:
            os.close(self._lock)
            raise self._meaning(error) from error
        except BaseException:
            os.close(self._lock)
            raise

    def load(self) -> tuple[list[Record], int]:
        """All records, and the version from which the counter goes on."""
        try:
            rows = self._db.execute("SELECT resource, namespace, name, version, body FROM objects").fetchall()
            (reserved,) = self._db.execute("SELECT reserved FROM counter").fetchone()
            records = [
                Record(Key(resource, namespace, name), version, msgspec.json.decode(body), body)
                for resource, namespace, name, version, body in rows
            ]
        except msgspec.DecodeError as error:
            raise StoreCorrupt(self._path, f"an object is not JSON ({error})") from error
        except sqlite3.Error as error:
            raise self._meaning(error) from error
        return records, max([reserved, *(record.version for record in records)])

    def commit(self, writes: Sequence[Write], reserved: int) -> None:
        """All of it, synced, or nothing."""
        try:
            self._db.execute("BEGIN IMMEDIATE")
            for write in writes:
                self._apply(write)
            self._db.execute("UPDATE counter SET reserved = ?", (reserved,))
            self._db.execute("COMMIT")
        except sqlite3.Error as error:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise self._meaning(error) from error
        if any(write.deleted for write in writes):
            self._shorten()

    def close(self, version: int) -> None:
        """Give unused versions back, fold the log into the file, release the lock."""
        try:
            self._db.execute("UPDATE counter SET reserved = ?", (version,))
        except sqlite3.Error:
            pass  # a gap in the versions harms nobody
        finally:
            self._db.close()
            os.close(self._lock)

    def _prepare(self) -> None:
        (found,) = self._db.execute("PRAGMA user_version").fetchone()
        if found > FORMAT:
            raise StoreTooNew(self._path, found, FORMAT)
        # A file that is as it should be is opened without a write: on a full disk it can still be read.
        if found < FORMAT:
            self._db.execute("PRAGMA auto_vacuum = INCREMENTAL")
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = FULL")
        self._db.execute("PRAGMA journal_size_limit = 8388608")  # the log shrinks back to 8 MiB after a burst
        if found < FORMAT:
            self._db.executescript(_SCHEMA)
            self._db.execute(f"PRAGMA user_version = {FORMAT}")
        (verdict,) = self._db.execute("PRAGMA quick_check(1)").fetchone()
        if verdict != "ok":
            raise StoreCorrupt(self._path, verdict)

    def _apply(self, write: Write) -> None:
        key = write.record.key
        if write.deleted:
            self._db.execute("DELETE FROM objects WHERE resource = ? AND namespace = ? AND name = ?", key)
        else:
            self._db.execute(
                "INSERT OR REPLACE INTO objects VALUES (?, ?, ?, ?, ?)", (*key, write.record.version, write.record.raw)
            )

    def _shorten(self) -> None:
        try:
            (free,) = self._db.execute("PRAGMA freelist_count").fetchone()
            if free > FREE_PAGES:
                self._db.execute(f"PRAGMA incremental_vacuum({FREE_PAGES})").fetchall()
        except sqlite3.Error:
            pass  # the commit itself stands; the next one tries again

    def _meaning(self, error: sqlite3.Error) -> StoreError:
        name = getattr(error, "sqlite_errorname", "") or ""
        if name.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")):
            return StoreCorrupt(self._path, str(error))
        if name.startswith(("SQLITE_FULL", "SQLITE_IOERR", "SQLITE_READONLY", "SQLITE_CANTOPEN")):
            return StoreFull(self._path, str(error))
        return StoreError(f"cannot use {self._path}: {error}")


def _lock(path: Path) -> int:
    """Hold `PATH.lock` for the life of this process; the kernel releases it however the process ends."""
    file = os.open(path.with_suffix(path.suffix + ".lock"), os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        text = os.pread(file, 32, 0).decode(errors="replace").strip()
        os.close(file)
        raise StoreLocked(path, int(text) if text.isdigit() else None) from error
    os.ftruncate(file, 0)
    os.pwrite(file, f"{os.getpid()}\n".encode(), 0)
    return file
