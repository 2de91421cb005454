"""`faas delete`: take functions away."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import click

from faas.cli.connection import with_client
from faas.cli.options import dry_run_option, namespace_option, target_option, yes_option

if TYPE_CHECKING:
    from faas.client.http import HttpClient
    from faas.client.targets import Target
    from faas.deploy.belonging import EventObjects


@click.command(short_help="Delete functions.")
@click.argument("names", metavar="NAME...", nargs=-1, required=True)
@namespace_option
@yes_option
@dry_run_option
@target_option
def command(names: tuple[str, ...], namespace: str, yes: bool, dry_run: bool, target: Target) -> None:
    """Delete functions with all their revisions, Triggers and sources; requests that run are finished. Brokers stay.

    \b
    Examples:
      faas delete hello
      faas delete hello greet --yes
    """
    found = with_client(target, lambda client: _find(client, names, namespace))
    what = ", ".join(f"{name}{_along(found[name])}" for name in names)
    if not dry_run and not yes:
        click.confirm(f"Delete {what} in namespace {namespace}?", abort=True, err=True)
    with_client(target, lambda client: _delete(client, found, namespace, dry_run=dry_run))
    for name in names:
        click.echo(f"{name}{_along(found[name])} {'would be ' if dry_run else ''}deleted")


def _along(events: EventObjects) -> str:
    """What goes with a function, in words."""
    counts = ((len(events.sources), "source"), (len(events.triggers), "Trigger"))
    words = [f"{count} {word}{'s' * (count != 1)}" for count, word in counts if count]
    return f" with {' and '.join(words)}" if words else ""


async def _find(client: HttpClient, names: tuple[str, ...], namespace: str) -> dict[str, EventObjects]:
    """Raises: NotFound: before anything was deleted."""
    from faas.deploy.belonging import read_events
    from faas.resources.kinds import SERVICE

    for name in names:
        await client.get(SERVICE, name, namespace)
    events = (await read_events(client, namespace)).of_projects()
    return {name: events.of_service(name) for name in names}


async def _delete(client: HttpClient, found: dict[str, EventObjects], namespace: str, *, dry_run: bool) -> None:
    """Sources, then Triggers, then the Service: nothing is sent to what is gone already."""
    from faas.client.errors import NotFound
    from faas.deploy.belonging import kind_of
    from faas.resources.kinds import SERVICE

    for name, events in found.items():
        for obj in (*events.sources, *events.triggers):
            with contextlib.suppress(NotFound):  # deleted meanwhile, or with another function of the Service
                await client.delete(kind_of(obj), obj["metadata"]["name"], namespace, dry_run=dry_run)
        await client.delete(SERVICE, name, namespace, dry_run=dry_run)
