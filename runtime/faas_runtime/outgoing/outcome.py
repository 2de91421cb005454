"""What `ctx.call` and `ctx.publish` give back: await it in an async handler, ask `.result()` in a sync one."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine, Generator
from concurrent.futures import Future
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Outcome(Generic[T]):
    """Work that has begun. The request it belongs to is not answered before it is done, so none is lost unseen.

    An error that nobody awaited or asked for fails the request.
    """

    __slots__ = ("_future", "_loop", "_loop_thread", "_seen")

    def __init__(self, work: Coroutine[Any, Any, T], loop: asyncio.AbstractEventLoop, loop_thread: int) -> None:
        self._loop = loop
        self._loop_thread = loop_thread
        self._seen = False
        self._future: asyncio.Task[T] | Future[T]
        if threading.get_ident() == loop_thread:
            self._future = loop.create_task(work)  # owned by the request: `settle` waits for it
        else:
            self._future = asyncio.run_coroutine_threadsafe(work, loop)

    def __await__(self) -> Generator[Any, None, T]:
        self._seen = True
        if isinstance(self._future, Future):
            return asyncio.wrap_future(self._future).__await__()
        return self._future.__await__()

    def result(self) -> T:
        """Wait for it in a sync handler. Raises: what the work raised; RuntimeError in async code, which awaits."""
        if threading.get_ident() == self._loop_thread:
            self._seen = True
            if self._future.done():
                return self._future.result()
            raise RuntimeError("in an async handler write `await ctx.call(...)`; .result() would block the event loop")
        self._seen = True
        if isinstance(self._future, asyncio.Task):
            return asyncio.run_coroutine_threadsafe(_result_of(self._future), self._loop).result()
        return self._future.result()

    async def settle(self) -> None:
        """Wait until it is done. Raises: its error, unless somebody has seen it already."""
        try:
            await (asyncio.wrap_future(self._future) if isinstance(self._future, Future) else self._future)
        except Exception:
            if not self._seen:
                raise

    def cancel(self) -> None:
        self._future.cancel()


async def _result_of(task: asyncio.Task[T]) -> T:
    return await task
