"""How much an archive may unpack to: a few kilobytes of gzip can be made to fill any disk."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from faas_builders.errors import ArchiveError

_ALWAYS = 256 << 20  # bytes that are no harm, however well they were compressed
# Layers unpack to 2 to 5 times their size; only runs of one byte come near this (gzip's own bound is 1032).
_RATIO = 200
_ENTRIES = 1_000_000  # the largest images of data scientists have some 200 000 files


@dataclass(slots=True)
class Budget:
    """What is left. Both methods raise ArchiveError when it is used up."""

    bytes_left: int
    entries_left: int = _ENTRIES

    @classmethod
    def of_compressed(cls, size_bytes: int) -> Self:
        """For an archive of this size as it came."""
        return cls(max(_ALWAYS, size_bytes * _RATIO))

    def spend(self, size_bytes: int, what: str) -> None:
        self.bytes_left -= size_bytes
        if self.bytes_left < 0:
            raise ArchiveError(f"{what} unpacks to far more than an image of its size does, as if to fill the disk")

    def count(self, what: str) -> None:
        self.entries_left -= 1
        if self.entries_left < 0:
            raise ArchiveError(f"{what} has more than {_ENTRIES} entries, more than any layer")
