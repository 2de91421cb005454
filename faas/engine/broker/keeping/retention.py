"""Which events of a log may be forgotten now. Functions of values."""

from __future__ import annotations

from faas.engine.broker.seams.dispatching import Hold
from faas.engine.broker.seams.log import LogState

# Finished events are kept as long as there is room: for replays. Above the first share of a log's bytes the oldest go,
# down to the second.
_TIGHT = 0.75
_ROOMY = 0.5


def before_which(state: LogState, hold: Hold | None, expired: int, max_bytes: int, *, urgent: bool) -> int:
    """The sequence below which all may be forgotten; `state.first`: nothing.

    Args:
        hold: where the slowest trigger is; what it has not finished stays, whatever its age and the log's size.
        expired: the first sequence that is younger than the retention; `state.first` when that is not known.
        urgent: an event was refused for want of room.
    """
    wanted = max(expired, state.first)
    if state.bytes > max_bytes * _TIGHT or urgent:
        surplus = max(state.bytes - max_bytes * _ROOMY, 0) / max(state.bytes, 1)
        if urgent:
            surplus = max(surplus, 0.1)  # a large event may not fit a log that is nearly empty
        wanted = max(wanted, state.first + int((state.last + 1 - state.first) * surplus) + 1)
    return max(state.first, min(wanted, state.last + 1, hold.position if hold else state.last + 1))
