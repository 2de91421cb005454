"""Tar archives of blobs: written as a stream whose bytes depend on nothing else, read as the folder that they are."""

from __future__ import annotations

import contextlib
import gzip
import os
import posixpath
import stat
import tarfile
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Protocol, cast

from faas_builders.errors import ArchiveError, InvalidImage
from faas_builders.oci.layers.limits import Budget
from faas_builders.oci.model import MOST_DOCUMENT_BYTES

_PIECE = 1 << 20
_MOST_ENTRIES = 100_000  # an image has some hundred layers at most, and docker save three entries for each
_LINKS = 8  # docker save links a layer that comes twice to where it came first

Content = bytes | Path | None
"""What an entry holds: these bytes, those of a file, or nothing as it is a folder."""


def tar_stream(entries: Iterable[tuple[str, Content]], *, epoch: int = 0) -> Iterator[bytes]:
    """A tar in pieces of at most 1 MiB. Files are read when their turn comes, and must not change meanwhile."""
    for name, content in entries:
        info = tarfile.TarInfo(name)
        info.type, info.mode = (tarfile.DIRTYPE, 0o755) if content is None else (tarfile.REGTYPE, 0o644)
        info.mtime = epoch
        if isinstance(content, Path):
            with open(content, "rb") as file:
                info.size = os.fstat(file.fileno()).st_size
                yield _header(info)
                while piece := file.read(_PIECE):
                    yield piece
        else:
            info.size = len(content or b"")
            yield _header(info)
            if content:
                yield content
        if padding := -info.size % tarfile.BLOCKSIZE:
            yield bytes(padding)
    yield bytes(2 * tarfile.BLOCKSIZE)


class Archive(Protocol):
    """Files by name; names are relative and have slashes. Every method raises ArchiveError for what leaves it."""

    def has(self, name: str) -> bool: ...

    def size(self, name: str) -> int:
        """Raises: InvalidImage: it is not there."""
        ...

    def open(self, name: str) -> contextlib.AbstractContextManager[IO[bytes]]:
        """Raises: InvalidImage: it is not there."""
        ...


def read_document(archive: Archive, name: str) -> bytes:
    """All of a small file. Raises: InvalidImage: it is not there, or too big to be a document."""
    if archive.size(name) > MOST_DOCUMENT_BYTES:
        raise InvalidImage(f"{name} has {archive.size(name)} bytes, more than any document of an image")
    with archive.open(name) as file:
        return file.read(MOST_DOCUMENT_BYTES + 1)


@contextlib.contextmanager
def open_archive(path: Path, scratch: Path) -> Iterator[Archive]:
    """The archive at `path`: a folder, a tar, or a tar.gz, which is unpacked to a file in `scratch` meanwhile.

    Raises: InvalidImage: it is not there, or none of these. ArchiveError: an entry that leaves it.
    """
    try:
        if path.is_dir():
            yield FolderArchive(path)
            return
        with open(path, "rb") as file, _plain(file, scratch) as tar_file, tarfile.open(fileobj=tar_file) as tar:
            yield TarArchive(tar)
    except FileNotFoundError as error:
        if error.filename != os.fspath(path):
            raise
        raise InvalidImage(f"{path} is not there") from error
    except (tarfile.TarError, EOFError, gzip.BadGzipFile) as error:
        raise InvalidImage(
            f"{path} is no archive of an image, or was cut short: {error}",
            "`docker save`, `skopeo copy` and `faas build` make such archives: a tar, a tar.gz, or a folder",
        ) from error


class FolderArchive:
    def __init__(self, folder: Path) -> None:
        self._root = os.path.realpath(folder)

    def has(self, name: str) -> bool:
        return os.path.lexists(self._place(name))

    def size(self, name: str) -> int:
        with self.open(name) as file:
            return os.fstat(file.fileno()).st_size

    @contextlib.contextmanager
    def open(self, name: str) -> Iterator[IO[bytes]]:
        try:
            # Not blocking: somebody may have put a pipe there.
            descriptor = os.open(self._place(name), os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as error:
            raise InvalidImage(f"{name} of {self._root} cannot be read: {error.strerror}") from error
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise ArchiveError(f"{name} of {self._root} is no file")
        with os.fdopen(descriptor, "rb") as file:
            yield file

    def _place(self, name: str) -> str:
        place = os.path.join(self._root, *_inside(name).split("/"))
        real = os.path.realpath(place)
        if not real.startswith(self._root.rstrip(os.sep) + os.sep):
            raise ArchiveError(f"{name} leads out of {self._root}")
        return real


class TarArchive:
    def __init__(self, tar: tarfile.TarFile) -> None:
        self._tar = tar
        self._members: dict[str, tarfile.TarInfo] = {}
        for member in tar:
            if len(self._members) >= _MOST_ENTRIES:
                raise ArchiveError(f"the archive has more than {_MOST_ENTRIES} entries, which no image has")
            name = _inside(member.name)
            if not (member.isfile() or member.isdir() or member.issym() or member.islnk()) or member.issparse():
                raise ArchiveError(f"{member.name} is neither a plain file, a folder, nor a link")
            if name in self._members and not (member.isdir() and self._members[name].isdir()):
                raise ArchiveError(f"{member.name} is in the archive twice, and only one of them can be meant")
            self._members[name] = member

    def has(self, name: str) -> bool:
        return _inside(name) in self._members

    def size(self, name: str) -> int:
        return self._file(name).size

    @contextlib.contextmanager
    def open(self, name: str) -> Iterator[IO[bytes]]:
        file = self._tar.extractfile(self._file(name))
        assert file is not None  # a plain file
        with file:
            yield file

    def _file(self, name: str) -> tarfile.TarInfo:
        at = _inside(name)
        for _ in range(_LINKS):
            member = self._members.get(at)
            if member is None:
                raise InvalidImage(f"{name} is not in the archive")
            if member.issym():
                at = _inside(posixpath.normpath(posixpath.join(posixpath.dirname(at), member.linkname)))
            elif member.islnk():
                at = _inside(member.linkname)
            elif member.isfile():
                return member
            else:
                break
        raise InvalidImage(f"{name} of the archive is no file")


def _inside(name: str) -> str:
    """The name without what means nothing. Raises: ArchiveError: it leads out of the archive."""
    parts = [part for part in name.split("/") if part not in ("", ".")]
    if name.startswith("/") or ".." in parts or "\0" in name:
        raise ArchiveError(f"{name!r} leads out of the archive")
    return "/".join(parts) or "."


@contextlib.contextmanager
def _plain(file: IO[bytes], scratch: Path) -> Iterator[IO[bytes]]:
    """The tar itself, which can be read in any order."""
    if file.read(2) != b"\x1f\x8b":
        file.seek(0)
        yield file
        return
    file.seek(0)
    scratch.mkdir(parents=True, exist_ok=True)
    budget = Budget.of_compressed(os.fstat(file.fileno()).st_size)
    with tempfile.TemporaryFile(dir=scratch) as plain, gzip.GzipFile(fileobj=file, mode="rb") as zipped:
        while piece := zipped.read(_PIECE):
            budget.spend(len(piece), "the archive")
            plain.write(piece)
        plain.seek(0)
        yield cast(IO[bytes], plain)


def _header(info: tarfile.TarInfo) -> bytes:
    return info.tobuf(tarfile.PAX_FORMAT, "utf-8", "surrogateescape")
