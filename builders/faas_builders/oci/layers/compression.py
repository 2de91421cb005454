"""Read a layer as the tar that it is, however it is compressed."""

from __future__ import annotations

import contextlib
import gzip
import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, cast

from faas_builders.errors import BaseImageError

_GZIP, _ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
# Where zstd is found: the standard library from 3.14, its backport, and what there was before both.
_ZSTD_MODULES = ("compression.zstd", "backports.zstd", "zstandard")


@contextlib.contextmanager
def uncompressed(path: Path) -> Iterator[IO[bytes]]:
    """The bytes of the tar in `path`; its first bytes say how it is compressed, whatever its media type says.

    Raises: BaseImageError: zstd, and no module that reads it.
    """
    with open(path, "rb") as file:
        magic = file.read(4)
        file.seek(0)
        if magic.startswith(_GZIP):
            with gzip.GzipFile(fileobj=file, mode="rb") as plain:
                yield cast(IO[bytes], plain)
        elif magic == _ZSTD:
            with _zstd().open(file, "rb") as plain:
                yield plain
        else:
            yield file


def _zstd() -> Any:
    for name in _ZSTD_MODULES:
        with contextlib.suppress(ImportError):
            return importlib.import_module(name)
    raise BaseImageError(
        f"a layer of the base is compressed with zstd, which Python {sys.version_info[0]}.{sys.version_info[1]} "
        "cannot read by itself",
        "Install the module that can:  pip install backports.zstd    or take a base with gzip layers",
    )
