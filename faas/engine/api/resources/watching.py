"""The body of a watch over HTTP: events, bookmarks, an end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import datetime

from faas.engine.api.objects import refusals
from faas.engine.api.objects.selection import Selection, Step
from faas.engine.api.wire import forms
from faas.engine.api.wire.media import Wanted
from faas.engine.contract.storage import Change, Expired, Record, Store, Subscription
from faas.resources.kinds import Kind

BOOKMARK_EVERY_S = 60.0

# A watch without timeoutSeconds ends after this long; clients begin anew. kube-apiserver: 30 to 60 minutes.
LONGEST_S = 3600.0

# Lines are joined up to about this. What a client that was slow has missed is encoded as fast as it reads, not at once:
# fifty of them that missed 30 MB made gigabytes of it.
PIECE_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class WatchRequest:
    kind: Kind  # as it is served
    stored: Kind
    namespace: str
    since: int | None  # None: begin with what there is
    selection: Selection
    wanted: Wanted
    include: str
    timeout_s: float
    bookmarks: bool
    initial_events: bool
    shown: Callable[[Record], Record]  # the stored record as this kind serves it


class Watches:
    """All open watches, so that a shutdown can end them."""

    def __init__(self) -> None:
        self._open: set[Subscription] = set()
        self._closed = False

    def close(self) -> None:
        self._closed = True
        for subscription in self._open:
            subscription.end()

    async def stream(self, store: Store, request: WatchRequest, clock: Callable[[], datetime]) -> AsyncIterator[bytes]:
        """Lines of JSON until the time is up, the client leaves, or the server stops."""
        start = store.version if request.since is None else request.since
        try:
            subscription = store.watch(str(request.stored), request.namespace, since=start)
        except Expired as error:
            yield forms.failure(refusals.gone(error).status)
            return
        self._open.add(subscription)
        if self._closed:
            subscription.end()
        first = True
        try:
            for step in self._initial(store, request):
                yield self._line(step, request, clock, first=first)
                first = False
            if request.initial_events:
                yield forms.bookmark(request.kind, start, request.wanted, initial_end=True)
            async for changes in self._changes(subscription, request):
                piece = bytearray()
                for step in request.selection.steps(changes):
                    piece += self._line(step, request, clock, first=first)
                    first = False
                    if len(piece) >= PIECE_BYTES:
                        yield bytes(piece)
                        piece.clear()
                if piece:
                    yield bytes(piece)
                elif request.bookmarks and not changes:
                    yield forms.bookmark(request.kind, store.version, request.wanted, initial_end=False)
        except Expired as error:
            yield forms.failure(refusals.gone(error).status)
        finally:
            self._open.discard(subscription)
            subscription.close()

    def _initial(self, store: Store, request: WatchRequest) -> list[Step]:
        if request.since is not None:
            return []
        records = store.list(str(request.stored), request.namespace)
        return [Step("ADDED", record) for record in records if request.selection.matches(record)]

    async def _changes(self, subscription: Subscription, request: WatchRequest) -> AsyncIterator[list[Change]]:
        """Changes as they come; an empty list each time a bookmark is due."""
        loop = asyncio.get_running_loop()
        end = loop.time() + request.timeout_s
        while (left := end - loop.time()) > 0:
            try:
                async with asyncio.timeout(min(left, BOOKMARK_EVERY_S)):
                    changes = await subscription.next()
            except TimeoutError:
                yield []
                continue
            if not changes:
                return
            yield changes

    def _line(self, step: Step, request: WatchRequest, clock: Callable[[], datetime], *, first: bool) -> bytes:
        record = request.shown(step.record)
        return forms.event(request.kind, step.type, record, request.wanted, request.include, clock(), first=first)
