"""The instances' logs, as the API server asks for them: `kubectl logs` over files of JSON lines."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

from faas.client.errors import BadRequest
from faas.engine.api.logs import LogQuery
from faas.engine.instances import LogLine, LogStore


class PodLogs:
    """Fulfils `faas.engine.api.logs.ContainerLogs`; a Pod has one container, so its name chooses nothing."""

    def __init__(self, store: LogStore) -> None:
        self._store = store

    async def read(self, pod: str, container: str, query: LogQuery) -> AsyncIterator[bytes]:
        """Raises: BadRequest: the container has not written yet, or has no previous run."""
        namespace, _, name = pod.partition("/")
        since, left = query.since_time, query.limit_bytes
        if query.since_seconds is not None:
            since = datetime.now(UTC) - timedelta(seconds=query.since_seconds)
        lines = self._store.read(
            namespace, name, tail_lines=query.tail_lines, since=since, previous=query.previous, follow=query.follow
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


def _encode(line: LogLine, *, timestamps: bool) -> bytes:
    stamp = line.time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ ") if timestamps else ""
    return f"{stamp}{line.line}\n".encode()
