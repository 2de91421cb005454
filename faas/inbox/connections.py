"""Who holds connections, and which of them goes when there are too many.

Anybody in the cluster can reach these programs, and letters have to get in all the same. So nobody is kept out by those
who only hold a connection: when there is no room, the one that is of least use makes room for the one that comes.
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from enum import IntEnum
from typing import Protocol

CONNECTIONS = 512  # half of the 1,024 files that a process may have open where nobody says otherwise
OF_A_PEER = 256  # a broker's dispatcher keeps 100 when idle; and all have one address where a mesh is between
BUSY_S = 60.0  # so long an answer may take before its connection counts as held; a commit takes milliseconds
_TOLD_EVERY_S = 60.0
log = logging.getLogger("faas.inbox")


class Doing(IntEnum):
    """The less, the less is lost with the connection."""

    WAITING = 0  # for a request, or for the rest of its head
    SENDING = 1  # a body
    ANSWERED = 2


class Connection(Protocol):
    @property
    def peer(self) -> str: ...
    @property
    def doing(self) -> Doing: ...
    @property
    def since_s(self) -> float:
        """When it began to do that, by the monotonic clock."""

    def end(self) -> None: ...


class Connections:
    """All of a server. Belongs to its event loop."""

    def __init__(
        self, most: int = CONNECTIONS, of_a_peer: int = OF_A_PEER, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._most, self._of_a_peer, self._clock = most, of_a_peer, clock
        self._held: dict[Connection, str] = {}
        self._by_peer: Counter[str] = Counter()
        self._ended = 0
        self._told_s = float("-inf")

    def add(self, connection: Connection) -> None:
        """Have it, and end another where there is no room: or this one, when none can go."""
        peer = connection.peer
        if self._by_peer[peer] >= self._of_a_peer:
            self._end_one([each for each, of in self._held.items() if of == peer], connection)
        elif len(self._held) >= self._most:
            self._end_one(self._held, connection)
        self._held[connection] = peer
        self._by_peer[peer] += 1

    def remove(self, connection: Connection) -> None:
        """It has ended. One that is not there is no error."""
        peer = self._held.pop(connection, None)
        if peer is not None:
            self._by_peer[peer] -= 1
            if not self._by_peer[peer]:
                del self._by_peer[peer]

    def _end_one(self, held: Iterable[Connection], newcomer: Connection) -> None:
        goes = least_useful(held, self._by_peer, now_s=self._clock()) or newcomer
        self.remove(goes)
        goes.end()
        self._ended += 1
        if self._clock() - self._told_s >= _TOLD_EVERY_S:
            peer, count = self._by_peer.most_common(1)[0]
            log.warning("too many connections, most of them (%d) of %s: %d were ended so far", count, peer, self._ended)
            self._told_s = self._clock()


def least_useful(held: Iterable[Connection], by_peer: Mapping[str, int], *, now_s: float) -> Connection | None:
    """The one that goes: of who has most, what is lost least with, the longest. None: all are being answered. Pure."""
    able = (each for each in held if each.doing < Doing.ANSWERED or now_s - each.since_s > BUSY_S)
    return min(able, key=lambda each: (-by_peer.get(each.peer, 0), each.doing, each.since_s), default=None)
