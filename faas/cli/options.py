"""Options that several commands have, each written once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])

FORMATS = ("json", "yaml")


def state_option(function: F) -> F:
    return click.option(
        "--state", metavar="DIR", type=click.Path(file_okay=False, path_type=Path), envvar="FAAS_STATE",
        help="The engine's state directory.",
    )(function)  # fmt: skip


def namespace_option(function: F) -> F:
    return click.option("--namespace", "-n", metavar="NAME", default="default", show_default=True, help="Namespace.")(
        function
    )


def all_namespaces_option(function: F) -> F:
    return click.option("--all-namespaces", "-A", is_flag=True, help="In every namespace.")(function)


def output_option(function: F) -> F:
    return click.option("--output", "-o", type=click.Choice(FORMATS), help="Print data instead of a table.")(function)


def dry_run_option(function: F) -> F:
    return click.option("--dry-run", is_flag=True, help="Change nothing, say what would change.")(function)


def yes_option(function: F) -> F:
    return click.option("--yes", "-y", is_flag=True, help="Do not ask.")(function)
