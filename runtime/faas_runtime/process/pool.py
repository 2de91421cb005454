"""The threads that sync handlers run in.

A request costs one queue entry to a thread and one wake-up of the loop back, shared by all that finish meanwhile;
`loop.run_in_executor` costs two futures, a lock and a wake-up for each. A thread that overran its request's deadline
keeps its place until it returns: Python cannot stop it, and more threads would only hide that.
"""

from __future__ import annotations

import asyncio
import sys
import threading
import traceback
from collections import deque
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any

from faas_runtime.calls.call import Call

Job = tuple["asyncio.Future[Any]", Callable[[Call], Any], Call]


class ThreadPool:
    """At most `size` threads, started as they are needed, daemons: a stuck one never keeps the process from ending."""

    def __init__(self, size: int, loop: asyncio.AbstractEventLoop) -> None:
        self.size = size
        self._loop = loop
        self._jobs: SimpleQueue[Job | None] = SimpleQueue()
        self._done: deque[tuple[asyncio.Future[Any], Any, BaseException | None]] = deque()
        self._waking = False
        self._threads = 0
        self._unfinished = 0  # jobs given and not yet done; only the loop's thread counts
        self._running: dict[int, Call] = {}  # by thread

    def run(self, job: Callable[[Call], Any], call: Call) -> asyncio.Future[Any]:
        """The job's result. A future that is cancelled before a thread takes it never runs."""
        future = self._loop.create_future()
        self._unfinished += 1
        if self._unfinished > self._threads and self._threads < self.size:
            self._start_thread()
        self._jobs.put((future, job, call))
        return future

    def start(self) -> None:
        """Have the first thread, so that the first request need not wait for one."""
        if not self._threads:
            self._start_thread()

    def stop(self) -> None:
        for _ in range(self._threads):
            self._jobs.put(None)

    def overdue(self) -> list[tuple[int, Call]]:
        """Threads whose request has passed its deadline."""
        return [(thread, call) for thread, call in list(self._running.items()) if call.expired]

    def running(self) -> list[Call]:
        return list(self._running.values())

    @property
    def is_stuck(self) -> bool:
        """Every thread works on a request that has been given up."""
        return len(self._running) >= self.size and len(self.overdue()) >= self.size

    def _start_thread(self) -> None:
        self._threads += 1
        threading.Thread(target=self._work, name=f"faas-{self._threads}", daemon=True).start()

    def _work(self) -> None:
        thread = threading.get_ident()
        take, running = self._jobs.get, self._running
        while (entry := take()) is not None:
            future, job, call = entry
            if future.cancelled():
                self._finish(future, None, None)
                continue
            running[thread] = call
            try:
                self._finish(future, job(call), None)
            except BaseException as error:  # noqa: BLE001  # it is the awaiting request's to handle
                self._finish(future, None, error)
            finally:
                del running[thread]
            del entry, future, job, call  # an idle thread keeps no request alive

    def _finish(self, future: asyncio.Future[Any], result: Any, error: BaseException | None) -> None:
        self._done.append((future, result, error))
        if not self._waking:  # _deliver clears the flag before it takes, so an entry is never left lying
            self._waking = True
            try:
                self._loop.call_soon_threadsafe(self._deliver)
            except RuntimeError:
                return  # the loop is closed: the instance ended while this thread was stuck

    def _deliver(self) -> None:
        self._waking = False
        done = self._done
        while done:
            future, result, error = done.popleft()
            self._unfinished -= 1
            if future.done():
                continue  # its request was given up
            if error is None:
                future.set_result(result)
            elif isinstance(error, StopIteration):
                future.set_exception(RuntimeError("the handler raised StopIteration"))
            else:
                future.set_exception(error)


def stacks(threads: list[int]) -> str:
    """Where these threads are now."""
    frames = sys._current_frames()
    return "\n".join("".join(traceback.format_stack(frames[thread])) for thread in threads if thread in frames)
