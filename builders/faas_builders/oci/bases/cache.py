"""What was fetched of bases: their blobs, what their tags meant, what was found in them."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path
from typing import TypeVar

import msgspec

from faas_builders.cache import cache_dir, key_of
from faas_builders.disk import write_atomically
from faas_builders.oci.bases.inspecting import BaseFacts
from faas_builders.oci.layout import Layout

FRESH_S = 86400.0
"""How long a tag is taken for what it meant, without asking its registry: a rebuild costs no network all day."""

LIMIT_BYTES = 10 << 30
"""Of all blobs together: some hundred bases, as they share layers. A store only links to them."""

_FACTS_FORMAT = "2"  # raise it when more, or something else, is found in the same layers, or more of them is checked
_Record = TypeVar("_Record", bound=msgspec.Struct)


class RememberedTag(msgspec.Struct, frozen=True):
    name: str
    digest: str
    at_s: float  # since 1970

    def is_fresh(self, now_s: float) -> bool:
        return 0 <= now_s - self.at_s < FRESH_S


class BaseCache:
    """Below `$XDG_CACHE_HOME/faas/bases`: `blobs/`, `tags/`, `facts/`. Everything in it can be fetched again."""

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder or cache_dir() / "bases"
        self.layout = Layout(self.folder)

    def tag(self, name: str) -> RememberedTag | None:
        """What the tag meant when its registry was last asked."""
        return _read(self._tag(name), RememberedTag)

    def remember_tag(self, name: str, digest: str, *, now_s: float | None = None) -> None:
        record = RememberedTag(name, digest, time.time() if now_s is None else now_s)
        write_atomically(self._tag(name), msgspec.json.encode(record), durable=False)

    def facts(self, digest: str, python: str) -> BaseFacts | None:
        """What was found in the image, when `python` was looked for in it."""
        return _read(self._facts(digest, python), BaseFacts)

    def remember_facts(self, digest: str, python: str, facts: BaseFacts) -> None:
        write_atomically(self._facts(digest, python), msgspec.json.encode(facts), durable=False)

    def trim(self, *, limit_bytes: int = LIMIT_BYTES) -> int:
        """Delete the least recently used blobs beyond the limit; returns how many bytes that were."""
        blobs = []
        for path in self.layout.blobs.glob("*"):
            with contextlib.suppress(FileNotFoundError):  # somebody else trims too
                blobs.append((path.stat().st_mtime, path.stat().st_size, path))
        total, freed = sum(size for _, size, _ in blobs), 0
        for _, size, path in sorted(blobs):
            if total - freed <= limit_bytes:
                break
            path.unlink(missing_ok=True)
            freed += size
        return freed

    def _tag(self, name: str) -> Path:
        return self.folder / "tags" / f"{key_of(name)}.json"

    def _facts(self, digest: str, python: str) -> Path:
        return self.folder / "facts" / f"{key_of(_FACTS_FORMAT, digest, python)}.json"


def _read(path: Path, kind: type[_Record]) -> _Record | None:
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except (FileNotFoundError, msgspec.DecodeError):
        return None
