"""The instances' logs, as the API server asks for them: `kubectl logs`, and the history of a function's instances."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta

import msgspec

from faas.client.errors import BadRequest
from faas.engine.api.logs import LogQuery
from faas.engine.instances import LogLine, LogStore


class PodLogs:
    """Fulfils `faas.engine.api.logs.ContainerLogs` and `History`; which is about the containers that serve."""

    def __init__(self, store: LogStore) -> None:
        self._store = store

    async def read(self, pod: str, container: str, query: LogQuery) -> AsyncIterator[bytes]:
        """Raises: BadRequest: the container has not written yet, or has no previous run."""
        namespace, _, name = pod.partition("/")
        left = query.limit_bytes
        lines = self._store.read(
            namespace,
            name,
            sidecar=container if self._store.is_sidecar(namespace, name, container) else "",
            tail_lines=query.tail_lines,
            since=_since(query),
            previous=query.previous,
            follow=query.follow,
        )
        try:
            async for line in lines:
                data = _encode(line, timestamps=query.timestamps)
                if left is not None:
                    data = data[:left]
                    left -= len(data)
                yield data
                if left == 0:
                    return
        except LookupError as error:
            which = "previous terminated container" if query.previous else "container"
            raise BadRequest(f'{which} "{container}" in pod "{name}" has no log yet') from error

    async def history(
        self, namespace: str, revisions: Sequence[str], query: LogQuery, *, ended_only: bool
    ) -> AsyncIterator[bytes]:
        for pod in self._store.pods(namespace, *revisions):
            if ended_only and not self._store.has_ended(namespace, pod):
                continue
            try:
                async for line in self._store.read(
                    namespace, pod, tail_lines=query.tail_lines, since=_since(query), previous=query.previous
                ):
                    yield msgspec.json.encode(line) + b"\n"
            except (LookupError, FileNotFoundError):  # its turn came after it was pruned
                continue


def _since(query: LogQuery) -> datetime | None:
    if query.since_seconds is not None:
        return datetime.now(UTC) - timedelta(seconds=query.since_seconds)
    return query.since_time


def _encode(line: LogLine, *, timestamps: bool) -> bytes:
    stamp = line.time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ ") if timestamps else ""
    return f"{stamp}{line.line}\n".encode()
