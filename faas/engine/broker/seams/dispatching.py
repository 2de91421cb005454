"""What the broker's process needs of its dispatcher: the seam between storing events and delivering them.

The process (`server`) opens logs and owns the control socket; `make_dispatcher(settings, publish)` of `dispatch` gives
it one of these.
Everything runs in one event loop; what is not `async` returns at once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, Protocol

from faas.engine.broker.seams.log import Cursors, DeadLetters, EventLog
from faas.engine.contract.eventing import BrokerConfig, EventingTable, Replay, ReplayDead, ReplayDone, TriggerStatus


class OpenBroker(NamedTuple):
    """A Broker whose streams exist. The process keeps it open, and replaces it when the Broker was made anew."""

    config: BrokerConfig
    log: EventLog
    dead_letters: DeadLetters
    cursors: Cursors


class Hold(NamedTuple):
    """What keeps events of a log from being forgotten."""

    position: int  # the lowest sequence that somebody has not finished; end + 1 when all is done
    trigger: str  # key of the trigger that is there


class Dispatcher(Protocol):
    """Reads logs and delivers. Made with `publish` (for replies) and the engine's settings."""

    noticed: Callable[[], None]
    """Called when a trigger's deliveries begin, or cannot; set once, by the process."""

    async def run(self) -> None:
        """Deliver until cancelled; owns every task of the dispatcher. Saves the cursors before it ends."""
        ...

    def apply(self, table: EventingTable) -> None:
        """The triggers as they are now. Those of a Broker that is not open yet wait for `opened`."""
        ...

    def opened(self, broker: OpenBroker) -> None:
        """This Broker's log can be read; also called with a new config (the same log) when that has changed."""
        ...

    def closed(self, key: str) -> None:
        """This Broker was deleted: its log must not be touched any more."""
        ...

    def capacity(self, target: str, requests: int) -> None: ...

    def wake(self, broker: str) -> None:
        """Something was appended to this Broker's log. Called once for each event: has to cost next to nothing."""
        ...

    def hold(self, broker: str) -> Hold | None:
        """Where retention has to stop; None: nobody wants anything of this log.

        Triggers whose cursors are not loaded yet hold everything: Hold(1, its key).
        """
        ...

    async def replay(self, request: Replay) -> ReplayDone: ...

    async def replay_dead(self, request: ReplayDead) -> ReplayDone: ...

    def status(self) -> tuple[TriggerStatus, ...]: ...

    def metrics(self) -> str:
        """Families of the Prometheus text format, each line ended with a newline."""
        ...
