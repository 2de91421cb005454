"""`faas promote`: what runs in one stage, in another."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from faas.cli.errors import CommandError, deploy_exit_codes
from faas.cli.options import Time, output_option, state_option
from faas.cli.output import note

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from faas.cli.preflight import Preflight
    from faas.client.http.client import HttpClient
    from faas.client.places.targets import Target
    from faas.deploy.images.ran import Ran
    from faas.deploy.prepare import Prepared
    from faas.deploy.steps import Steps
    from faas.project.pyproject.settings import Settings


@click.command(short_help="Give one stage the very images that run in another.")
@click.argument("names", metavar="[NAME]...", nargs=-1)
@click.option("--from", "source", metavar="STAGE", required=True, help="Where they run.")
@click.option("--to", "destination", metavar="STAGE", required=True, help="Where they should.")
@click.option(
    "--project", metavar="PATH", type=click.Path(exists=True, path_type=Path), default=".", help="The project's folder."
)
@click.option("--create-namespace", is_flag=True, help="Make the namespace if it is missing.")
@click.option("--no-traffic", is_flag=True, help="New revisions get no requests; see faas traffic.")
@click.option("--no-wait", is_flag=True, help="Return when everything is applied.")
@click.option("--wait-timeout", type=Time(), metavar="TIME", default="600s", show_default=True)
@click.option("--force-conflicts", is_flag=True, help="Take over fields that others have set.")
@click.option("--dry-run", is_flag=True, help="Change and copy nothing, say what would change.")
@output_option
@state_option
def command(
    names: tuple[str, ...],
    source: str,
    destination: str,
    project: Path,
    create_namespace: bool,
    no_traffic: bool,
    no_wait: bool,
    wait_timeout: float,
    force_conflicts: bool,
    dry_run: bool,
    output: str | None,
    state: Path | None,
) -> None:
    """Deploy what serves in one stage (all functions without a NAME) to another: the same images, by digest.

    Nothing is built: what was tried is what comes. How many instances, which secrets and which domains are the other
    stage's own, from pyproject.toml. Images go to its registry when that is another one, with their bills of materials
    and signatures. Nothing is deleted: what is gone from the code goes with a deploy. Exit codes as faas deploy.

    \b
    Examples:
      faas promote --from staging --to production
      faas promote --from staging --to production hello --dry-run
    """
    from faas.cli.carrying_out import How, deploy_prepared, patience_of, show_plan
    from faas.cli.connection import find_target, with_client
    from faas.cli.preflight import Preflight
    from faas.cli.progress import shown_steps
    from faas.deploy.images.ran import read_ran
    from faas.deploy.services.rollout import DeployOptions
    from faas.project.pyproject.settings import load_settings

    if source == destination:
        raise click.UsageError(f"--from and --to are both {source}")
    settings = load_settings(project, destination)
    from_target = find_target(state, stage=source, project=project)
    target = find_target(state, stage=destination, project=project)
    with deploy_exit_codes(target.flags):

        async def read(client: HttpClient) -> list[Ran]:
            return await read_ran(client, from_target.namespace, project=settings.name, stage=source)

        ran = _chosen(with_client(from_target, read), names, source)
        with shown_steps() as steps:
            check = None if dry_run else Preflight(target, create_namespace=create_namespace, needs_names=not no_wait)
            prepared = _prepare(settings, target, ran, steps, check, only=names)
        options = DeployOptions(
            not no_traffic, wait=not no_wait, wait_timeout_s=wait_timeout, force_conflicts=force_conflicts,
            claims=not target.is_local, patience_s=patience_of(target),
        )  # fmt: skip
        if dry_run:
            show_plan(target, prepared, options, output, "server")
        else:
            deploy_prepared(target, prepared, How(options, create_namespace, prune=False), output)


def _chosen(ran: Sequence[Ran], names: Sequence[str], stage: str) -> list[Ran]:
    """Raises: CommandError: nothing runs there, or not all of it is ready."""
    if not ran:
        raise CommandError(
            f"no function of this project runs in stage {stage}", f"Deploy it first:  faas deploy --stage {stage}"
        )
    known = {each.service for each in ran}
    if missing := [name for name in names if name not in known]:
        raise CommandError(f"no {missing[0]} runs in stage {stage}", f"Functions there: {', '.join(sorted(known))}")
    chosen = [each for each in ran if not names or each.service in names]
    if unready := [each.service for each in chosen if not each.revision]:
        raise CommandError(
            f"{', '.join(unready)}: no revision is ready in stage {stage}",
            f"See why:  faas describe {unready[0]} --stage {stage}",
        )
    for each in chosen:
        _check_portable(each, stage)
    return chosen


def _prepare(
    settings: Settings, target: Target, ran: Sequence[Ran], steps: Steps, check: Preflight | None, *,
    only: Sequence[str],
) -> Prepared:  # fmt: skip
    """Args: check: what would stop it, before anything is copied; None: nothing is."""
    from faas_builders.oci.store import ImageStore

    from faas.cli.deploying_to import look_at
    from faas.deploy.images.publishing import bring, choose_platforms, destination_of, is_at
    from faas.deploy.prepare import Wanted, prepare_with

    for each in ran:
        if each.latest and each.latest != each.revision:
            note(f"note: {each.service}: {each.revision} is promoted, which serves; {each.latest} is newer")
    store = ImageStore(target.state.images)
    wanted = Wanted(namespace=target.namespace, only=tuple(only))
    bringing: Callable[[str], str] = str  # an engine takes them from where they are
    if not target.is_local:
        place = look_at(target, settings)
        destination = destination_of(settings, push=check is not None)
        with steps.step("resolve") as log:
            platforms = choose_platforms(settings.build.platforms, place.platforms, log)
        destination = replace(destination, platforms=platforms)
        is_copied = not all(is_at(each.image, destination) for each in ran)
        wanted = replace(
            wanted,
            destination=destination,
            letters=place.letters(settings),
            surroundings=place.surroundings,
            check=replace(check, pushes_to=destination if is_copied else None) if check is not None else None,
        )
        bringing = partial(bring, destination=destination, steps=steps, insecure=settings.build.insecure)
    prepared = prepare_with(settings, store, wanted, {each.service: each.image for each in ran}, steps, bring=bringing)
    _warn(ran, prepared)
    return prepared


def _check_portable(ran: Ran, stage: str) -> None:
    from faas_builders.oci import references

    if references.parse(ran.image) is not None:
        raise CommandError(
            f"{ran.service}: {ran.image} is on the machine that it runs on only",
            "It has that machine's Python, or was never pushed. Have the stage run an image with its own:\n"
            "  give it a cluster's context and a registry, or try what would be pushed:\n"
            "  faas build --push -t REGISTRY/NAME:TAG && "
            f"faas deploy --image REGISTRY/NAME:TAG --name NAME --stage {stage}",
        )
    if "@" not in ran.image:
        raise CommandError(
            f"{ran.service}: nobody knows the digest of {ran.image}: its tag may mean something else by now",
            f"Deploy it by digest first:  faas deploy --stage {stage}",
        )


def _warn(ran: Sequence[Ran], prepared: Prepared) -> None:
    """Whether the code here is what ran there, as far as that can be told from its names."""
    here = {spec.name: spec.target for spec in prepared.services}
    for each in ran:
        if each.service not in here:
            note(f"warning: {each.service} runs there, and is not in the code here: it is not promoted")
        if each.target and here.get(each.service) not in (None, each.target):
            note(
                f"warning: {each.service} is {here[each.service]} in the code here, and {each.target} in what is"
                " promoted: check out what was deployed"
            )
