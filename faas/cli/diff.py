"""`faas diff`: what a deploy would change."""

from __future__ import annotations

from difflib import unified_diff
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from faas.cli.connection import running_engine, with_client
from faas.cli.options import namespace_option, target_option
from faas.cli.output import note, to_yaml
from faas.cli.project_options import make_wanted, project_options

if TYPE_CHECKING:
    from faas.client.http import HttpClient
    from faas.client.targets import Target
    from faas.deploy.plan import Change

_COLOURS = {"+": "green", "-": "red", "@": "cyan"}


@click.command(short_help="Show what a deploy would change.")
@project_options
@namespace_option
@click.option("--exit-code", is_flag=True, help="Exit 1 when something would change.")
@target_option
def command(path: Path, namespace: str, exit_code: bool, target: Target, **project: Any) -> int:
    """Compare the project in PATH with what is deployed, as the server would see it after a deploy.

    \b
    Examples:
      faas diff
      faas diff --scale-max 20
    """
    from faas_builders.oci.store import ImageStore

    from faas.cli.progress import shown_steps
    from faas.deploy.deploying import plan_deploy
    from faas.deploy.plan import Change
    from faas.deploy.prepare import prepare
    from faas.project.settings import load_settings
    from faas.resources.kinds import BROKER

    running_engine(target.state)
    wanted = make_wanted(namespace=namespace, **project)
    with shown_steps(quiet=True) as steps:
        prepared = prepare(load_settings(path), ImageStore(target.state.images), wanted, steps)

    async def work(client: HttpClient) -> list[str]:
        plan = await plan_deploy(
            client, prepared.objects, project=prepared.project, namespace=namespace, whole=prepared.whole
        )
        made = [Change(broker["metadata"]["name"], "create", broker, None, False, (), BROKER, broker)
                for broker in plan.events.brokers]  # fmt: skip
        return [line for change in (*made, *plan.changes) for line in _diff(change)]

    lines = with_client(target, work)
    for line in lines:
        click.secho(line, fg=_COLOURS.get(line[:1]), bold=line.startswith(("---", "+++")))
    if not lines:
        note("nothing would change")
    return 1 if lines and exit_code else 0


def _diff(change: Change) -> list[str]:
    from faas.deploy.plan import essence

    before = to_yaml(essence(change.live)).splitlines() if change.live is not None else []
    wanted = change.after if change.action != "delete" else None
    after = to_yaml(essence(wanted)).splitlines() if wanted is not None else []
    kind = "" if change.kind.kind == "Service" else f"{change.kind.kind}/"
    name = f"{change.manifest['metadata']['namespace']}/{kind}{change.name}"
    return list(unified_diff(before, after, f"live/{name}", f"deploy/{name}", lineterm="", n=3))
