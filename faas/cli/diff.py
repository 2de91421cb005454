"""`faas diff`: what a deploy would change."""

from __future__ import annotations

from difflib import unified_diff
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from faas.cli.connection import with_client
from faas.cli.options import namespace_option, target_option
from faas.cli.output import note, to_yaml
from faas.cli.project_options import make_wanted, project_options

if TYPE_CHECKING:
    from faas.client.http.client import HttpClient
    from faas.client.places.targets import Target
    from faas.client.protocol import Object
    from faas.deploy.objects.plan import Change

_COLOURS = {"+": "green", "-": "red", "@": "cyan"}


@click.command(short_help="Show what a deploy would change.")
@project_options
@click.option("--registry", metavar="HOST/FOLDER", default="", help="Where a cluster's images go.  [default: stage's]")
@namespace_option
@click.option("--force-conflicts", is_flag=True, help="As if the deploy took over what others have set.")
@click.option("--exit-code", is_flag=True, help="Exit 1 when something would change.")
@target_option
def command(
    path: Path,
    registry: str,
    namespace: str,
    force_conflicts: bool,
    exit_code: bool,
    target: Target,
    **project: Any,  # what project_options declares, for make_wanted
) -> int:
    """Compare the project in PATH with what is deployed, as the server would see it after a deploy.

    Nothing is written or pushed. Of Secrets it says which keys would change, never a value. With --exit-code it ends
    with 1 when something would change; 4 and 5 are as for faas deploy.

    \b
    Examples:
      faas diff
      faas diff --scale-max 20
      faas diff --stage production --exit-code
    """
    from faas.cli.deploying_to import ask_plan, prepare_project
    from faas.cli.errors import deploy_exit_codes
    from faas.cli.progress import shown_steps
    from faas.deploy.objects.plan import Change
    from faas.resources.kinds import BROKER

    wanted = make_wanted(namespace=namespace, **project)
    with deploy_exit_codes(target.flags):
        with shown_steps(quiet=True) as steps:
            prepared = prepare_project(path, target, wanted, steps, registry=registry, push=False)

        async def work(client: HttpClient) -> list[str]:
            plan = await ask_plan(client, prepared, target, force=force_conflicts)
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
    from faas.deploy.objects.hidden import shown
    from faas.deploy.objects.plan import essence

    if change.action == "unchanged":
        return []
    wanted = change.after if change.action != "delete" else None
    before, after = shown(change.live, wanted)
    kind = "" if change.kind.kind == "Service" else f"{change.kind.kind}/"
    name = "/".join(filter(None, (change.manifest["metadata"].get("namespace"), f"{kind}{change.name}")))

    def text(obj: Object | None) -> list[str]:
        if obj is None:
            return []
        found = essence(obj)  # in one order, in which not every server answers
        return to_yaml({"apiVersion": found["apiVersion"], "kind": found["kind"], **found}).splitlines()

    return list(unified_diff(text(before), text(after), f"live/{name}", f"deploy/{name}", lineterm="", n=3))
