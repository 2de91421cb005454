"""Clients that ask again and again, and note what became of each request."""

from __future__ import annotations

import http.client
import threading
import time
from collections import Counter
from dataclasses import dataclass


@dataclass(frozen=True)
class Answer:
    said: str  # the status, or the kind of connection trouble
    began_s: float
    ended_s: float
    fresh: bool  # the first request of its connection


class Clients:
    """`count` threads with a keep-alive connection each, from `start` until `stop`."""

    def __init__(self, port: int, name: str, path: str = "/", *, count: int, method: str = "GET") -> None:
        self._address = ("127.0.0.1", port)
        self._request = (method, path)
        self._headers = {"Host": f"{name}.default.localhost"}
        self._stop = threading.Event()
        self._changed = threading.Condition()
        self._threads = [threading.Thread(target=self._run) for _ in range(count)]
        self.answers: list[Answer] = []

    def __enter__(self) -> Clients:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.stop()

    def stop(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def wait_for(self, count: int, *, timeout_s: float = 30.0) -> None:
        """Until `count` more requests were answered than now."""
        goal = len(self.answers) + count
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.answers) >= goal, timeout_s), f"only {len(self.answers)}"

    @property
    def said(self) -> Counter[str]:
        return Counter(answer.said for answer in self.answers)

    def _run(self) -> None:
        connection = http.client.HTTPConnection(*self._address, timeout=30)
        while not self._stop.is_set():
            fresh, began_s = connection.sock is None, time.monotonic()
            try:
                connection.request(*self._request, headers=self._headers)
                answer = connection.getresponse()
                answer.read()
                said = str(answer.status)
            except (OSError, http.client.HTTPException) as error:
                connection.close()
                said = type(error).__name__
            with self._changed:
                self.answers.append(Answer(said, began_s, time.monotonic(), fresh))
                self._changed.notify_all()
        connection.close()


def all_at_once(port: int, name: str, *, count: int) -> Counter[str]:
    """`count` clients that ask in the same moment, once each."""
    barrier = threading.Barrier(count)
    said: list[str] = []

    def ask() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        barrier.wait()
        try:
            connection.request("GET", "/", headers={"Host": f"{name}.default.localhost"})
            said.append(str(connection.getresponse().status))
        except (OSError, http.client.HTTPException) as error:
            said.append(type(error).__name__)
        finally:
            connection.close()

    threads = [threading.Thread(target=ask) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return Counter(said)
