"""What an adapter works with: its options, its sink, its state, and when to stop."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar

import msgspec

from faas.sources.environment import Environment, Secrets
from faas.sources.ledger import Ledger
from faas.sources.reports import Reports
from faas.sources.sink import Sink
from faas.sources.upstream import keep_connected

T = TypeVar("T")
OptionsT = TypeVar("OptionsT", bound=msgspec.Struct)


@dataclass(frozen=True, slots=True)
class Source(Generic[OptionsT]):
    options: OptionsT
    environment: Environment
    sink: Sink
    reports: Reports
    stopping: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def secrets(self) -> Secrets:
        return self.environment.secrets

    @property
    def key(self) -> str:
        """NAMESPACE/NAME of the source object."""
        return f"{self.environment.namespace}/{self.environment.name}"

    def ledger(self, name: str, *, limit: int | None = None) -> Ledger:
        """What was already seen, in FAAS_SOURCE_STATE."""
        return Ledger(self.environment.state, name, limit=limit)

    async def keep_connected(
        self,
        session: Callable[[Callable[[], None]], Awaitable[None]],
        *,
        away: tuple[type[Exception], ...] = (OSError,),
    ) -> None:
        """See `upstream.keep_connected`."""
        await keep_connected(session, reports=self.reports, stopping=self.stopping, away=away)

    async def unless_stopping(self, work: Coroutine[Any, Any, T]) -> T | None:
        """The result of `work`; None, and `work` is cancelled, when the program is asked to end meanwhile.

        For waiting on upstream only: what was begun with an event has to be finished.
        """
        waiting = asyncio.ensure_future(work)
        stop = asyncio.ensure_future(self.stopping.wait())
        try:
            await asyncio.wait({waiting, stop}, return_when=asyncio.FIRST_COMPLETED)
            return waiting.result() if waiting.done() else None
        finally:
            stop.cancel()
            if not waiting.done():
                waiting.cancel()
                await asyncio.wait({waiting})


class Adapter(Protocol):
    """A module of `adapters/`. It may have `async def retire(source)` as well: undo what it has made upstream."""

    Options: type[msgspec.Struct]

    async def run(self, source: Source[Any]) -> None:
        """Take from outside, deliver, acknowledge; return after `source.stopping` is set and all is settled.

        Raises: Stopping: what waited for the sink stays upstream. ConfigurationError: it cannot work like this.
        """
