"""One blob into a folder: whole and verified under its name, or not there."""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import FileIO
from pathlib import Path

from faas_builders.disk import space_on, sync_folder
from faas_builders.errors import DigestMismatch, RegistryError, RegistryUnreachable
from faas_builders.oci import model
from faas_builders.registry._httpx import httpx
from faas_builders.registry.client import Registry
from faas_builders.registry.connections import Answer

_CHUNK = 1 << 20  # bytes


def blob_path(folder: Path, digest: str) -> Path:
    """Raises: InvalidImage: this is no digest that we can verify."""
    return folder / "sha256" / model.hex_of(digest)


def pull_blob(
    registry: Registry,
    repository: str,
    digest: str,
    size: int,
    folder: Path,
    report: Callable[[int], None] = lambda done: None,
) -> Path:
    """Bring a blob unless it is there; a download that broke goes on where it was, also in another process.

    Args: report: called with the bytes that are there; fewer than before when it has to start anew.
    Raises: NotInRegistry, DigestMismatch, NoSpace, RegistryError.
    """
    target = blob_path(folder, digest)
    with space_on(folder), _part(target) as part:
        if part is not None:
            _Download(registry, repository, digest, size, part, report).run()
            part.become(target)
    report(size)
    return target


@dataclass(frozen=True, slots=True)
class _Part:
    """A file that is to become a blob; we hold its lock."""

    path: Path
    file: FileIO

    def write(self, chunk: bytes) -> None:
        view = memoryview(chunk)
        while view:
            view = view[self.file.write(view) :]

    def cut(self, size: int) -> None:
        self.file.truncate(size)
        self.file.seek(size)

    def drop(self) -> None:
        self.path.unlink(missing_ok=True)

    def become(self, target: Path) -> None:
        os.fchmod(self.file.fileno(), 0o644)
        os.fsync(self.file.fileno())
        os.replace(self.path, target)
        sync_folder(target.parent)


@contextmanager
def _part(target: Path) -> Iterator[_Part | None]:
    """What there is of `target`, ours alone; None: somebody else has finished it."""
    path = target.with_name(f".part-{target.name}")
    path.parent.mkdir(parents=True, exist_ok=True)
    while not target.exists():
        with open(path, "a+b", buffering=0) as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            # It was finished or thrown away while we waited, so this lock is on a file that nobody else will open.
            if not path.exists() or not os.path.samestat(os.fstat(file.fileno()), path.stat()):
                continue
            part = _Part(path, file)
            try:
                yield part
            except OSError:  # of our disk: half a blob only takes the room that is missing
                part.drop()
                raise
            return
    yield None


class _Download:
    def __init__(
        self,
        registry: Registry,
        repository: str,
        digest: str,
        size: int,
        part: _Part,
        report: Callable[[int], None],
    ) -> None:
        self._registry, self._repository, self._digest, self._size = registry, repository, digest, size
        self._part, self._report = part, report
        self._hash = hashlib.sha256()
        self._done = 0
        self._furthest = 0  # only more than ever before is progress

    def run(self) -> None:
        inherited = self._take_over()
        self._fetch()
        if inherited and not self._is_right():
            # What an earlier process left was not what it should be, after a power cut for example.
            self._restart()
            self._fetch()
        if not self._is_right():
            self._part.drop()
            reason = f"sent other bytes than {self._name}: sha256:{self._hash.hexdigest()}"
            raise DigestMismatch(self._registry.name, reason)

    def _is_right(self) -> bool:
        return self._hash.hexdigest() == model.hex_of(self._digest)

    def _take_over(self) -> bool:
        """Go on where an earlier download has ended."""
        self._part.file.seek(0)
        while chunk := self._part.file.read(_CHUNK):
            self._hash.update(chunk)
            self._done += len(chunk)
        if self._done > self._size:
            self._restart()
        return self._done > 0

    def _restart(self) -> None:
        self._part.cut(0)
        self._hash = hashlib.sha256()
        self._done = 0

    def _fetch(self) -> None:
        failures = 0
        while self._done < self._size:
            answer = self._registry.open_blob(self._repository, self._digest, start=self._done)
            try:
                self._receive(answer)
                # Short without an error: the connection was closed where the length was not announced.
                failure = RegistryUnreachable(self._registry.name, f"ended {self._name} after {self._done} bytes")
            except httpx.RequestError as error:
                failure = self._registry.transport.connections.unreachable(answer.url, error)
            if self._done < self._size:
                failures = 1 if self._done > self._furthest else failures + 1
                self._furthest = max(self._furthest, self._done)
                self._registry.transport.connections.pause(failures, failure)

    @property
    def _name(self) -> str:
        return f"{self._repository}@{self._digest}"

    def _receive(self, answer: Answer) -> None:
        if answer.stream is None:  # 416: it knows fewer bytes than we have
            self._restart()
            return
        try:
            if answer.status != 206:
                self._restart()
            elif not answer.headers.get("Content-Range", "").startswith(f"bytes {self._done}-"):
                raise RegistryError(self._registry.name, f"sent another part of {self._name} than was asked for")
            for chunk in answer.stream.iter_raw():  # as it comes: what httpx gathers is lost with the connection
                self._done += len(chunk)
                if self._done > self._size:
                    self._part.drop()
                    raise DigestMismatch(self._registry.name, f"sent more than the {self._size} bytes of {self._name}")
                self._part.write(chunk)
                self._hash.update(chunk)
                self._report(self._done)
        finally:
            answer.stream.close()
