"""What every command that talks to an API server does: find it, connect, run."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from faas.client.http import HttpClient
    from faas.client.state import EngineInfo, State
    from faas.client.targets import Target

T = TypeVar("T")


def find_state(option: Path | None) -> State:
    from faas.client.state import resolve_state

    return resolve_state(option, os.environ)


def find_target(
    option: Path | None,
    *,
    context: str = "",
    stage: str = "",
    namespace: str | None = None,
    project: Path | None = None,
) -> Target:
    """Where a command works.

    Args:
        option: --state.
        project: whose stage is meant; the current folder's without one.
    """
    from faas.client.targets import LOCAL, Target

    flags = _flags(option, namespace)
    return Target(find_state(option), namespace or "default", context or LOCAL, stage, None, flags)


def _flags(option: Path | None, namespace: str | None) -> str:
    given = ((" -n ", namespace), (" --state ", option))
    return "".join(f"{flag}{value}" for flag, value in given if value)


def with_client(target: Target, work: Callable[[HttpClient], Awaitable[T]]) -> T:
    """Run `work` with a client of the API server there.

    Raises: EngineNotRunning, KubeconfigError; what `work` raises.
    """
    import asyncio

    from faas.client.targets import connect

    async def session() -> T:
        async with connect(target) as client:
            return await work(client)

    return asyncio.run(session())


def with_engine(option: Path | None, work: Callable[[HttpClient], Awaitable[T]]) -> T:
    """`with_client` of the engine on that state."""
    from faas.client.targets import Target

    return with_client(Target(find_state(option)), work)


def running_engine(state: State) -> EngineInfo:
    """Raises: EngineNotRunning."""
    from faas.client.state import EngineNotRunning

    engine = state.engine()
    if engine is None:
        raise EngineNotRunning(state)
    return engine
