"""What instances print: one bounded file a run, JSON lines, and readers that can follow.

    logs/NAMESPACE/REVISION/POD/RUN.jsonl             RUN is the restart count; RUN.jsonl.1 is the older half once it
                                                      was full
    logs/NAMESPACE/REVISION/POD/CONTAINER/RUN.jsonl   of a sidecar

Written by the engine, which reads each instance's output from named pipes (see `capture`).
"""

from __future__ import annotations

import asyncio
import shutil
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

import msgspec

from faas.engine.contract.revision import RevisionKey
from faas.engine.instances.driver import Stream
from faas.resources.loglines import in_words

MAX_FILE_BYTES = 5 * 1024 * 1024  # then the file is the older half, and the older half before it goes
MAX_LINE_BYTES = 16 * 1024  # as the container runtimes split lines
KEPT_PODS = 10  # ended pods of a revision whose logs stay
LAST_LINES = 12  # enough to see an exception's end in a condition's message
_LAST_CHARS = 1000  # of one of them, which can be a whole traceback


class LogLine(msgspec.Struct, frozen=True):
    time: datetime
    stream: Stream
    pod: str
    revision: str
    line: str


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(LogLine)


def _bounded(text: str) -> str:
    """The beginning says what happened, the end of a traceback why."""
    return text if len(text) <= _LAST_CHARS else f"{text[: _LAST_CHARS // 4]} … {text[-_LAST_CHARS * 3 // 4 :]}"


class RunLog:
    """The log of one run while it is written."""

    def __init__(self, path: Path, key: RevisionKey, pod: str, changed: Callable[[], None]) -> None:
        self._last: dict[Stream, deque[str]] = {"stderr": deque(maxlen=LAST_LINES), "stdout": deque(maxlen=LAST_LINES)}
        self._path, self._key, self._pod, self._changed = path, key, pod, changed
        self._file: IO[bytes] | None = None
        self._size = 0

    @property
    def last(self) -> list[str]:
        """What it said at last, where programs say what went wrong; else whatever it said."""
        return [_bounded(in_words(text)) for text in self._last["stderr"] or self._last["stdout"]]

    def write(self, stream: Stream, line: bytes) -> None:
        """A full disk loses lines, never an instance."""
        text = line.decode("utf-8", "replace")
        self._last[stream].append(text)
        data = _encoder.encode(LogLine(datetime.now(UTC), stream, self._pod, self._key.name, text)) + b"\n"
        try:
            if self._file is None or self._size + len(data) > MAX_FILE_BYTES:
                self._open()
            assert self._file is not None
            self._file.write(data)
            self._size += len(data)
        except OSError:
            return
        self._changed()

    def _open(self) -> None:
        if self._file is not None:
            self._file.close()
            self._path.replace(self._path.with_name(self._path.name + ".1"))
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._file = self._path.open("ab", buffering=0)
        self._size = self._file.tell()

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None
        self._changed()


class LogStore:
    """All logs of an engine. Reading works for pods of an earlier engine too."""

    def __init__(self, logs_dir: Path) -> None:
        self._dir = logs_dir
        self._writing: dict[tuple[str, str, str], int] = {}  # (namespace, pod, sidecar) -> run that is being written
        self._bells: dict[tuple[str, str], list[asyncio.Event]] = {}

    def open_run(self, key: RevisionKey, pod: str, run: int, sidecar: str = "") -> RunLog:
        """Args: sidecar: its name; "": the container that serves."""
        self._writing[key.namespace, pod, sidecar] = run
        path = self._dir / key.namespace / key.name / pod / sidecar / f"{run}.jsonl"
        return RunLog(path, key, pod, lambda: self._ring(key.namespace, pod))

    def pod_ended(self, key: RevisionKey, pod: str) -> None:
        """Nothing more comes of this pod: its followers end, and the oldest ended pods' logs go."""
        for written in [written for written in self._writing if written[:2] == (key.namespace, pod)]:
            del self._writing[written]
        self._ring(key.namespace, pod)
        self._prune(key)

    def pods(self, namespace: str, *revisions: str) -> list[str]:
        """Pods of these revisions that have logs, oldest first."""
        folders = [folder for name in revisions if (folder := self._dir / namespace / name).is_dir()]
        found = [path for folder in folders for path in folder.iterdir()]
        return [path.name for path in sorted(found, key=lambda path: path.stat().st_mtime_ns)]

    def has_ended(self, namespace: str, pod: str) -> bool:
        return (namespace, pod, "") not in self._writing

    def is_sidecar(self, namespace: str, pod: str, container: str) -> bool:
        """Whether logs of a container of that name are kept apart."""
        kept = bool(container) and next(self._dir.glob(f"{namespace}/*/{pod}/{container}"), None) is not None
        return kept or (namespace, pod, container) in self._writing

    async def read(
        self,
        namespace: str,
        pod: str,
        *,
        sidecar: str = "",
        tail_lines: int | None = None,
        since: datetime | None = None,
        follow: bool = False,
        previous: bool = False,
    ) -> AsyncIterator[LogLine]:
        """The lines of a pod's newest run, or with `previous` of the one before it; `follow` goes on until it ends.

        Raises: LookupError: there is no such pod or no previous run.
        """
        bell = asyncio.Event()
        key, container = (namespace, pod), (namespace, pod, sidecar)
        self._bells.setdefault(key, []).append(bell)
        try:
            path = self._find(container, previous=previous)
            if path is None and (previous or container not in self._writing):
                raise LookupError(f"no {'previous ' if previous else ''}log of pod {namespace}/{pod}")
            position = 0
            if path is not None:
                lines, position = _read_whole(path, tail_lines, since)
                for line in lines:
                    yield line
            while follow and not previous:
                alive = container in self._writing
                newest = self._find(container, previous=False)
                if newest is not None and newest != path:
                    path, position = newest, 0
                if path is not None:
                    fresh, position = _read_from(path, position)
                    for line in fresh:
                        yield line
                if not alive:
                    return
                await bell.wait()
                bell.clear()
        finally:
            self._bells[key].remove(bell)
            if not self._bells[key]:
                del self._bells[key]

    def _find(self, container: tuple[str, str, str], *, previous: bool) -> Path | None:
        namespace, pod, sidecar = container
        pattern = "/".join(part for part in (namespace, "*", pod, sidecar, "*.jsonl") if part)
        runs = sorted(self._dir.glob(pattern), key=lambda path: int(path.stem))
        current = self._writing.get(container)
        if current is None and runs:
            current = int(runs[-1].stem)
        wanted = [path for path in runs if (int(path.stem) < (current or 0)) == previous]
        return wanted[-1] if wanted else None

    def _ring(self, namespace: str, pod: str) -> None:
        for bell in self._bells.get((namespace, pod), ()):
            bell.set()

    def _prune(self, key: RevisionKey) -> None:
        ended = [pod for pod in self.pods(key.namespace, key.name) if self.has_ended(key.namespace, pod)]
        for pod in ended[:-KEPT_PODS]:
            shutil.rmtree(self._dir / key.namespace / key.name / pod, ignore_errors=True)


def _parse(data: bytes) -> Iterator[LogLine]:
    for line in data.splitlines():
        try:
            yield _decoder.decode(line)
        except msgspec.DecodeError:  # cut short when the engine was killed
            continue


def _read_whole(path: Path, tail_lines: int | None, since: datetime | None) -> tuple[list[LogLine], int]:
    older = path.with_name(path.name + ".1")
    before = older.read_bytes() if older.exists() else b""
    current = path.read_bytes()
    lines = [line for line in _parse(before + current) if since is None or line.time >= since]
    if tail_lines is not None:
        lines = lines[max(0, len(lines) - tail_lines) :]
    return lines, len(current)


def _read_from(path: Path, position: int) -> tuple[list[LogLine], int]:
    """Lines since `position`; after a rotation from the start of the new file, and the rest of the old one first."""
    try:
        size = path.stat().st_size
    except FileNotFoundError:
        return [], position
    rest = b""
    if size < position:
        older = path.with_name(path.name + ".1")
        if older.exists():
            with older.open("rb") as file:
                file.seek(position)
                rest = file.read()
        position = 0
    with path.open("rb") as file:
        file.seek(position)
        data = file.read()
    return list(_parse(rest + data)), position + len(data)
