"""Servers for tests that are not on a loop: each in a thread, ended with the block."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import AbstractAsyncContextManager, contextmanager
from http.server import HTTPServer
from typing import TypeVar

T = TypeVar("T")


@contextmanager
def serving(server: HTTPServer) -> Iterator[tuple[str, int]]:
    """Have it answer, and close it at the end; its address."""
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield "127.0.0.1", server.server_address[1]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def on_a_loop(enter: Callable[[], AbstractAsyncContextManager[T]]) -> Iterator[tuple[T, asyncio.AbstractEventLoop]]:
    """What `enter()` gives, entered on a loop of a thread's own, and that loop. Raises what entering it raises."""
    up: Future[tuple[T, asyncio.AbstractEventLoop, asyncio.Event]] = Future()

    async def serve() -> None:
        async with enter() as entered:
            stop = asyncio.Event()
            up.set_result((entered, asyncio.get_running_loop(), stop))
            await stop.wait()

    def run() -> None:
        try:
            asyncio.run(serve())
        except BaseException as error:
            if not up.done():
                up.set_exception(error)
            raise

    thread = threading.Thread(target=run, name="loop-of-a-test")
    thread.start()
    entered, loop, stop = up.result(30)
    try:
        yield entered, loop
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(20)
    assert not thread.is_alive()
