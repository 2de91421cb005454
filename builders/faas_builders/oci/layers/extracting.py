"""A layer into a folder, and nothing anywhere else, whatever the layer says."""

from __future__ import annotations

import errno
import gzip
import io
import os
import shutil
import stat
import tarfile
import zlib
from pathlib import Path
from typing import IO, cast

from faas_builders.disk import space_on
from faas_builders.errors import ArchiveError
from faas_builders.oci.layers.compression import uncompressed
from faas_builders.oci.layers.limits import Budget

_PIECE = 1 << 20
_LONGEST_HEADER = 16 << 20  # a PAX header has some hundred bytes, and tarfile reads it whole into memory
_DEEPEST = 250  # os.makedirs calls itself for each

# What an entry can make of a name that cannot be used: too long, below a file, a folder that is a file before.
_BAD_NAME = frozenset({errno.ENAMETOOLONG, errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.ELOOP, errno.EINVAL})


def extract_layer(source: Path, folder: Path, *, budget: Budget | None = None) -> None:
    """Unpack a layer into `folder`; a later entry replaces an earlier one of the same name.

    Raises: ArchiveError: an entry leaves the folder, is no file, folder or link, or the layer is broken or unpacks to
    more than `budget`, which depends on its size. NoSpace. What was unpacked until then stays for the caller to remove.
    """
    root = os.path.realpath(folder)
    budget = budget or Budget.of_compressed(source.stat().st_size)
    try:
        with space_on(folder), uncompressed(source) as plain, tarfile.open(fileobj=_bounded(plain), mode="r:") as tar:
            while (member := tar.next()) is not None:
                tar.members.clear()  # type: ignore[attr-defined]  # it remembers each, and there may be a million
                budget.count("the layer")
                budget.spend(member.size, _short(member.name))
                _extract(tar, member, root)
    except (tarfile.TarError, EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise ArchiveError(f"the layer cannot be unpacked: {error}") from error


def _extract(tar: tarfile.TarFile, member: tarfile.TarInfo, root: str) -> None:
    # By hand: TarFile.extract(filter="data") came with Python 3.11.4, and Debian 12 has 3.11.2.
    if not (member.isfile() or member.isdir() or member.issym() or member.islnk()):
        raise ArchiveError(f"{_short(member.name)} is neither a file, a folder, nor a link")
    target = _place(root, member.name)
    if target == root:
        return
    try:
        os.makedirs(os.path.dirname(target), exist_ok=True)
        if member.isdir():
            os.makedirs(target, exist_ok=True)
        else:
            _make_way(target, member.name)
            _write(tar, member, root, target)
    except OSError as error:
        if error.errno not in _BAD_NAME:
            raise
        raise ArchiveError(f"{_short(member.name)} cannot be unpacked: {error.strerror}") from error


def _write(tar: tarfile.TarFile, member: tarfile.TarInfo, root: str, target: str) -> None:
    if member.issym():
        leads_to = os.path.realpath(os.path.join(os.path.dirname(target), member.linkname))
        if not _lies_in(root, leads_to):
            raise ArchiveError(f"{_short(member.name)} leads out of the folder of the image (to {member.linkname})")
        os.symlink(member.linkname, target)
        return
    if member.islnk():
        original = _place(root, member.linkname)
        if not os.path.lexists(original) or not stat.S_ISREG(os.lstat(original).st_mode):
            raise ArchiveError(f"{_short(member.name)} is a link to {member.linkname}, which is no file of the layer")
        os.link(original, target, follow_symlinks=False)
        return
    content = tar.extractfile(member)
    assert content is not None  # a file
    with content, open(target, "xb") as file:
        shutil.copyfileobj(content, file, _PIECE)
    # Nobody but the owner may write, and nothing runs as somebody else: the layers' folders are shared.
    os.chmod(target, 0o755 if member.mode & stat.S_IXUSR else 0o644)
    os.utime(target, (member.mtime, member.mtime))


def _place(root: str, name: str) -> str:
    """Where an entry goes. Raises: ArchiveError: outside; also by way of a link that an earlier entry made."""
    parts = [part for part in name.split("/") if part not in ("", ".")]
    if name.startswith("/") or ".." in parts or "\0" in name:
        raise ArchiveError(f"{_short(name)} leaves the folder of the image")
    if len(parts) > _DEEPEST:
        raise ArchiveError(f"{_short(name)} lies below {len(parts)} folders, which no file of a layer does")
    target = os.path.join(root, *parts)
    if target != root and not _lies_in(root, os.path.realpath(os.path.dirname(target))):
        raise ArchiveError(f"{_short(name)} leads out of the folder of the image")
    return target


def _make_way(target: str, name: str) -> None:
    if not os.path.lexists(target):
        return
    if os.path.isdir(target) and not os.path.islink(target):
        raise ArchiveError(f"{_short(name)} is a folder in one entry and something else in another")
    os.unlink(target)


def _lies_in(root: str, place: str) -> bool:
    return place == root or place.startswith(root + os.sep)


def _short(name: str) -> str:
    return name if len(name) <= 200 else f"{name[:100]}…{name[-100:]}"


class _Bounded(io.RawIOBase):
    """Refuses to read a lot at once: only headers are read whole, and their size is what the archive says."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    def read(self, size: int = -1) -> bytes:
        if not 0 <= size <= _LONGEST_HEADER:
            raise ArchiveError(f"the layer has a header of {size} bytes")
        return self._file.read(size)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()


def _bounded(file: IO[bytes]) -> IO[bytes]:
    return cast(IO[bytes], _Bounded(file))
