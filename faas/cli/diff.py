"""`faas diff`: what a deploy would change."""

from __future__ import annotations

from difflib import unified_diff
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from faas.cli.connection import find_state, running_engine, with_client
from faas.cli.options import namespace_option, state_option
from faas.cli.output import note, to_yaml
from faas.cli.project_options import make_wanted, project_options

if TYPE_CHECKING:
    from faas.client.http import HttpClient
    from faas.client.protocol import Object

_COLOURS = {"+": "green", "-": "red", "@": "cyan"}


@click.command(short_help="Show what a deploy would change.")
@project_options
@namespace_option
@click.option("--exit-code", is_flag=True, help="Exit 1 when something would change.")
@state_option
def command(path: Path, namespace: str, exit_code: bool, state: Path | None, **project: Any) -> int:
    """Compare the project in PATH with what is deployed, as the server would see it after a deploy.

    \b
    Examples:
      faas diff
      faas diff --scale-max 20
    """
    from faas_builders.oci.host import HostBuilder
    from faas_builders.oci.store import ImageStore

    from faas.cli.progress import shown_steps
    from faas.deploy.prepare import prepare
    from faas.project.settings import load_settings

    running_engine(state)
    wanted = make_wanted(namespace=namespace, **project)
    with shown_steps(quiet=True) as steps:
        builder = HostBuilder(ImageStore(find_state(state).images))
        prepared = prepare(load_settings(path), builder, wanted, steps)

    async def work(client: HttpClient) -> list[str]:
        return [line for manifest in prepared.manifests for line in await _diff(client, manifest)]

    lines = with_client(state, work)
    for line in lines:
        click.secho(line, fg=_COLOURS.get(line[:1]), bold=line.startswith(("---", "+++")))
    if not lines:
        note("nothing would change")
    return 1 if lines and exit_code else 0


async def _diff(client: HttpClient, manifest: Object) -> list[str]:
    from faas.client.errors import NotFound
    from faas.deploy.plan import essence
    from faas.deploy.rollout import apply
    from faas.resources.kinds import SERVICE

    metadata = manifest["metadata"]
    try:
        live = essence(await client.get(SERVICE, metadata["name"], metadata["namespace"]))
    except NotFound:
        live = {}
    after = essence(await apply(client, manifest, dry_run=True))
    name = f"{metadata['namespace']}/{metadata['name']}"
    before = to_yaml(live).splitlines() if live else []
    return list(unified_diff(before, to_yaml(after).splitlines(), f"live/{name}", f"deploy/{name}", lineterm="", n=3))
