"""What every command that talks to an API server does: find it, connect, run."""

from __future__ import annotations

import os
import shlex
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeVar, runtime_checkable

if TYPE_CHECKING:
    from faas.client.http.client import HttpClient
    from faas.client.places.state import EngineInfo, State
    from faas.client.places.targets import Target
    from faas.project.pyproject.stages import Stage

T = TypeVar("T")


def find_state(option: Path | None) -> State:
    from faas.client.places.state import resolve_state

    return resolve_state(option, os.environ)


def find_target(
    option: Path | None,
    *,
    context: str = "",
    stage: str = "",
    namespace: str | None = None,
    project: Path | None = None,
    of_engine: bool = False,
) -> Target:
    """Where a command works: what its flags say, else the stage, else the context that was chosen for all commands.

    Args:
        option: --state.
        context: --context or FAAS_CONTEXT.
        project: whose stage is meant; the current folder's without one.
        of_engine: --state was typed, which means its engine rather than what was chosen for all commands.
    Raises: UnknownContext, KubeconfigError, SettingsError, CommandError.
    """
    from faas.client.places.targets import LOCAL, Target

    flags = _flags(("-n", namespace), ("--context", context), ("--stage", stage), ("--state", option))
    asked_by = ""
    if stage:
        staged = _stage(stage, project or Path())
        namespace = namespace or staged.namespace
        if not context and (context := staged.context):
            asked_by = staged.where
    if not context and not of_engine:
        context, asked_by = _chosen()
    if context in ("", LOCAL):
        return Target(find_state(option), namespace or "default", LOCAL, stage, None, flags)
    from faas.client.places.contexts import find_cluster

    cluster = find_cluster(context, os.environ, asked_by=asked_by)
    inherited = cluster.namespace if cluster else ""
    return Target(find_state(option), namespace or inherited, context, stage, cluster, flags)


def _stage(name: str, project: Path) -> Stage:
    from faas.cli.errors import CommandError
    from faas.project.errors import NotAProject
    from faas.project.pyproject.settings import load_stage

    try:
        return load_stage(project, name)
    except NotAProject as error:
        raise CommandError(
            f"a stage is a project's, and there is none in {project.resolve()}",
            f"Run this in the project's folder, or name the place itself:  --context NAME -n NAMESPACE   ({name} is"
            " [tool.faas.environments] of its pyproject.toml)",
        ) from error


def _chosen() -> tuple[str, str]:
    """The context of `faas context use`, and words for where it comes from."""
    from faas.client.places.contexts import choice_file, read_choice

    return read_choice(os.environ), f"`faas context use` ({choice_file(os.environ)})"


def _flags(*given: tuple[str, object]) -> str:
    return "".join(f" {flag} {shlex.quote(str(value))}" for flag, value in given if value)


def with_client(target: Target, work: Callable[[HttpClient], Awaitable[T]]) -> T:
    """Run `work` with a client of the API server there, and pass on what that one warns of.

    Raises: EngineNotRunning, KubeconfigError; what `work` raises.
    """
    import asyncio

    from faas.cli.output import note
    from faas.client.places.targets import connect

    async def session() -> T:
        async with connect(target) as client:
            try:
                return await work(client)
            except Exception as error:
                _say_where(error, _flags_of(target))
                raise
            finally:
                for warning in client.warnings:
                    note(f"warning: {warning}")

    return asyncio.run(session())


@runtime_checkable
class _Suggesting(Protocol):
    """An error whose hint has commands."""

    flags: str


def _say_where(error: BaseException, flags: str) -> None:
    if isinstance(error, BaseExceptionGroup):
        for each in error.exceptions:
            _say_where(each, flags)
    elif isinstance(error, _Suggesting):
        error.flags = flags


def _flags_of(target: Target) -> str:
    """What names it wherever a command is run, also one that was chosen with `faas context use`."""
    has_context = target.is_local or target.stage or " --context " in target.flags
    return target.flags + ("" if has_context else _flags(("--context", target.context)))


def with_engine(option: Path | None, work: Callable[[HttpClient], Awaitable[T]]) -> T:
    """`with_client` of the engine on that state."""
    from faas.client.places.targets import Target

    return with_client(Target(find_state(option)), work)


def running_engine(state: State) -> EngineInfo:
    """Raises: EngineNotRunning."""
    from faas.client.places.state import EngineNotRunning

    engine = state.engine()
    if engine is None:
        raise EngineNotRunning(state)
    return engine
