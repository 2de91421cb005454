"""Layers: a list of entries to a tar.gz whose bytes depend on nothing else."""

from __future__ import annotations

import errno
import gzip
import hashlib
import io
import os
import stat
import tarfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Self, cast

from faas_builders.errors import ProjectFileError
from faas_builders.files import ProjectFile

_PIECE = 1 << 20
_COMPRESSION = 6  # zlib's own default; 9 takes three times as long for 1 % less


@dataclass(frozen=True, slots=True)
class Written:
    digest: str  # of the compressed bytes
    diff_id: str  # of the tar itself
    size_bytes: int  # compressed


def write_layer(files: Iterable[ProjectFile], prefix: str, out: IO[bytes], *, epoch: int) -> Written:
    """Write `files` below `prefix` as tar.gz: sorted, owned by root, every time `epoch`."""
    compressed = _Hashing(out)
    # A fixed header: no file name, no time of compression.
    with gzip.GzipFile(filename="", mode="wb", compresslevel=_COMPRESSION, fileobj=compressed, mtime=0) as zipped:
        plain = _Hashing(zipped)
        with tarfile.TarFile(
            fileobj=cast(IO[bytes], plain), mode="w", format=tarfile.PAX_FORMAT, copybufsize=_PIECE
        ) as tar:
            seen: set[str] = set()
            for file in sorted(files, key=lambda file: file.path):
                path = f"{prefix}/{file.path}" if prefix else file.path
                for parent in _parents(path):
                    if parent not in seen:
                        seen.add(parent)
                        tar.addfile(_info(parent, tarfile.DIRTYPE, 0o755, epoch))
                _add(tar, file, path, epoch)
    return Written(compressed.digest, plain.digest, compressed.size_bytes)


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


def _add(tar: tarfile.TarFile, file: ProjectFile, path: str, epoch: int) -> None:
    if file.link:
        info = _info(path, tarfile.SYMTYPE, 0o777, epoch)
        info.linkname = file.link
        tar.addfile(info)
        return
    info = _info(path, tarfile.REGTYPE, 0o755 if file.executable else 0o644, epoch)
    with _Reading(file.source) as content:
        info.size = content.size_bytes
        tar.addfile(info, cast(IO[bytes], content))


class _Reading:
    """The bytes that a file had when it was opened: one that grows or shrinks meanwhile must not tear the archive."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._file = open(path, "rb", opener=_open_file)  # noqa: SIM115  # closed by __exit__
            self.size_bytes = os.fstat(self._file.fileno()).st_size
        except OSError as error:
            raise self._unreadable(error) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def read(self, size: int) -> bytes:
        try:
            data = self._file.read(size)
        except OSError as error:
            raise self._unreadable(error) from error
        if len(data) < size:
            raise ProjectFileError(self._path, "this file became shorter while it was read", "Build again")
        return data

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


def _parents(path: str) -> list[str]:
    return [str(parent) for parent in reversed(PurePosixPath(path).parents) if str(parent) != "."]


class _Hashing(io.RawIOBase):
    """Passes bytes on and remembers their digest."""

    def __init__(self, out: IO[bytes] | gzip.GzipFile) -> None:
        self._out, self._hash, self.size_bytes, self._at = out, hashlib.sha256(), 0, 0

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        view = memoryview(data)  # type: ignore[arg-type]  # RawIOBase says Buffer, which 3.11 cannot name
        self._out.write(view)
        self._hash.update(view)
        self.size_bytes += view.nbytes
        return view.nbytes

    def tell(self) -> int:
        return self.size_bytes

    @property
    def digest(self) -> str:
        return "sha256:" + self._hash.hexdigest()
