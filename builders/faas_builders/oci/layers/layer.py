"""Layers: a list of entries to a tar.gz whose bytes depend on nothing else."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
import tarfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Self

from faas_builders.errors import ProjectFileError
from faas_builders.files import ProjectFile
from faas_builders.oci.layers.gzipping import GzipWriter

_PIECE = 1 << 20


@dataclass(frozen=True, slots=True)
class Written:
    digest: str  # of the compressed bytes
    diff_id: str  # of the tar itself
    size_bytes: int  # compressed


def write_layer(files: Iterable[ProjectFile], prefix: str, out: IO[bytes], *, epoch: int) -> Written:
    """Write `files` below `prefix` as tar.gz: sorted, owned by root, every time `epoch`."""
    compressed = _Hashing(out)
    with GzipWriter(compressed) as zipped:
        size_bytes = 0
        for piece in _tar(files, prefix, epoch):
            zipped.write(piece)
            size_bytes += len(piece)
        zipped.write(_end(size_bytes))
    return Written(compressed.digest, zipped.plain_digest, compressed.size_bytes)


def folder_files(root: Path, *, bytecode: bool = False) -> list[ProjectFile]:
    """Everything in `root` as entries of a layer, bytecode only when asked for; for folders that we made ourselves."""
    return sorted(_entries(root, str(root), bytecode), key=lambda file: file.path)


def _entries(root: Path, folder: str, bytecode: bool) -> Iterator[ProjectFile]:
    with os.scandir(folder) as entries:
        for entry in entries:
            path = entry.path[len(str(root)) + 1 :]
            if entry.is_symlink():
                yield ProjectFile(path, Path(entry.path), link=os.readlink(entry.path))
            elif entry.is_dir():
                if bytecode or entry.name != "__pycache__":
                    yield from _entries(root, entry.path, bytecode)
            elif bytecode or not entry.name.endswith(".pyc"):
                yield ProjectFile(path, Path(entry.path), bool(entry.stat().st_mode & stat.S_IXUSR))


def _tar(files: Iterable[ProjectFile], prefix: str, epoch: int) -> Iterator[bytes]:
    folders: set[str] = set()
    for file in sorted(files, key=lambda file: file.path):
        path = f"{prefix}/{file.path}" if prefix else file.path
        for folder in _parents(path, folders):
            yield _header(_info(folder, tarfile.DIRTYPE, 0o755, epoch))
        if file.link:
            info = _info(path, tarfile.SYMTYPE, 0o777, epoch)
            info.linkname = file.link
            yield _header(info)
            continue
        info = _info(path, tarfile.REGTYPE, 0o755 if file.executable else 0o644, epoch)
        with _Reading(file.source) as content:
            info.size = content.size_bytes
            yield _header(info)
            yield from content.pieces()
        yield bytes(-info.size % tarfile.BLOCKSIZE)


def _parents(path: str, known: set[str]) -> Iterator[str]:
    """The folders that `path` lies in and that are not `known` yet, outermost first; then they are."""
    new = []
    folder = path.rpartition("/")[0]
    while folder and folder not in known:
        known.add(folder)
        new.append(folder)
        folder = folder.rpartition("/")[0]
    return reversed(new)


def _header(info: tarfile.TarInfo) -> bytes:
    return info.tobuf(tarfile.PAX_FORMAT, "utf-8", "surrogateescape")


def _end(size_bytes: int) -> bytes:
    """Two empty blocks, and more until the archive has whole records."""
    end = 2 * tarfile.BLOCKSIZE
    return bytes(end + -(size_bytes + end) % tarfile.RECORDSIZE)


class _Reading:
    """The bytes that a file had when it was opened: one that grows or shrinks meanwhile must not tear the archive."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._file = open(path, "rb", buffering=0, opener=_open_file)  # noqa: SIM115  # closed by __exit__
            self.size_bytes = os.fstat(self._file.fileno()).st_size
        except OSError as error:
            raise self._unreadable(error) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def pieces(self) -> Iterator[bytes]:
        left = self.size_bytes
        while left:
            try:
                data = self._file.read(min(left, _PIECE))
            except OSError as error:
                raise self._unreadable(error) from error
            if not data:
                raise ProjectFileError(self._path, "this file became shorter while it was read", "Build again")
            left -= len(data)
            yield data

    def _unreadable(self, error: OSError) -> ProjectFileError:
        return ProjectFileError(self._path, f"this file cannot be read: {error.strerror}")


def _open_file(path: str, flags: int) -> int:
    # What was a file when the folder was read may be a link by now, which would lead out, or a pipe, which would hang.
    descriptor = os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "it is no file any more")
    return descriptor


def _info(path: str, kind: bytes, mode: int, epoch: int) -> tarfile.TarInfo:
    info = tarfile.TarInfo(path)
    info.type, info.mode, info.mtime = kind, mode, epoch
    info.uid = info.gid = 0
    info.uname = info.gname = ""
    return info


class _Hashing:
    """Passes bytes on and remembers their digest."""

    def __init__(self, out: IO[bytes]) -> None:
        self._out, self._hash, self.size_bytes = out, hashlib.sha256(), 0

    def write(self, data: bytes) -> None:
        self._out.write(data)
        self._hash.update(data)
        self.size_bytes += len(data)

    @property
    def digest(self) -> str:
        return "sha256:" + self._hash.hexdigest()
