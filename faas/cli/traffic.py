"""`faas traffic`: how requests are split among revisions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from faas.cli.connection import with_client
from faas.cli.options import dry_run_option, namespace_option, output_option, target_option
from faas.cli.output import print_data, print_table

if TYPE_CHECKING:
    from faas.client.http.client import HttpClient
    from faas.client.places.targets import Target
    from faas.client.protocol import Object


@click.command(short_help="Show or change how requests are split among revisions.")
@click.argument("name")
@click.option("--traffic", "percents", metavar="REV=PERCENT", multiple=True, help="The split; @latest is the newest.")
@click.option("--tag", "tags", metavar="REV=TAG", multiple=True, help="Give a revision a host of its own: TAG-NAME.")
@click.option("--untag", metavar="TAG", multiple=True, help="Take a tag away.")
@click.option("--no-wait", is_flag=True, help="Return before it is in force.")
@namespace_option
@dry_run_option
@output_option
@target_option
def command(
    name: str,
    percents: tuple[str, ...],
    tags: tuple[str, ...],
    untag: tuple[str, ...],
    no_wait: bool,
    namespace: str,
    dry_run: bool,
    output: str | None,
    target: Target,
) -> None:
    """Show the split of function NAME, or change it.

    \b
    Examples:
      faas traffic hello
      faas traffic hello --traffic hello-00001=90,@latest=10 --tag @latest=canary
      faas traffic hello --traffic @latest=100 --untag canary
    """
    from faas.deploy.services import traffic

    asked = (traffic.parse_percents(percents), traffic.parse_tags(tags), untag)

    async def work(client: HttpClient) -> Object:
        from faas.deploy.services.split import change_split, read_service

        if not any(asked):
            return await read_service(client, name, namespace)
        wanted, tagged, untagged = asked
        return await change_split(
            client, name, namespace, lambda current: traffic.change(
                current, percents=wanted, tags=tagged, untag=untagged
            ), dry_run=dry_run, wait=not no_wait,
        )  # fmt: skip

    show(with_client(target, work), output, planned=dry_run or no_wait)


def show(service: Object, output: str | None, *, planned: bool = False) -> None:
    """Print a split: what the Route does, or with `planned` what the spec asks for."""
    status = (service.get("status") or {}).get("traffic") or []
    targets = service["spec"].get("traffic") or [] if planned else status
    if output:
        print_data(targets, output)
        return
    rows = [
        [
            f"{target.get('percent') or 0}%",
            str(target.get("revisionName") or "@latest"),
            "latest" if target.get("latestRevision") else "",
            str(target.get("tag") or ""),
            str(target.get("url") or ""),
        ]
        for target in targets
    ]
    print_table(["percent", "revision", "", "tag", "url"], rows, empty="no traffic is assigned yet")
