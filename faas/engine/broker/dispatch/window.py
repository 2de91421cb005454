"""What one trigger has taken of the log and not finished, and where it goes on reading. A pure state machine.

Everything below `frontier` was read: it is finished (or of no interest), or in `unfinished`, or in `again`, which is
known by position only: it was taken before a restart, or before the trigger changed, and is to be read once more.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

import msgspec


class Sized(Protocol):
    @property
    def size(self) -> int: ...


T = TypeVar("T", bound=Sized)


class Cursor(msgspec.Struct, frozen=True, omit_defaults=True):
    """A window as it is stored. `gaps`: the positions that are open, each as its distance from the one before."""

    trigger: str  # key; the value is stored by uid
    frontier: int
    gaps: tuple[int, ...] = ()

    @property
    def open(self) -> list[int]:
        position, positions = 0, []
        for gap in self.gaps:
            position += gap
            positions.append(position)
        return positions

    @property
    def lowest(self) -> int:
        return self.gaps[0] if self.gaps else self.frontier

    def make_window(self, end: int) -> Window[Any]:
        """The window that this was, for a log that ends at `end`; what is beyond was lost with a log's end."""
        return Window(min(self.frontier, end), [position for position in self.open if position < end])


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much a trigger holds in memory; what is beyond stays in the log until there is room."""

    ready: int = 1024  # events that only wait for capacity
    events: int = 4096  # with those that wait for a retry, or behind one: also the bound of what a stuck key may park
    bytes: int = 8 << 20  # of all of them; a single event may exceed it


class Window(Generic[T]):
    def __init__(self, frontier: int, again: list[int] | None = None) -> None:
        self.frontier = frontier
        self.again = deque(again or ())  # ascending
        self.unfinished: dict[int, T] = {}  # ascending, except for what is read again behind a newer one
        self.size = 0  # bytes

    @property
    def position(self) -> int:
        """Where to read on."""
        return self.again[0] if self.again else self.frontier

    def lowest(self, read: int = 0) -> int:
        """The lowest position that is not finished; `read` as in `cursor`."""
        after = self.again[0] if self.again else max(self.frontier, read)
        return min(after, min(self.unfinished, default=after))

    @property
    def backlog(self) -> int:
        return len(self.unfinished) + len(self.again)

    def wants(self, position: int) -> bool:
        """Whether this position was not read yet, or has to be once more; to be asked in ascending order."""
        again = self.again
        while again and again[0] < position:
            again.popleft()  # it is not in the log any more
        return again[0] == position if again else position >= self.frontier

    def take(self, position: int, item: T) -> None:
        """Hold an event that `wants` was true for."""
        if self.again and self.again[0] == position:
            self.again.popleft()
        self.unfinished[position] = item
        self.size += item.size
        if position >= self.frontier:
            self.frontier = position + 1

    def pass_over(self, end: int) -> None:
        """Everything below `end` was read."""
        while self.again and self.again[0] < end:
            self.again.popleft()
        if end > self.frontier:
            self.frontier = end

    def finish(self, position: int) -> None:
        self.size -= self.unfinished.pop(position).size

    def give_back(self, positions: Iterable[int]) -> None:
        """Forget events that are not being delivered, to read them again later."""
        given = list(positions)
        for position in given:
            self.finish(position)
        self.again = deque(sorted((*given, *self.again)))

    def cursor(self, trigger: str, read: int = 0) -> Cursor:
        """This window, to be stored. `read`: everything below it was looked at on this trigger's behalf."""
        gaps, before = [], 0
        for position in sorted((*self.unfinished, *self.again)):
            gaps.append(position - before)
            before = position
        return Cursor(trigger, max(self.frontier, read), tuple(gaps))
