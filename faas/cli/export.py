"""`faas export`: what is deployed, as YAML that can be applied somewhere else."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from faas.cli.connection import with_client
from faas.cli.options import namespace_option, state_option
from faas.cli.output import note, print_objects

if TYPE_CHECKING:
    from faas.client.http import HttpClient
    from faas.client.protocol import Object


@click.command(short_help="Print what is deployed as plain YAML.")
@click.argument("names", metavar="[NAME]...", nargs=-1)
@namespace_option
@click.option("--output", "-o", type=click.Choice(("yaml", "json")), default="yaml", show_default=True)
@state_option
def command(names: tuple[str, ...], namespace: str, output: str, state: Path | None) -> None:
    """Print functions (all without a NAME) as manifests, without what a cluster adds to them.

    \b
    Examples:
      faas export > functions.yaml
      faas export hello -o json
    """
    from faas.deploy.exported import exported, unportable

    services = with_client(state, lambda client: _read(client, names, namespace))
    manifests = [exported(service) for service in services]
    print_objects(manifests, output)
    if images := unportable(manifests):
        note(
            f"note: {', '.join(images)} has this machine's Python as its base; a cluster cannot pull it.\n"
            "  Build an image with a base of its own, push it, and name it in containers[].image."
        )


async def _read(client: HttpClient, names: tuple[str, ...], namespace: str) -> list[Object]:
    from faas.resources.kinds import SERVICE

    if names:
        return [await client.get(SERVICE, name, namespace) for name in names]
    found = (await client.list(SERVICE, namespace)).items
    return sorted(found, key=lambda service: str(service["metadata"]["name"]))
