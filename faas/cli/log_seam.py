"""Where a log was cut, so that reading it again neither loses a line nor shows one twice. Pure."""

from __future__ import annotations

from collections import Counter

_SECOND = len("2026-11-23T12:00:00")


class Seam:
    """Knows the lines of the newest second: servers tell where to go on in whole seconds, and send those again.

    Its memory is what a container writes within a second.
    """

    def __init__(self) -> None:
        self.since = ""  # the time of the newest line, as it was written; "": there is none yet
        self._had: Counter[int] = Counter()
        self._again: Counter[int] = Counter()

    def resume(self) -> None:
        """The log is read again, from `since` on."""
        self._again = Counter(self._had)

    def takes(self, time: str, text: str) -> bool:
        """Whether this line is a new one; if so, it counts as had."""
        second, newest = time[:_SECOND], self.since[:_SECOND]
        if second < newest:  # a server that went back further than it was asked to
            return False
        key = hash((time, text))
        if self._again[key] > 0:
            self._again[key] -= 1
            return False
        if second != newest:
            self._had.clear()
            self._again.clear()
        self._had[key] += 1
        self.since = time
        return True
