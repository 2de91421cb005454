"""`faas delete`: take functions away."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from faas.cli.connection import with_client
from faas.cli.options import dry_run_option, namespace_option, state_option, yes_option

if TYPE_CHECKING:
    from faas.client.http import HttpClient


@click.command(short_help="Delete functions.")
@click.argument("names", metavar="NAME...", nargs=-1, required=True)
@namespace_option
@yes_option
@dry_run_option
@state_option
def command(names: tuple[str, ...], namespace: str, yes: bool, dry_run: bool, state: Path | None) -> None:
    """Delete functions with all their revisions; requests that run are finished.

    \b
    Examples:
      faas delete hello
      faas delete hello greet --yes
    """
    with_client(state, lambda client: _check(client, names, namespace))
    if not dry_run and not yes:
        click.confirm(f"Delete {', '.join(names)} in namespace {namespace}?", abort=True, err=True)
    with_client(state, lambda client: _delete(client, names, namespace, dry_run=dry_run))
    for name in names:
        click.echo(f"{name} {'would be ' if dry_run else ''}deleted")


async def _check(client: HttpClient, names: tuple[str, ...], namespace: str) -> None:
    """Raises: NotFound: before anything was deleted."""
    from faas.resources.kinds import SERVICE

    for name in names:
        await client.get(SERVICE, name, namespace)


async def _delete(client: HttpClient, names: tuple[str, ...], namespace: str, *, dry_run: bool) -> None:
    from faas.resources.kinds import SERVICE

    for name in names:
        await client.delete(SERVICE, name, namespace, dry_run=dry_run)
