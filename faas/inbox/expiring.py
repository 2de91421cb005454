"""Letters that are older than they may be go, now and then."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from faas.inbox.writing import Store

_EVERY_S = 60.0
log = logging.getLogger("faas.inbox")


@asynccontextmanager
async def expiring(store: Store, max_age_s: float) -> AsyncIterator[None]:
    """Have them go while the block lasts. Args: max_age_s: 0: none is ever too old."""
    if not max_age_s:
        yield
        return
    work = asyncio.create_task(_expire(store, max_age_s))
    try:
        yield
    finally:
        work.cancel()
        with suppress(asyncio.CancelledError):
            await work


async def _expire(store: Store, max_age_s: float) -> None:
    while True:
        try:
            await store.expire(int((time.time() - max_age_s) * 1000))
        except sqlite3.Error as error:
            log.error("old dead letters cannot be removed: %s", error)
        await asyncio.sleep(min(_EVERY_S, max_age_s))
