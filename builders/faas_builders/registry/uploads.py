"""One blob to a registry: not at all where it is there already, mounted where a neighbour has it, else sent.

Source: OCI distribution specification 1.1, Pushing Blobs.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Literal

from faas_builders.errors import InvalidImage, RegistryDenied, RegistryError, RegistryUnreachable
from faas_builders.registry._httpx import httpx
from faas_builders.registry.client import Registry, named, push_scopes
from faas_builders.registry.connections import Answer
from faas_builders.registry.retries import is_worth_retrying

CHUNK_BYTES = 16 << 20  # lost with a connection at worst; no registry asks for chunks that are larger (S3: 5 MiB)
_READ_BYTES = 256 << 10
_RANGE = re.compile(r"(?:bytes[= ])?0-(\d+)")

Outcome = Literal["there", "mounted", "sent"]


def upload_blob(
    registry: Registry,
    repository: str,
    digest: str,
    path: Path,
    *,
    sources: Sequence[str] = (),
    chunk_bytes: int = CHUNK_BYTES,
    report: Callable[[int], None] = lambda done: None,
) -> Outcome:
    """Have the registry have the blob, across lost connections.

    Args:
        sources: repositories of this registry that may have it.
        report: called with the bytes that are there; fewer than before when it has to start anew.
    Raises: RegistryError; InvalidImage: the file is not there.
    """
    try:
        size = path.stat().st_size
    except FileNotFoundError as error:
        raise InvalidImage(f"the blob {digest} is not there any more", "Make the image again") from error
    upload = _Upload(registry, repository, digest, path, size, chunk_bytes, report)
    outcome = upload.run(sources)
    report(size)
    return outcome


class _Gone(Exception):
    """The registry knows nothing of this upload any more."""


class _Unchunked(Exception):
    """The registry takes no chunks."""


class _Upload:
    def __init__(
        self,
        registry: Registry,
        repository: str,
        digest: str,
        path: Path,
        size: int,
        chunk_bytes: int,
        report: Callable[[int], None],
    ) -> None:
        self._registry, self._repository, self._digest = registry, repository, digest
        self._path, self._size, self._chunk_bytes, self._report = path, size, chunk_bytes, report
        self._scopes = push_scopes(repository)
        self._failures = 0
        self._furthest = 0  # bytes that the registry had at some time: only more than that is progress
        self._in_chunks = size > chunk_bytes

    def run(self, sources: Sequence[str]) -> Outcome:
        if self._is_there():
            return "there"
        place = self._mount(sources)
        if place is None:
            return "mounted"
        while True:
            try:
                self._send(place or self._begin())
                return "sent"
            except _Unchunked:
                self._in_chunks = False
            except _Gone:
                # To some, chunks are what goes wrong; whoever forgets uploads gains nothing by them.
                self._in_chunks = self._in_chunks and self._failures < 2
                if self._is_there():  # it was only the answer that was lost
                    return "sent"
            place = ""

    def _is_there(self) -> bool:
        return self._registry.has_blob(self._repository, self._digest, self._scopes)

    def _mount(self, sources: Sequence[str]) -> httpx.URL | Literal[""] | None:
        """None: it worked. Else where to send it to, as registries begin an upload instead; "" when they do not."""
        for source in sources:
            scopes = push_scopes(self._repository, source)
            query = httpx.QueryParams({"mount": self._digest, "from": source})
            try:
                answer = self._ask("POST", f"{self._repository}/blobs/uploads/?{query}", scopes)
            except RegistryDenied:  # of the source we may know nothing
                continue
            if answer.status == 201:
                return None
            if answer.status == 202 and source == sources[-1]:
                return self._registry.transport.location(answer)
        return ""

    def _begin(self) -> httpx.URL:
        answer = self._ask("POST", f"{self._repository}/blobs/uploads/")
        if answer.status != 202:
            raise self._refused(answer)
        smallest = answer.headers.get("OCI-Chunk-Min-Length", "")
        if smallest.isdigit():
            self._chunk_bytes = max(self._chunk_bytes, int(smallest))
        return self._registry.transport.location(answer)

    def _send(self, place: httpx.URL) -> None:
        """Raises: _Gone, _Unchunked."""
        start = 0
        while True:
            last = not self._in_chunks or start == self._size
            try:
                answer = self._finish(place, start) if last else self._patch(place, start)
            except RegistryUnreachable as error:
                place, start = self._resume(place, error)
                continue
            if last and answer.status in (201, 204):
                return
            if not last and answer.status in (201, 202, 204):
                before = start
                place, start = self._accepted(answer, min(start + self._chunk_bytes, self._size))
                if start <= before:  # it says that it took it, and that it did not
                    raise _Unchunked
            elif answer.status == 416 or is_worth_retrying(answer.status):
                place, start = self._resume(place, self._refused(answer), answer)
            elif answer.status == 404:
                self._failed(self._refused(answer))
                self._in_chunks = self._in_chunks and start == 0  # some end an upload with its first chunk
                raise _Gone
            elif not last and answer.status not in (401, 403, 413):
                raise _Unchunked
            else:
                raise self._refused(answer)

    def _patch(self, place: httpx.URL, start: int) -> Answer:
        end = min(start + self._chunk_bytes, self._size)
        return self._put("PATCH", place, start, end, {"Content-Range": f"{start}-{end - 1}"})

    def _finish(self, place: httpx.URL, start: int) -> Answer:
        """With all that is not there yet; some registries move the whole blob before they answer."""
        return self._put("PUT", place.copy_merge_params({"digest": self._digest}), start, self._size, {})

    def _put(self, method: str, place: httpx.URL, start: int, end: int, headers: dict[str, str]) -> Answer:
        return self._registry.transport.request(
            method,
            place,
            self._scopes,
            headers={**headers, "Content-Type": "application/octet-stream", "Content-Length": str(end - start)},
            content=partial(self._read, start, end),
            repeatable=False,
            patient=method == "PUT",
        )

    def _read(self, start: int, end: int) -> Iterator[bytes]:
        with open(self._path, "rb") as file:
            file.seek(start)
            while start < end:
                data = file.read(min(_READ_BYTES, end - start))
                if not data:
                    raise InvalidImage(f"the blob {self._digest} has become shorter", "Make the image again")
                yield data
                start += len(data)
                self._report(start)

    def _resume(self, place: httpx.URL, failure: RegistryError, refused: Answer | None = None) -> tuple[httpx.URL, int]:
        """Where to go on after a failure, as the registry says. Raises: _Gone."""
        self._failed(failure, refused)
        if not self._in_chunks:
            raise _Gone
        answer = self._registry.transport.request("GET", place, self._scopes)
        if answer.status not in (200, 202, 204):
            raise _Gone
        answer.headers.setdefault("Location", str(place))
        return self._accepted(answer, 0)

    def _accepted(self, answer: Answer, default: int) -> tuple[httpx.URL, int]:
        """How far the registry has come. Source: the specification's Range, whose end is the last byte's number."""
        found = _RANGE.fullmatch(answer.headers.get("Range", ""))
        start = default
        if found is not None:
            start = int(found[1]) + 1 if found[1] != "0" else 0  # 0-0 is what some say of no byte at all
        if start > self._size:
            raise RegistryError(self._registry.name, f"counts {start} bytes of {self._name}, which has {self._size}")
        if start > self._furthest:
            self._furthest, self._failures = start, 0
        self._report(start)
        return self._registry.transport.location(answer), start

    def _failed(self, failure: RegistryError, answer: Answer | None = None) -> None:
        """Wait before going on. Raises: the failure, when that has been too often without any progress."""
        self._failures += 1
        self._registry.transport.connections.pause(self._failures, failure, answer)

    def _ask(self, method: str, place: str, scopes: tuple[str, ...] = ()) -> Answer:
        return self._registry.transport.request(method, place, scopes or self._scopes)

    def _refused(self, answer: Answer) -> RegistryError:
        return self._registry.refused(answer, f"does not take {self._name}")

    @property
    def _name(self) -> str:
        return named(self._repository, self._digest)
