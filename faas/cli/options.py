"""Options that several commands have, each written once."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])

FORMATS = ("json", "yaml")


class Time(click.ParamType[float]):
    """How long to wait, as kubectl and kn write it: 90s, 5m, or a number of seconds; the command gets seconds."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        from faas.resources import durations

        try:
            seconds = float(value)
        except ValueError:
            try:
                seconds = durations.parse(value)
            except durations.DurationError:
                self.fail(f"{value!r} is no time: write it as 90s, 5m, or a number of seconds", param, ctx)
        if not 0.1 <= seconds < float("inf"):
            self.fail(f"{value} is not in the range x>=0.1s", param, ctx)
        return seconds


def state_option(function: F) -> F:
    return click.option(
        "--state", metavar="DIR", type=click.Path(file_okay=False, path_type=Path), envvar="FAAS_STATE",
        help="The engine's state directory.",
    )(function)  # fmt: skip


def namespace_option(function: F) -> F:
    return click.option("--namespace", "-n", metavar="NAME", help="Namespace.  [default: the stage's, the context's]")(
        function
    )


def target_option(function: F) -> F:
    """Where the command works: it gets `target`, and `namespace` is filled in when it has such an option."""

    @functools.wraps(function)
    def aimed(*args: Any, context_name: str, stage: str, state: Path | None, **given: Any) -> Any:
        from faas.cli.connection import find_target

        path = given.get("path")  # of a project, or of a URL
        target = find_target(
            state,
            context=context_name,
            stage=stage,
            namespace=given.get("namespace"),
            project=path if isinstance(path, Path) else None,
            of_engine=is_typed("state"),
        )
        if "namespace" in given:
            given["namespace"] = target.namespace
        return function(*args, target=target, **given)

    return place_options(aimed)  # type: ignore[return-value]  # another function with what click has noted of it


def is_typed(option: str) -> bool:
    """Whether somebody wrote it on this command line; an environment variable may be meant for others."""
    return click.get_current_context().get_parameter_source(option) is click.core.ParameterSource.COMMANDLINE


def place_options(function: F) -> F:
    """`--context`, `--stage` and `--state`, for a command that finds its target itself; most have `target_option`."""
    options = (
        click.option("--context", "context_name", metavar="NAME", default="", envvar="FAAS_CONTEXT",
                     help="The engine (local) or a cluster; see faas context list."),
        click.option("--stage", metavar="NAME", default="", envvar="FAAS_STAGE",
                     help="A stage of the project: [tool.faas.environments.NAME]."),
        state_option,
    )  # fmt: skip
    for option in reversed(options):
        function = option(function)
    return function


def all_namespaces_option(function: F) -> F:
    return click.option("--all-namespaces", "-A", is_flag=True, help="In every namespace.")(function)


def output_option(function: F) -> F:
    return click.option("--output", "-o", type=click.Choice(FORMATS), help="Print data instead of a table.")(function)


def dry_run_option(function: F) -> F:
    return click.option("--dry-run", is_flag=True, help="Change nothing, say what would change.")(function)


def yes_option(function: F) -> F:
    return click.option("--yes", "-y", is_flag=True, help="Do not ask.")(function)
