"""`faas delete`: take functions, or a whole project, away."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from faas.cli.connection import with_client
from faas.cli.options import dry_run_option, namespace_option, target_option, yes_option
from faas.cli.output import note, note_hidden

if TYPE_CHECKING:
    from faas.client.http.client import HttpClient
    from faas.client.places.targets import Target
    from faas.client.protocol import Object

_HERE = "."  # --project without a name


@click.command(short_help="Delete functions.")
@click.argument("names", metavar="NAME...", nargs=-1)
@click.option("--project", metavar="[PROJECT]", is_flag=False, flag_value=_HERE,
              help="All that deploys of a project have made; of this folder's without a name.")  # fmt: skip
@namespace_option
@yes_option
@dry_run_option
@target_option
def command(
    names: tuple[str, ...], project: str | None, namespace: str, yes: bool, dry_run: bool, target: Target
) -> None:
    """Delete functions with all their revisions, domains, Triggers and sources; requests that run are finished.

    Only what a deploy has made goes along. Brokers stay, but with --project: that takes all that carries the project's
    label, and the stage's with --stage, and shows it before it asks.

    \b
    Examples:
      faas delete hello
      faas delete hello greet --yes
      faas delete --project --stage staging
    """
    from faas.deploy.objects.leaving import of_functions, of_project

    if bool(names) == bool(project):
        raise click.UsageError("name functions, or a project with --project")
    where = f"namespace {namespace}" + ("" if target.is_local else f" of {target.context}")
    if project:
        wanted = _project_name(project)
        found = with_client(target, lambda client: of_project(client, wanted, namespace, target.stage))
        if not found.objects:
            stage = f" (stage {target.stage})" if target.stage else ""
            note(f"nothing of project {wanted}{stage} is in {where}")
            note_hidden(found.hidden, namespace)
            return
        _show(found.objects)
        question = f"Delete these {len(found.objects)} objects of project {wanted} in {where}?"
    else:
        found = with_client(target, lambda client: of_functions(client, names, namespace))
        question = f"Delete {', '.join(name + found.along(name) for name in names)} in {where}?"
    note_hidden(found.hidden, namespace)
    if not dry_run and not yes:
        click.confirm(question, abort=True, err=True)
    with_client(target, lambda client: _delete(client, found.objects, namespace, dry_run=dry_run))
    done = "would be deleted" if dry_run else "deleted"
    if project:
        click.echo(f"project {wanted} {done}: {len(found.objects)} objects")
    for name in names:
        click.echo(f"{name}{found.along(name)} {done}")


def _project_name(given: str) -> str:
    """As the label has it, whatever else is in what was given: a selector would select by that."""
    from faas.project.pyproject.settings import image_name, load_settings

    if given == _HERE:
        return load_settings(Path.cwd()).name
    if not any(letter.isascii() and letter.isalnum() for letter in given):
        raise click.BadParameter(f"no project can be called {given!r}", param_hint="--project")
    return image_name(given)


def _show(objects: Sequence[Object]) -> None:
    from faas.deploy.objects.which import kind_of_manifest

    for obj in objects:
        note(f"  {kind_of_manifest(obj)}/{obj['metadata']['name']}")


async def _delete(client: HttpClient, objects: Sequence[Object], namespace: str, *, dry_run: bool) -> None:
    """One after the other: nothing is sent to what is gone already."""
    from faas.client.errors import NotFound
    from faas.deploy.bindings.claims import release
    from faas.deploy.bindings.making import delete
    from faas.deploy.objects.which import kind_of_manifest
    from faas.resources.kinds import DOMAIN_MAPPING

    for obj in objects:
        kind, name = kind_of_manifest(obj), obj["metadata"]["name"]
        with contextlib.suppress(NotFound):  # deleted meanwhile, or with what it belonged to
            if dry_run:
                await client.delete(kind, name, namespace, dry_run=True)
            else:
                await delete(client, kind, name, namespace)
                if kind == DOMAIN_MAPPING:
                    await release(client, name, namespace)
