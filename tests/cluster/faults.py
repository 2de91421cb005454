"""What goes wrong between a client and an API server, by a script."""

from __future__ import annotations

import re
import threading
from collections import deque
from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["refuse", "drop-before", "drop-after", "cut", "gone", "silent", "trickle"]
EVER = 1 << 30


@dataclass(frozen=True, slots=True)
class Fault:
    """One way in which an exchange fails; made by the functions below."""

    kind: Kind
    code: int = 0
    reason: str = ""
    message: str = ""
    retry_after: int | None = None
    count: int = 0  # bytes, or lines of a watch
    gap_s: float = 0.0


def refuse(code: int, *, reason: str = "", message: str = "injected", retry_after: int | None = None) -> Fault:
    """Answer with a Status; the request is not carried out."""
    return Fault("refuse", code, reason, message, retry_after)


def drop_before() -> Fault:
    """Close the connection with the request read and not carried out."""
    return Fault("drop-before")


def drop_after() -> Fault:
    """Carry the request out, and close the connection without an answer."""
    return Fault("drop-after")


def cut(after_bytes: int = 20) -> Fault:
    """Carry the request out, and close the connection in the middle of the answer's body."""
    return Fault("cut", count=after_bytes)


def gone_in_watch() -> Fault:
    """A watch that says 410 inside, as after a compaction."""
    return Fault("gone")


def silent(after_lines: int = 0) -> Fault:
    """A watch (or log) that says nothing more after so many lines, on a connection that stays open."""
    return Fault("silent", count=after_lines)


def trickle(piece_bytes: int = 7, gap_s: float = 0.001) -> Fault:
    """Whole and right, but a few bytes at a time."""
    return Fault("trickle", count=piece_bytes, gap_s=gap_s)


@dataclass
class _Rule:
    fault: Fault
    method: re.Pattern[str]
    path: re.Pattern[str]
    after: int
    times: int


@dataclass
class Faults:
    """`faults.add(refuse(429, retry_after=1), times=2, method="PATCH", path="/services/")`, first added first used."""

    used: list[Fault] = field(default_factory=list)
    _rules: deque[_Rule] = field(default_factory=deque)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, fault: Fault, *, times: int = 1, method: str = "", path: str = "", after: int = 0) -> None:
        """For the next requests whose method, and path with query (`/api/v1/pods?watch=true`), these are found in.

        Args: after: let so many of them pass first.
        """
        with self._lock:
            self._rules.append(_Rule(fault, re.compile(method), re.compile(path), after, times))

    def clear(self) -> None:
        with self._lock:
            self._rules.clear()
            self.used.clear()

    def take(self, method: str, target: str) -> Fault | None:
        with self._lock:
            for rule in self._rules:
                if not (rule.times and rule.method.search(method) and rule.path.search(target)):
                    continue
                if rule.after:
                    rule.after -= 1
                    continue
                rule.times -= 1
                self.used.append(rule.fault)
                return rule.fault
        return None
