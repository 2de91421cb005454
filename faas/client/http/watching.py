"""Following a kind's objects across everything that ends a watch."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence
from contextlib import aclosing
from typing import Protocol

from faas.client.errors import ApiError, Gone, Unavailable
from faas.client.protocol import Object, ObjectList, WatchEvent
from faas.client.transport.pace import jitter
from faas.client.transport.retry import RetryPolicy

_SHORT_S = 1.0  # a watch that ends sooner, and without a word, is none


class Watchable(Protocol):
    async def list(self) -> ObjectList: ...

    def changes(self, resource_version: str) -> AsyncGenerator[WatchEvent, None]:
        """One request: until the server ends it, or the connection breaks (Unavailable). Raises: ApiError."""
        ...


async def follow(source: Watchable, retry: RetryPolicy, resource_version: str = "") -> AsyncIterator[WatchEvent]:
    """Changes after `resource_version`; "": first an ADDED for each object there is, and never Gone.

    Ends only with the caller. In the second form a version that is too old is got over by a list: what it tells of
    the time between comes as ADDED, MODIFIED and DELETED, as if it had been watched.

    Raises: Gone; Unavailable: that went on for too long.
    """
    known: dict[tuple[str, str], Object] | None = None if resource_version else {}
    version, failures = resource_version, 0
    while True:
        if known is not None and not version:
            # A list is whole or fails, so a connection that breaks in the middle cannot lose an object.
            listed = await source.list()
            for event in differences(known, listed.items):
                _remember(known, event)
                yield event
            version = listed.resource_version
        began, heard = time.monotonic(), False
        failure: ApiError = Unavailable("the API server ends every watch at once")
        try:
            async with aclosing(source.changes(version)) as changes:
                async for event in changes:
                    heard, failures = True, 0
                    version = str(event.object["metadata"].get("resourceVersion") or "")
                    if known is not None:
                        _remember(known, event)
                    yield event
            if heard or time.monotonic() - began > _SHORT_S:
                continue
        except Gone as error:
            if known is None:
                raise
            version, failure = "", error
        except Unavailable as error:
            failure = error
        failures += 1
        wait_s = retry.wait_s(failures - 1, retry_after_s=failure.retry_after_s, jitter=jitter())
        if failures >= retry.attempts or wait_s > retry.patience_s:
            raise failure
        await asyncio.sleep(wait_s)


def differences(known: dict[tuple[str, str], Object], items: Sequence[Object]) -> Iterator[WatchEvent]:
    """What must have happened for the objects that are known to have become those of a list."""
    found = {_key(item): item for item in items}
    for key, old in list(known.items()):
        if key not in found or found[key]["metadata"].get("uid") != old["metadata"].get("uid"):
            yield WatchEvent("DELETED", old)
    for key, item in found.items():
        before = known.get(key)
        if before is None or before["metadata"].get("uid") != item["metadata"].get("uid"):
            yield WatchEvent("ADDED", item)
        elif before["metadata"].get("resourceVersion") != item["metadata"].get("resourceVersion"):
            yield WatchEvent("MODIFIED", item)


def _remember(known: dict[tuple[str, str], Object], event: WatchEvent) -> None:
    if event.type == "DELETED":
        known.pop(_key(event.object), None)
    elif event.type != "BOOKMARK":
        known[_key(event.object)] = event.object


def _key(obj: Object) -> tuple[str, str]:
    metadata = obj["metadata"]
    return str(metadata.get("namespace") or ""), str(metadata.get("name") or "")
