"""Whether events are in use: the first Broker has the supervisor start nats-server and the broker."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path

_log = logging.getLogger("faas.link")
_LINGER_S = 60.0  # a Broker that is deleted and made anew finds everything running, and a deleted one's streams go


class InUse:
    """Marks what the supervisor looks at. Some time after the last Broker is gone it may end both processes.

    Args:
        mark: a file that is there while events are in use.
        look: has the supervisor look at it.
    """

    def __init__(self, mark: Path, look: Callable[[], None]) -> None:
        self._mark = mark
        self._look = look
        self._used = asyncio.Event()  # there are Brokers, or there were a moment ago
        self._unused: asyncio.TimerHandle | None = None

    def is_set(self) -> bool:
        return self._used.is_set()

    async def wait(self) -> None:
        """Until events are in use."""
        await self._used.wait()

    def recall(self) -> None:
        """Go on with what the last process has marked, also when the last Broker has gone meanwhile: its streams go."""
        if self._mark.exists():
            self._used.set()

    def note(self, *, has_brokers: bool) -> None:
        """Begin with the first Broker; end some time after the last."""
        if not has_brokers:
            if self._used.is_set() and self._unused is None:
                self._unused = asyncio.get_running_loop().call_later(_LINGER_S, self._stop)
            return
        self.close()
        if not self._used.is_set():
            self._say(True)
            self._used.set()

    def close(self) -> None:
        """Stop waiting for the end."""
        if self._unused is not None:
            self._unused.cancel()
            self._unused = None

    def _stop(self) -> None:
        self._unused = None
        self._used.clear()
        self._say(False)

    def _say(self, used: bool) -> None:
        try:
            if used:
                self._mark.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                self._mark.touch()
            else:
                self._mark.unlink(missing_ok=True)
        except OSError as error:  # a full disk; the next Broker or start tries again
            _log.error("cannot %s events: %s", "start" if used else "stop", error)
        self._look()
