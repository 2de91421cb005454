"""What a watch sends, and how much of it at once."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime

from faas.engine.api.objects.selection import make_selection
from faas.engine.api.resources.watching import PIECE_BYTES, Watches, WatchRequest
from faas.engine.api.wire.media import Wanted
from faas.engine.contract.storage import Key
from faas.engine.store import MemoryStore
from faas.resources.kinds import CONFIG_MAP


def test_what_a_slow_watcher_has_missed_comes_in_pieces() -> None:
    request = WatchRequest(
        kind=CONFIG_MAP,
        stored=CONFIG_MAP,
        namespace="",
        since=None,
        selection=make_selection("", ""),
        wanted=Wanted(),
        include="Metadata",
        timeout_s=60.0,
        bookmarks=False,
        initial_events=False,
        shown=lambda record: record,
    )

    async def main() -> None:
        async with MemoryStore() as store:
            watches = Watches()
            names = [f"c{number:03}" for number in range(100)]
            first = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "first"}}
            await store.put(Key(str(CONFIG_MAP), "default", "first"), first)
            pieces = watches.stream(store, request, lambda: datetime.now(UTC))
            await anext(pieces)  # it watches
            for name in names:
                body = {**first, "metadata": {"name": name}, "data": {"a": "x" * 20_000}}
                await store.put(Key(str(CONFIG_MAP), "default", name), body)
            watches.close()
            got = [piece async for piece in pieces]
            assert max(map(len, got)) < PIECE_BYTES + 25_000
            lines = b"".join(got).splitlines()
            assert [json.loads(line)["object"]["metadata"]["name"] for line in lines] == names

    asyncio.run(main())
