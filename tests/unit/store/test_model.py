"""The durable store and the one in memory do the same, whatever is asked of them."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from faas.engine.contract.storage import Key, Stale
from faas.engine.store import MemoryStore, SqliteStore

KEYS = [Key(resource, namespace, name) for resource in ("cm", "pods") for namespace in "ab" for name in "xy"]
STEPS = st.lists(
    st.tuples(st.sampled_from(["put", "create", "delete"]), st.sampled_from(KEYS), st.integers(0, 3), st.booleans()),
    max_size=30,
)


@settings(max_examples=40, deadline=None)
@given(STEPS)
def test_both_stores_agree(steps: Any) -> None:
    async def play(store: Any) -> tuple[Any, ...]:
        seen: list[Any] = []
        refused: list[int] = []
        waiting: list[Any] = []
        start = store.version
        with store.watch(since=start) as watch:
            for number, (what, key, value, wait) in enumerate(steps):
                try:
                    if what == "delete":
                        waiting.append(store.delete(key))
                    else:
                        expected = 0 if what == "create" else None
                        waiting.append(store.put(key, {"metadata": {}, "v": value}, expected=expected))
                except Stale:
                    refused.append(number)
                if wait and waiting:
                    await waiting[-1]
            for written in waiting:
                await written
            seen = [(c.record.key, c.record.object.get("v"), c.version - start, c.deleted) for c in watch.take()]
        state = [(r.key, r.object["v"], r.version - start) for res in ("cm", "pods") for r in store.list(res)]
        return refused, seen, state

    async def main() -> None:
        with tempfile.TemporaryDirectory() as directory:
            path = Path(directory) / "state.db"
            async with MemoryStore() as fake, SqliteStore(path, volatile=frozenset({"pods"})) as real:
                assert await play(fake) == await play(real)

    asyncio.run(main())
