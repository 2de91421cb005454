"""What `kubectl logs` and `faas logs` ask of whoever keeps the instances' logs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from faas.client.errors import BadRequest


@dataclass(frozen=True, slots=True)
class LogQuery:
    """Which lines of a container's log; None: no bound."""

    tail_lines: int | None = None
    since_seconds: int | None = None
    since_time: datetime | None = None
    limit_bytes: int | None = None
    previous: bool = False
    timestamps: bool = False
    follow: bool = False


class ContainerLogs(Protocol):
    def read(self, pod: str, container: str, query: LogQuery) -> AsyncIterator[bytes]:
        """Chunks of the log of `NAMESPACE/NAME`; with `follow` it ends when the container has ended."""
        ...


class History(Protocol):
    """Logs that outlive their Pods."""

    def history(
        self, namespace: str, revisions: Sequence[str], query: LogQuery, *, ended_only: bool
    ) -> AsyncIterator[bytes]:
        """What the instances of these revisions wrote, one after the other: JSON lines of time, pod and line."""
        ...


def parse_log_query(query: Mapping[str, str]) -> LogQuery:
    """Raises BadRequest."""
    try:
        since = query.get("sinceTime")
        return LogQuery(
            tail_lines=_count(query, "tailLines"),
            since_seconds=_count(query, "sinceSeconds"),
            since_time=datetime.fromisoformat(since) if since else None,
            limit_bytes=_count(query, "limitBytes"),
            previous=query.get("previous") == "true",
            timestamps=query.get("timestamps") == "true",
            follow=query.get("follow") == "true",
        )
    except ValueError as error:
        raise BadRequest(f"the log options cannot be read: {error}") from error


async def begun(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The same chunks; a refusal that comes before the first of them is raised here, before anything is answered.

    A log that is followed may be silent for long: it is waited for a tenth of a second only.
    """
    first = asyncio.ensure_future(anext(chunks, None))
    try:
        await asyncio.wait({first}, timeout=0.1)
        if first.done():
            first.result()
    except BaseException:
        first.cancel()
        raise

    async def rest() -> AsyncIterator[bytes]:
        try:
            chunk = await first
            while chunk is not None:
                yield chunk
                chunk = await anext(chunks, None)
        finally:
            first.cancel()
            await asyncio.wait({first})
            if isinstance(chunks, AsyncGenerator):
                await chunks.aclose()

    return rest()


def _count(query: Mapping[str, str], name: str) -> int | None:
    if name not in query:
        return None
    count = int(query[name])
    if count < 0:
        raise ValueError(f"{name} must be greater than or equal to 0")
    return count
