"""Finds what is new in a bucket by listing it.

A pass lists the whole prefix, page by page: S3 can list after a key but not after a time, and a new key may sort before
every known one. So a pass over a million objects is a thousand requests, whatever has changed; a bucket of that size is
better watched by notifications. What is new is decided by memory alone, not by clocks: a key that is not known, or has
another ETag or time than the known one. So a key that turns up late, or two writes within a second, are found, and
nothing is found twice.

Only the first pass needs a clock, the store's: objects that are older than its first page are not news. The same holds
for what comes into sight when prefix or suffix change; there it is the last complete pass that counts.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from faas_runtime.events.event import Event
from faas_runtime.events.shapes.bucket import AWS, make_event, make_record
from faas_runtime.events.shapes.making import stable_id

from faas.sources.adapters.bucket.memory import Known, Memory
from faas.sources.adapters.bucket.store import Listed, Page, Store
from faas.sources.adapters.bucket.wanted import Wanted
from faas.sources.source import Source

_GROUP = 100  # told and recorded together; so many come again when we are killed in between


class Listing:
    def __init__(
        self,
        source: Source[Any],
        store: Store,
        memory: Memory,
        wanted: Wanted,
        place: str,
        *,
        everything: bool,
        interval_s: float,
    ) -> None:
        """Args: place: names endpoint and bucket; what is remembered of another is forgotten."""
        self._source, self._store, self._memory, self._wanted = source, store, memory, wanted
        self._everything = everything
        self._interval_s = interval_s
        if memory.fact("place") != place:
            memory.forget_all()
            memory.note(place=place)

    async def session(self, connected: Callable[[], None]) -> None:
        while await self.pass_over(connected):
            try:
                async with asyncio.timeout(self._interval_s):
                    await self._source.stopping.wait()
            except TimeoutError:
                continue
            return

    async def pass_over(self, connected: Callable[[], None]) -> bool:
        """List everything once and tell what has changed. Returns: False: the program ends."""
        self._memory.begin_pass()
        began: datetime | None = None
        after = ""
        while True:
            page = await self._source.unless_stopping(self._store.page(self._wanted.prefix, after))
            if page is None:
                return False
            connected()
            if began is None:
                began = page.at
                news_after = self._news_after(page)
            await self._tell_created(page.objects, news_after)
            after = page.after
            if not after:
                break
        for gone in self._memory.unmet():
            await self._tell_removed(gone)
        self._memory.note(listed=began.isoformat(), scope=self._wanted.scope, begun="")
        return True

    def _news_after(self, page: Page) -> datetime | None:
        """Unknown objects that are not younger are no news; None: all are."""
        memory = self._memory
        if listed := memory.fact("listed"):
            return None if memory.fact("scope") == self._wanted.scope else datetime.fromisoformat(listed)
        if self._everything:
            return None
        if not memory.fact("begun"):
            memory.note(begun=page.at.isoformat())
        return datetime.fromisoformat(memory.fact("begun"))

    async def _tell_created(self, page: Sequence[Listed], news_after: datetime | None) -> None:
        objects = [one for one in page if self._wanted.has_key(one.key)]
        known = self._memory.meet([one.key for one in objects])
        changed = [one for one in objects if one.key not in known or known[one.key].mark != one.mark]
        changed.sort(key=lambda one: (one.modified, one.key))
        for start in range(0, len(changed), _GROUP):
            group = changed[start : start + _GROUP]
            news = [one for one in group if one.key in known or news_after is None or one.modified > news_after]
            if news and "created" in self._wanted.on:
                await self._source.sink.deliver([self._created(one) for one in news])
            self._memory.record([(one.key, one.mark) for one in group])

    async def _tell_removed(self, gone: Sequence[Known]) -> None:
        for start in range(0, len(gone), _GROUP):
            group = gone[start : start + _GROUP]
            news = [one for one in group if self._wanted.has_key(one.key)]  # the others: we look elsewhere now
            if news and "removed" in self._wanted.on:
                await self._source.sink.deliver([self._removed(one) for one in news])
            self._memory.forget([one.id for one in group])

    def _created(self, one: Listed) -> Event[Any]:
        return self._event(one.key, one.mark, time=one.modified, size=one.size, etag=one.etag)

    def _removed(self, one: Known) -> Event[Any]:
        return self._event(one.key, one.mark, time=datetime.now(UTC), removed=True)  # nobody knows when it went

    def _event(self, key: str, mark: str, **more: Any) -> Event[Any]:
        record = make_record(self._store.bucket, key, region=self._store.region, service=AWS, **more)
        # Makes the event's id: the same when this is found again after a crash, another when it happens again.
        record["s3"]["object"]["sequencer"] = stable_id(mark, self._memory.losses)[:16]
        return make_event(record)
