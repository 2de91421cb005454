"""Several transfers at a time, and how far they are together."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_EXCEPTION, Future, wait
from queue import Empty, SimpleQueue
from typing import TypeVar

Progress = Callable[[int, int], None]
"""Called with the bytes done and the bytes in all, of everything together; from any thread, never from two at once."""


def unseen(done: int, total: int) -> None:
    """The progress of who does not want one."""


AT_A_TIME = 4  # what Docker has: more gains nothing with one registry, and some refuse it

T = TypeVar("T")
R = TypeVar("R")


class Stopped(Exception):
    """Raised inside a transfer whose result nobody wants any more."""


class Tally:
    """Adds up transfers, and ends all of them after `stop`."""

    def __init__(self, total: int, progress: Progress) -> None:
        self._total, self._progress = total, progress
        self._lock = threading.Lock()
        self._done: dict[str, int] = {}
        self._stopped = False

    def reporter(self, transfer: str) -> Callable[[int], None]:
        """What one transfer calls with how many bytes it has done; that raises Stopped after `stop`.

        Once `stop` has returned, `progress` is not called any more: whoever gives up may end its interpreter, and that
        one aborts when a thread is just writing to a terminal.
        """

        def report(done: int) -> None:
            with self._lock:
                if self._stopped:
                    raise Stopped
                self._done[transfer] = done
                self._progress(sum(self._done.values()), self._total)

        return report

    def stop(self) -> None:
        with self._lock:
            self._stopped = True


def each(things: Iterable[T], work: Callable[[T], R], stop: Callable[[], None]) -> list[R]:
    """`work` for all of them, in threads. The first failure is raised when all have ended; `stop` is to hasten that."""
    todo: SimpleQueue[tuple[Future[R], T]] = SimpleQueue()
    futures = []
    failing = threading.Event()
    for thing in things:
        futures.append(Future[R]())
        todo.put((futures[-1], thing))

    def take_turns() -> None:
        while True:
            try:
                future, thing = todo.get_nowait()
            except Empty:
                return
            if failing.is_set():
                future.cancel()
            if future.set_running_or_notify_cancel():
                try:
                    future.set_result(work(thing))
                except BaseException as error:  # noqa: BLE001  # it is raised where the result is asked for
                    failing.set()  # before anybody hears of it: this thread would be the first to begin the next one
                    future.set_exception(error)

    for _ in range(min(AT_A_TIME, len(futures))):
        # Daemons, unlike those of a ThreadPoolExecutor: after Ctrl-C nobody waits for a registry that hangs.
        threading.Thread(target=take_turns, name="transfer", daemon=True).start()
    try:
        wait(futures, return_when=FIRST_EXCEPTION)
        failed = [future for future in futures if future.done() and not future.cancelled() and future.exception()]
        if not failed:
            return [future.result() for future in futures]
    finally:
        for future in futures:
            future.cancel()  # what has not begun
        if not all(future.done() for future in futures):
            stop()
    wait(futures)
    return [future.result() for future in failed]  # raises
