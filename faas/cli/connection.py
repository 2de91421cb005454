"""What every command that talks to an engine does: find it, connect, run."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from faas.client.http import HttpClient
    from faas.client.state import EngineInfo, State

T = TypeVar("T")


def find_state(option: Path | None) -> State:
    from faas.client.state import resolve_state

    return resolve_state(option, os.environ)


def with_client(option: Path | None, work: Callable[[HttpClient], Awaitable[T]]) -> T:
    """Run `work` with a client of the engine on that state. Raises: EngineNotRunning; what `work` raises."""
    import asyncio

    from faas.client.state import connect

    async def session() -> T:
        async with connect(find_state(option)) as client:
            return await work(client)

    return asyncio.run(session())


def running_engine(option: Path | None) -> EngineInfo:
    """Raises: EngineNotRunning."""
    from faas.client.state import EngineNotRunning

    state = find_state(option)
    engine = state.engine()
    if engine is None:
        raise EngineNotRunning(state)
    return engine
