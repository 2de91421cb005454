"""`faas rollback`: all traffic back to a revision that was good."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from faas.cli.connection import with_client
from faas.cli.options import dry_run_option, namespace_option, output_option, target_option
from faas.cli.output import note
from faas.cli.traffic import show

if TYPE_CHECKING:
    from faas.client.http.client import HttpClient
    from faas.client.places.targets import Target
    from faas.client.protocol import Object


@click.command(short_help="Send all traffic back to an earlier revision.")
@click.argument("name")
@click.option(
    "--to", "revision", metavar="REV", help="The revision; else the newest ready one before that which serves."
)
@namespace_option
@dry_run_option
@output_option
@target_option
def command(name: str, revision: str | None, namespace: str, dry_run: bool, output: str | None, target: Target) -> None:
    """Send all requests of function NAME to an earlier revision.

    It stays so until the next deploy of new code, which gets all requests; a split from before does not come back.

    \b
    Examples:
      faas rollback hello
      faas rollback hello --to hello-00003
    """

    async def work(client: HttpClient) -> tuple[str, Object]:
        from faas.deploy.services.split import roll_back

        return await roll_back(client, name, namespace, revision, dry_run=dry_run)

    revision_name, service = with_client(target, work)
    note(f"{name} {'would go' if dry_run else 'went'} back to {revision_name}")
    show(service, output, planned=dry_run)
