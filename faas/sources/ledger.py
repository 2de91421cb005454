"""A ledger: what was already seen, kept in a file of FAAS_SOURCE_STATE.

A record is one JSON line, appended, so it outlives kill -9 of the program the moment it is written (a power cut may
take the last ones: then an event comes twice). The file is written anew when most of its lines are out of date.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec

_SLACK = 1000  # lines out of date before the file is written anew
_decode = msgspec.json.Decoder(tuple[str, str | None]).decode


class Ledger(Mapping[str, str]):
    """Text keys to text values, the oldest first. Without a folder it lasts as long as the program."""

    def __init__(self, folder: Path | None, name: str, *, limit: int | None = None) -> None:
        """Args: limit: so many are remembered, the oldest leave first. Raises: OSError."""
        self._entries: dict[str, str] = {}
        self._limit = limit
        self._path = folder / f"{name}.jsonl" if folder else None
        self._file = -1
        self._lines = 0
        if self._path:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._load(self._path)
            self._rewrite()

    def __contains__(self, key: object) -> bool:
        return key in self._entries

    def __iter__(self) -> Iterator[str]:
        return iter(tuple(self._entries))

    def __len__(self) -> int:
        return len(self._entries)

    def __getitem__(self, key: str) -> str:
        return self._entries[key]

    def record(self, key: str, value: str = "") -> None:
        self._put(key, value)
        self._append(key, value)

    def forget(self, key: str) -> None:
        if self._entries.pop(key, None) is not None:
            self._append(key, None)

    def close(self) -> None:
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def _put(self, key: str, value: str) -> None:
        self._entries.pop(key, None)  # a key that is told again is the youngest
        self._entries[key] = value
        if self._limit is not None and len(self._entries) > self._limit:
            del self._entries[next(iter(self._entries))]

    def _append(self, key: str, value: str | None) -> None:
        if self._path is None:
            return
        os.write(self._file, msgspec.json.encode((key, value)) + b"\n")
        self._lines += 1
        if self._lines > 2 * len(self._entries) + _SLACK:
            self._rewrite()

    def _load(self, path: Path) -> None:
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            return
        for line in content.split(b"\n"):
            try:
                key, value = _decode(line)
            except msgspec.MsgspecError:
                continue  # the end of what a crash left half written
            if value is None:
                self._entries.pop(key, None)
            else:
                self._put(key, value)

    def _rewrite(self) -> None:
        if self._path is None:
            return
        fresh = self._path.with_suffix(".new")
        with open(fresh, "wb") as file:
            file.writelines(msgspec.json.encode(entry) + b"\n" for entry in self._entries.items())
            file.flush()
            os.fsync(file.fileno())
        os.replace(fresh, self._path)
        self.close()
        self._file = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
        self._lines = len(self._entries)
