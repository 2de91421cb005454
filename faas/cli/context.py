"""`faas context`: the engine of this machine and the clusters, and which of them commands work on."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from faas.cli.options import output_option, state_option

if TYPE_CHECKING:
    from faas.client.places.contexts import Context

_COLUMNS = ("name", "server", "namespace", "user", "source")


@click.group(short_help="Where commands work: this machine's engine, or a cluster.")
def command() -> None:
    """Where commands work: `local` is the engine of this machine, the others are the contexts of your kubeconfigs.

    Of these, the first that is said counts: --context, FAAS_CONTEXT, the stage's, `faas context use`, local.
    A kubeconfig's current-context is never used by itself.

    \b
    Examples:
      faas context list
      faas context use prod
      faas deploy --context staging
    """


@command.command("list")
@state_option
@output_option
def list_(state: Path | None, output: str | None) -> None:
    """List the contexts; * is where commands work."""
    from faas.cli.connection import find_state
    from faas.cli.output import print_data, print_table
    from faas.client.places.contexts import list_contexts

    current, contexts = _current(), list_contexts(find_state(state), os.environ)
    if output:
        print_data([_data(context, current) for context in contexts], output)
        return
    rows = []
    for context in contexts:
        cells = [getattr(context, column) or "-" for column in _COLUMNS]
        rows.append(["*" if context.name == current else "", *cells])
    print_table(["", *_COLUMNS], rows, empty="there is no context")
    if current not in {context.name for context in contexts}:
        from faas.cli.output import note

        note(f"the current context, {current}, is not there any more; choose another:  faas context use NAME")


@command.command()
@click.argument("name")
@state_option
def use(name: str, state: Path | None) -> None:
    """Choose the context that commands work on when nothing else is said.

    \b
    Examples:
      faas context use prod
      faas context use local      back to this machine
    """
    from faas.cli.output import note
    from faas.client.places.contexts import find_cluster, write_choice

    cluster = find_cluster(name, os.environ)
    write_choice(name, os.environ)
    where = f"{cluster.server}, namespace {cluster.namespace}" if cluster else "the engine of this machine"
    note(f"commands work on {name} now: {where}")
    if named := os.environ.get("FAAS_CONTEXT", ""):
        note(f"here FAAS_CONTEXT={named} wins over it" if named != name else "FAAS_CONTEXT says the same")


@command.command()
@output_option
@state_option
def show(state: Path | None, output: str | None) -> None:
    """Show the context that commands work on when nothing else is said."""
    from faas.cli.connection import find_state
    from faas.cli.output import print_data, print_facts
    from faas.client.places.contexts import UnknownContext, list_contexts

    current, contexts = _current(), list_contexts(find_state(state), os.environ)
    context = next((context for context in contexts if context.name == current), None)
    if context is None:
        raise UnknownContext(current, tuple(each.name for each in contexts))
    if output:
        print_data(_data(context, current), output)
        return
    print_facts([(column.title(), getattr(context, column)) for column in _COLUMNS] + [("Chosen by", _by())])


def _current() -> str:
    from faas.client.places.contexts import read_choice
    from faas.client.places.targets import LOCAL

    return os.environ.get("FAAS_CONTEXT") or read_choice(os.environ) or LOCAL


def _by() -> str:
    from faas.client.places.contexts import choice_file, read_choice

    if os.environ.get("FAAS_CONTEXT"):
        return "FAAS_CONTEXT"
    return f"faas context use ({choice_file(os.environ)})" if read_choice(os.environ) else "nobody: it is the default"


def _data(context: Context, current: str) -> dict[str, Any]:
    return {**{column: getattr(context, column) for column in _COLUMNS}, "current": context.name == current}
