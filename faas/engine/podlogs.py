"""The instances' logs, as the API server asks for them: `kubectl logs` over files of JSON lines."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

from faas.client.errors import BadRequest
from faas.engine.instances import LogLine, LogStore


class PodLogs:
    """Fulfils `faas.engine.api.logs.LogStore`; a Pod has one container, so its name chooses nothing."""

    def __init__(self, store: LogStore) -> None:
        self._store = store

    async def read(
        self,
        pod: str,
        container: str,
        *,
        tail_lines: int | None,
        since_seconds: int | None,
        since_time: datetime | None,
        previous: bool,
        timestamps: bool,
        follow: bool,
        limit_bytes: int | None,
    ) -> AsyncIterator[bytes]:
        """Raises: BadRequest: the container has not written yet, or has no previous run."""
        namespace, _, name = pod.partition("/")
        if since_seconds is not None:
            since_time = datetime.now(UTC) - timedelta(seconds=since_seconds)
        left = limit_bytes
        lines = self._store.read(
            namespace, name, tail_lines=tail_lines, since=since_time, previous=previous, follow=follow
        )
        try:
            async for line in lines:
                data = _encode(line, timestamps=timestamps)
                if left is not None:
                    data = data[:left]
                    left -= len(data)
                yield data
                if left == 0:
                    return
        except LookupError as error:
            which = "previous terminated container" if previous else "container"
            raise BadRequest(f'{which} "{container}" in pod "{name}" has no log yet') from error


def _encode(line: LogLine, *, timestamps: bool) -> bytes:
    stamp = line.time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ ") if timestamps else ""
    return f"{stamp}{line.line}\n".encode()
