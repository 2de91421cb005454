"""A letters' file that is damaged is set aside, and another one begun with the letters that can still be read.

A death at any moment loses none of them. The other file is made whole beside the damaged one (`.anew`), then that one
is renamed (`.broken-TIME`), then the other gets its name; where there is no file but an `.anew`, only the last step is
missing. A document beside the damaged file (`.broken-TIME.json`) says what was wrong with it.
"""

from __future__ import annotations

import logging
import os
import shutil
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from faas.inbox.letters import Damaged, Letter, Letters

_SAVING_S = 30.0  # a Pod that does not answer is ended after a minute
_AT_ONCE = 64  # letters of a transaction
_COMPANIONS = ("-wal", "-shm")
log = logging.getLogger("faas.inbox")


class SetAside(msgspec.Struct, frozen=True, rename="camel"):
    """A damaged file that nobody has dealt with yet."""

    file: str
    size_bytes: int
    time: str  # "" when nothing says so
    reason: str
    saved: int  # letters that could be read, and are in the store


def is_damage(error: BaseException) -> bool:
    """Whether the file is broken, and not only the moment a bad one."""
    name = getattr(error, "sqlite_errorname", "") or ""
    return isinstance(error, Damaged) or name.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB", "SQLITE_IOERR_CORRUPTFS"))


def is_of_the_moment(error: sqlite3.Error) -> bool:
    """Whether it goes with what the volume cannot do just now: it is full, read-only, away."""
    name = getattr(error, "sqlite_errorname", "") or ""
    passing = ("SQLITE_FULL", "SQLITE_IOERR", "SQLITE_READONLY", "SQLITE_CANTOPEN", "SQLITE_BUSY")
    return name.startswith(passing) and not is_damage(error)


def open_letters(path: Path, max_bytes: int, *, damaged: str = "", check: bool = False) -> Letters:
    """The letters of that file, or of one begun anew when it is damaged.

    Args: damaged: what was found to be wrong with it already; check: look at all of it.
    Raises: sqlite3.Error: it cannot be opened now, nor another be made; what is there is left as it is.
    """
    try:
        if not path.exists():
            _make_anew(path, max_bytes)
        if not path.stat().st_size:
            damaged = "it is empty"  # which SQLite takes for a new one
        if not damaged:
            try:
                return Letters(path, max_bytes, check=check)
            except sqlite3.DatabaseError as error:
                if not is_damage(error):
                    raise
                damaged = str(error)
        _set_aside(path, max_bytes, damaged)
        return Letters(path, max_bytes)
    except OSError as error:
        raise sqlite3.OperationalError(str(error)) from error


def files_set_aside(path: Path) -> list[SetAside]:
    """Those that lie beside it, oldest first."""
    names = sorted(each for each in path.parent.glob(f"{path.name}.broken-*") if _is_file_of_letters(each))
    return [_described(each) for each in names]


def _make_anew(path: Path, max_bytes: int) -> None:
    """There is no file: a first start, or one that died while it set a damaged file aside."""
    anew = _anew(path)
    try:
        Letters(anew, max_bytes, journal="DELETE").close()
    except sqlite3.DatabaseError as error:
        if not is_damage(error):
            raise
        anew.unlink()
        Letters(anew, max_bytes, journal="DELETE").close()
    _exchange(path, anew, _aside_name(path))


def _set_aside(path: Path, max_bytes: int, reason: str) -> None:
    anew, aside = _anew(path), _aside_name(path)
    for rest in (anew, anew.with_name(anew.name + "-journal")):  # of one that died here
        rest.unlink(missing_ok=True)
    room = min(max_bytes, shutil.disk_usage(path.parent).free // 2)  # the other half is for letters that come
    with closing(Letters(anew, room, journal="DELETE")) as letters:
        saved = _save(path, letters)
    document = {"time": datetime.now(UTC).isoformat(timespec="seconds"), "reason": reason, "saved": saved}
    with suppress(OSError):  # a full disk, and there is the log
        aside.with_name(aside.name + ".json").write_bytes(msgspec.json.encode(document))
    _exchange(path, anew, aside)
    log.error("the letters' file is damaged (%s): it is now %s; %d letters of it could be read", reason, aside, saved)


def _save(path: Path, letters: Letters) -> int:
    """Take over what can be read of a damaged file: from both ends, up to what cannot. Raises: sqlite3.Error."""
    until_s = time.monotonic() + _SAVING_S
    saved, reached = 0, 0
    with closing(sqlite3.connect(path, isolation_level=None)) as source:
        for newest_first in (False, True):
            for some in _readable(source, after=reached, newest_first=newest_first):
                if time.monotonic() > until_s or not letters.restore(some):
                    return saved
                saved += len(some)
                if not newest_first:
                    reached = some[-1].sequence
    return saved


def _readable(source: sqlite3.Connection, *, after: int, newest_first: bool) -> Iterator[list[Letter]]:
    """A few at a time, until there are no more or there is what cannot be read. Raises: sqlite3.Error: not now."""
    some: list[Letter] = []
    try:
        source.execute("PRAGMA writable_schema = ON")  # or a file that is shorter than it says is not read at all
        for letter in Letters.all_of(source, after=after, newest_first=newest_first):
            some.append(letter)
            if len(some) == _AT_ONCE:
                yield some
                some = []
    except sqlite3.Error as error:
        if is_of_the_moment(error):
            raise
    except UnicodeDecodeError:  # of what SQLite says, with a piece of its schema in it
        pass
    if some:
        yield some


def _exchange(path: Path, anew: Path, aside: Path) -> None:
    for companion in ("", *_COMPANIONS):
        with suppress(FileNotFoundError):
            path.with_name(path.name + companion).rename(aside.with_name(aside.name + companion))
    anew.rename(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _anew(path: Path) -> Path:
    return path.with_name(f"{path.name}.anew")


def _aside_name(path: Path) -> Path:
    return path.with_name(f"{path.name}.broken-{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}")


def _is_file_of_letters(path: Path) -> bool:
    return not path.name.endswith((*_COMPANIONS, ".json"))


def _described(path: Path) -> SetAside:
    try:
        said = msgspec.json.decode(path.with_name(path.name + ".json").read_bytes(), type=dict[str, str | int])
    except (OSError, msgspec.DecodeError):
        said = {}
    return SetAside(
        str(path),
        path.stat().st_size,
        str(said.get("time", "")),
        str(said.get("reason", "")),
        int(said.get("saved", 0)),
    )
