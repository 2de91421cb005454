"""`faas deploy`: from a project to Services that answer."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from faas.cli.options import namespace_option, output_option, target_option
from faas.cli.output import note, print_data, print_objects
from faas.cli.project_options import make_wanted, project_options

if TYPE_CHECKING:
    from collections.abc import Sequence

    from faas.client.http import HttpClient
    from faas.client.protocol import Object
    from faas.client.targets import Target
    from faas.deploy.deploying import Plan
    from faas.deploy.plan import Change
    from faas.deploy.prepare import Prepared, Wanted
    from faas.deploy.rollout import DeployOptions

_PATIENCE_S = 2.0  # on a cluster: what one controller has not heard of yet looks like a failure to the next


class _Deploy(click.Command):
    """`--dry-run` alone asks a server where there is one; an option with an optional value would swallow PATH."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        return super().parse_args(ctx, ["--dry-run=auto" if arg == "--dry-run" else arg for arg in args])


@click.command(cls=_Deploy, short_help="Build a project's images and deploy its functions.")
@project_options
@click.option("--image", metavar="REF", default="", help="Deploy this image, in any language, instead of a project.")
@click.option("--name", metavar="NAME", default="", help="What the Service of --image is called.  [default: as it]")
@click.option("--port", metavar="[h2c:]N", default="", help="What the image listens on.  [default: $PORT, 8080]")
@click.option("--registry", metavar="HOST/FOLDER", default="", help="Where a cluster's images go.  [default: stage's]")
@namespace_option
@click.option("--create-namespace", is_flag=True, help="Make the namespace if it is missing.")
@click.option("--no-traffic", is_flag=True, help="New revisions get no requests; see faas traffic.")
@click.option("--tag", metavar="TAG", default="", help="Give the new revisions this tag: TAG-NAME is their host.")
@click.option("--no-wait", is_flag=True, help="Return when everything is applied.")
@click.option("--wait-timeout", type=click.FloatRange(0.1), metavar="SECONDS", default=600.0, show_default=True)
@click.option("--independent", is_flag=True, help="Each function moves its traffic alone, not all or none.")
@click.option("--force-conflicts", is_flag=True, help="Take over fields that others have set.")
@click.option("--prune/--no-prune", default=None, help="Delete functions that are gone from the code.  [default: ask]")
@click.option(
    "--dry-run",
    type=click.Choice(("client", "server", "auto")),
    metavar="[=client|server]",
    help="Change nothing, say what would change; client asks no server.",
)
@output_option
@target_option
def command(
    path: Path,
    image: str,
    name: str,
    port: str,
    registry: str,
    namespace: str,
    create_namespace: bool,
    no_traffic: bool,
    tag: str,
    no_wait: bool,
    wait_timeout: float,
    independent: bool,
    force_conflicts: bool,
    prune: bool | None,
    dry_run: str | None,
    output: str | None,
    target: Target,
    **project: Any,  # what project_options declares, for make_wanted
) -> None:
    """Build the images of the project in PATH, apply its Services, wait until they are ready.

    Then come its domains, Triggers and sources. Those that an earlier deploy made and the code no longer declares are
    deleted; functions and Brokers only with --prune, or when you say so. The same command deploys to a cluster: its
    images are pushed first, and whatever anybody else has set is left alone unless --force-conflicts.

    \b
    Examples:
      faas deploy
      faas deploy examples/weather -e GREETING=hello --scale-max 10
      faas deploy --no-traffic --tag candidate
      faas deploy --container --base python:3.12-slim
      faas deploy --image ghcr.io/knative/helloworld-go:latest --name hello-go
      faas deploy --dry-run -o yaml
      faas deploy --stage production
      faas deploy --context CLUSTER -n team --registry registry.example.org/team

    \b
    Exit codes:
      0 done   1 failed   2 misused
      3 not ready in time, or failed to become ready (traffic is where it was)
      4 others have set what this project wants otherwise (nothing was changed)
      5 refused: no rights, or no valid credentials
    """
    from faas.cli.deploying_to import prepare_project
    from faas.cli.errors import deploy_exit_codes
    from faas.cli.progress import shown_steps
    from faas.deploy.rollout import DeployOptions

    if no_wait and tag:
        raise click.UsageError("--tag waits for the revision that gets it; leave --no-wait out")
    if (name or port) and not image:
        raise click.UsageError("--name and --port are of an image: add --image")
    source = click.get_current_context().get_parameter_source("path")
    if image and source is click.core.ParameterSource.COMMANDLINE:
        raise click.UsageError(f"{path} is a project's folder; --image deploys an image instead, leave one of them out")
    wanted = make_wanted(namespace=namespace, **project)
    patience_s = 0.0 if target.is_local else _PATIENCE_S
    options = DeployOptions(
        not no_traffic, tag, not no_wait, wait_timeout, independent, force_conflicts, patience_s=patience_s
    )
    with deploy_exit_codes():
        with shown_steps() as steps:
            if image:
                prepared = _prepare_image(image, name, port, wanted, target)
            else:
                asks = dry_run is None or dry_run == "server" or (dry_run == "auto" and not target.is_local)
                prepared = prepare_project(
                    path, target, wanted, steps, registry=registry, push=dry_run is None, asks=asks,
                    read_secrets=dry_run != "client",
                )  # fmt: skip
        if dry_run:
            _dry_run(target, prepared, options, output, dry_run)
            return
        how = _How(options, create_namespace, prune)
        plan, objects, pruned = _deploy(target, prepared, how)
        if output:
            _print(objects, plan, output)
        else:
            _report(objects, plan.services, prepared, target, wait=not no_wait)
        if plan.gone and not pruned and prune is None:
            _say_left(plan, target)


def _prepare_image(image: str, name: str, port: str, wanted: Wanted, target: Target) -> Prepared:
    from faas.cli.deploy_image import prepare_image

    return prepare_image(image, name, port, wanted, target)


def _dry_run(target: Target, prepared: Prepared, options: DeployOptions, output: str | None, dry_run: str) -> None:
    plan = None if dry_run == "client" else _plan_if_asked(target, prepared, options, must=dry_run == "server")
    if output:
        print_objects(list(prepared.manifests), output)
        return
    if plan is None:
        for manifest in prepared.manifests:
            click.echo(f"{manifest['metadata']['name']} ({manifest['kind']}): would be applied")
        return
    for broker in plan.events.brokers:
        click.echo(f"{broker['metadata']['name']} (Broker): would be created")
    for change in plan.changes:
        click.echo(f"{_named(change)}: {_said(change)}")
    for change in plan.gone:
        click.echo(f"{_named(change)}: gone from the code; --prune would delete it")


def _plan_if_asked(target: Target, prepared: Prepared, options: DeployOptions, *, must: bool) -> Plan | None:
    """What would change, when an engine runs that can be asked."""
    from faas.cli.connection import with_client
    from faas.client.state import EngineNotRunning

    try:
        return with_client(target, lambda client: _plan(client, prepared, _How(options)))
    except EngineNotRunning as error:
        if must:
            raise
        note(f"{error}: the manifests are not compared with anything")
        return None


@dataclass(frozen=True, slots=True)
class _How:
    options: DeployOptions
    create_namespace: bool = False
    prune: bool | None = None  # None: ask, where there is somebody


async def _plan(client: HttpClient, prepared: Prepared, how: _How) -> Plan:
    from faas.cli.deploying_to import ask_plan
    from faas.deploy.errors import NoNamespace
    from faas.deploy.namespace import create

    try:
        return await ask_plan(client, prepared, force=how.options.force_conflicts)
    except NoNamespace:
        if not how.create_namespace:
            raise
        await create(client, prepared.namespace)
        return await ask_plan(client, prepared, force=how.options.force_conflicts)


def _agreed(plan: Plan, prune: bool | None) -> bool:
    """Whether functions that are gone from the code are deleted: as said, else as answered, else not."""
    import sys

    if not plan.gone or prune is not None:
        return bool(prune)
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return False
    names = ", ".join(map(_named, plan.gone))
    return click.confirm(f"No longer in the code: {names}. Delete when the rest is deployed?", err=True)


def _say_left(plan: Plan, target: Target) -> None:
    functions = [change.name for change in plan.gone if change.kind.kind == "Service"]
    others = [change for change in plan.gone if change.kind.kind != "Service"]
    if functions:
        note(
            f"Still deployed, no longer in the code: {', '.join(functions)}. Remove:  "
            f"faas delete {' '.join(functions)}{target.flags}"
        )
    for change in others:
        note(
            f"Still there, no longer in the code: {_named(change)}. Remove:  "
            f"faas {change.kind.kind.lower()} delete {change.name}{target.flags}"
        )


def _deploy(target: Target, prepared: Prepared, how: _How) -> tuple[Plan, list[Object], bool]:
    """What was done, the Services after it, and whether what is gone from the code was deleted."""
    from faas_builders.oci.prune import prune as prune_images
    from faas_builders.oci.store import ImageStore

    from faas.cli.connection import with_client
    from faas.cli.progress import shown_steps
    from faas.deploy.deploying import carry_out_deploy
    from faas.deploy.rollout import images_in_use

    store = ImageStore(target.state.images)
    if prepared.process_image:
        store.resolve(prepared.process_image.reference)  # unpack it here, so that the engine finds it done

    async def work(client: HttpClient) -> tuple[Plan, list[Object], bool]:
        plan = await _plan(client, prepared, how)
        pruned = _agreed(plan, how.prune)
        with shown_steps() as steps:
            objects = await carry_out_deploy(
                client, plan, how.options, steps, namespace=prepared.namespace, prune=pruned
            )
        if target.is_local and any(change.action != "unchanged" for change in plan.services):
            prune_images(store, await images_in_use(client))
        return plan, objects, pruned

    return with_client(target, work)


def _print(objects: list[Object], plan: Plan, output: str) -> None:
    """The Services as they are; in JSON also what was done with each object, which kubectl does not mind."""
    if output != "json":
        print_objects(objects, output)
        return
    results = [
        {"kind": change.kind.kind, "name": change.name, "action": change.action, "newRevision": change.new_revision}
        for change in plan.changes
    ]
    print_data({"apiVersion": "v1", "kind": "List", "items": objects, "results": results}, output)


def _named(change: Change) -> str:
    return change.name if change.kind.kind == "Service" else f"{change.name} ({change.kind.kind})"


def _said(change: Change) -> str:
    if change.action == "update":
        return f"would change {', '.join(change.fields)}"
    words = {"create": "would be created", "delete": "would be deleted", "replace": "would be made anew"}
    return words.get(change.action, "unchanged")


def _report(
    objects: list[Object], changes: Sequence[Change], prepared: Prepared, target: Target, *, wait: bool
) -> None:
    from faas.cli.conditions import is_public
    from faas.cli.suggestion import call_of

    rows = []
    for obj, change in zip(objects, changes, strict=True):
        status = obj.get("status") or {}
        name = obj["metadata"]["name"]
        revision = status.get("latestReadyRevisionName") or status.get("latestCreatedRevisionName") or ""
        url = str(status.get("url", "")) + ("" if is_public(obj) else "  (cluster-local)")
        what = "unchanged" if change.action == "unchanged" else (revision if wait else "applied")
        rows.append((name, url, what))
    name_width, url_width = (max(len(row[column]) for row in rows) for column in (0, 1))
    for name, url, what in rows:
        click.echo(f"{name:<{name_width}}  {url:<{url_width}}  {what}".rstrip())
    public = {obj["metadata"]["name"] for obj in objects if is_public(obj)}
    if called := next((service for service in prepared.services if service.name in public), None):
        note(f"Try it:  {call_of(called)}{target.flags}")
    elif public:  # an image, of which nothing else is known
        note(f"Try it:  faas invoke {min(public)}{target.flags}")
    else:  # they get events, and nobody can call them
        note(f"Watch its events:  faas events tail{target.flags}")
