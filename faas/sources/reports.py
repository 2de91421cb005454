"""The adapter's state, told as JSON lines to whoever runs it, over the file descriptor FAAS_SOURCE_REPORT.

A line: {"state": "connecting"|"running"|"failing", "reason": "", "message": "", "events": 0}, when the state changes
and each second in which events were taken.
"""

from __future__ import annotations

import asyncio
import logging
import os
from typing import Literal

import msgspec

State = Literal["connecting", "running", "failing"]
_PULSE_S = 1.0
_MESSAGE_CHARS = 900  # a line stays below PIPE_BUF, so it is written whole or not at all

log = logging.getLogger("faas.sources")


class Report(msgspec.Struct, frozen=True):
    state: State = "connecting"
    reason: str = ""
    message: str = ""
    events: int = 0  # taken by the sink since the start


class Reports:
    """Puts together what upstream and the sink are like: the worse one is the adapter's state."""

    def __init__(self, fd: int | None) -> None:
        self._fd = fd
        self._told: Report | None = None
        self._upstream = Report()
        self._sink = Report("running")
        self._complaint = Report("running")
        self.events = 0
        self.dropped = 0
        if fd is not None:
            os.set_blocking(fd, False)
        self.tell()

    def connecting(self) -> None:
        if self._upstream.state != "failing":  # a next attempt is no news until it succeeds
            self._upstream = Report("connecting")
            self.tell()

    def running(self) -> None:
        if self._upstream.state != "running":
            log.info("connected")
        self._upstream = Report("running")
        self.tell()

    def failing(self, reason: str, message: str) -> None:
        log.warning("%s: %s", reason, message)
        self._upstream = Report("failing", reason, message)
        self.tell()

    def sink_failing(self, reason: str, message: str) -> None:
        if self._sink.message != message:
            log.warning("%s: %s", reason, message)
        self._sink = Report("failing", reason, message)
        self.tell()

    def taken(self, count: int) -> None:
        self.events += count
        if self._sink.state != "running":
            log.info("the sink takes events again")
            self._sink = Report("running")
            self.tell()

    def drop(self, what: str, why: str) -> None:
        """An event that can never be delivered was given up."""
        self.dropped += 1
        log.error("dropped %s: %s", what, why)
        self._complaint = Report("running", "EventsDropped", f"{self.dropped} dropped; the last one {what}: {why}")
        self.tell()

    async def pulse(self) -> None:
        """Tell how many events were taken, for ever."""
        while True:
            await asyncio.sleep(_PULSE_S)
            self.tell()

    @property
    def current(self) -> Report:
        parts = (self._upstream, self._sink)
        worst = next((part for part in parts if part.state == "failing"), self._upstream)
        if worst.state == "running":
            worst = self._complaint
        return msgspec.structs.replace(worst, events=self.events)

    def tell(self) -> None:
        """Write a line, unless the last one said the same."""
        report = self.current
        if self._fd is None or report == self._told:
            return
        short = msgspec.structs.replace(report, message=report.message[:_MESSAGE_CHARS])
        try:
            os.write(self._fd, msgspec.json.encode(short) + b"\n")
        except BlockingIOError:
            return  # nobody reads now; the next pulse says the same
        except OSError:
            self._fd = None  # nobody will read
        self._told = report
