"""Folders that are made once for each content key and then only read."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from faas_builders.disk import locked

_STALE_PART = ".part-"  # prefix of folders being filled
_UNUSED_S = 30 * 86400.0  # longer than a `faas run` lives on what it once found here


def cache_dir() -> Path:
    """`$XDG_CACHE_HOME/faas`; all of it may be deleted at any time while no build runs."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(base) if os.path.isabs(base) else Path.home() / ".cache") / "faas"


def key_of(*parts: bytes | str) -> str:
    """A content key: unambiguous over its parts, 32 hex digits (128 bits: enough for what no adversary chooses)."""
    digest = hashlib.sha256()
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        digest.update(len(data).to_bytes(8, "big"))
        digest.update(data)
    return digest.hexdigest()[:32]


def make_once(target: Path, fill: Callable[[Path], None]) -> Path:
    """Return `target`, filling it first when it does not exist; it appears whole or not at all.

    Concurrent callers, also in other processes, wait for the one that fills.
    """
    if target.is_dir():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    with locked(target.parent / ".lock"):
        if target.is_dir():
            return target
        _remove_leftovers(target.parent)
        part = Path(tempfile.mkdtemp(prefix=_STALE_PART, dir=target.parent))
        try:
            fill(part)
            part.chmod(0o755)  # mkdtemp makes 0700; instances may run as another user
            part.rename(target)
        except BaseException:
            shutil.rmtree(part, ignore_errors=True)
            raise
    return target


def cached(target: Path, fill: Callable[[Path], None]) -> Path:
    """`make_once` for the cache: what nobody has asked for in a month goes when something new is made."""
    if target.is_dir():
        with contextlib.suppress(OSError):  # somebody else's cache, read-only
            os.utime(target)
        return target
    made = make_once(target, fill)
    for other in target.parent.iterdir():
        if other.is_dir() and other.stat().st_mtime < time.time() - _UNUSED_S:
            shutil.rmtree(other, ignore_errors=True)
    return made


def _remove_leftovers(folder: Path) -> None:
    # Whoever filled these is dead: fills run under the folder's lock, which we hold.
    for leftover in folder.glob(_STALE_PART + "*"):
        shutil.rmtree(leftover, ignore_errors=True)
