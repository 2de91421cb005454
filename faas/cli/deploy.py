"""`faas deploy`: from a project to Services that answer."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from faas.cli.options import dry_run_option, namespace_option, output_option, target_option
from faas.cli.output import note, print_objects
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
    from faas.deploy.steps import Steps


@click.command(short_help="Build a project's images and deploy its functions.")
@project_options
@click.option("--image", metavar="REF", default="", help="Deploy this image, in any language, instead of a project.")
@click.option("--name", metavar="NAME", default="", help="What the Service of --image is called.  [default: as it]")
@click.option("--port", metavar="[h2c:]N", default="", help="What the image listens on.  [default: $PORT, 8080]")
@namespace_option
@click.option("--no-traffic", is_flag=True, help="New revisions get no requests; see faas traffic.")
@click.option("--tag", metavar="TAG", default="", help="Give the new revisions this tag: TAG-NAME is their host.")
@click.option("--no-wait", is_flag=True, help="Return when everything is applied.")
@click.option("--wait-timeout", type=click.FloatRange(0.1), metavar="SECONDS", default=600.0, show_default=True)
@click.option("--independent", is_flag=True, help="Each function moves its traffic alone, not all or none.")
@dry_run_option
@output_option
@target_option
def command(
    path: Path,
    image: str,
    name: str,
    port: str,
    namespace: str,
    no_traffic: bool,
    tag: str,
    no_wait: bool,
    wait_timeout: float,
    independent: bool,
    dry_run: bool,
    output: str | None,
    target: Target,
    **project: Any,  # what project_options declares, for make_wanted
) -> None:
    """Build the images of the project in PATH, apply its Services, wait until they are ready.

    Then come its Triggers and sources. Those that an earlier deploy made and the code no longer declares are deleted;
    Brokers never are.

    \b
    Examples:
      faas deploy
      faas deploy examples/weather -e GREETING=hello --scale-max 10
      faas deploy --no-traffic --tag candidate
      faas deploy --container --base python:3.12-slim
      faas deploy --image ghcr.io/knative/helloworld-go:latest --name hello-go
      faas deploy --dry-run -o yaml
    """
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
    options = DeployOptions(not no_traffic, tag, not no_wait, wait_timeout, independent)
    with shown_steps() as steps:
        if image:
            prepared = _prepare_image(image, name, port, wanted, target)
        else:
            prepared = _prepare(path, target, wanted, steps, needs_engine=not dry_run)
        if dry_run:
            plan, objects = _plan(target, prepared), list(prepared.manifests)
        else:
            plan, objects = _deploy(target, prepared, options, steps)
    if output:
        print_objects(objects, output)
        return
    if dry_run:
        for broker in plan.events.brokers if plan else ():
            click.echo(f"{broker['metadata']['name']} (Broker): would be created")
        for change in plan.changes if plan else ():
            click.echo(f"{_named(change)}: {_said(change)}")
    elif plan:
        _report(objects, plan.services, prepared, target, wait=not no_wait)


def _prepare(path: Path, target: Target, wanted: Wanted, steps: Steps, *, needs_engine: bool) -> Prepared:
    from faas_builders.oci.store import ImageStore

    from faas.cli.connection import running_engine
    from faas.deploy.prepare import prepare
    from faas.project.settings import load_settings

    settings = load_settings(path)
    if needs_engine:
        running_engine(target.state)  # before any work is done
    return prepare(settings, ImageStore(target.state.images), wanted, steps)


def _prepare_image(image: str, name: str, port: str, wanted: Wanted, target: Target) -> Prepared:
    from faas.cli.deploy_image import prepare_image

    return prepare_image(image, name, port, wanted, target.state.path)


def _plan(target: Target, prepared: Prepared) -> Plan | None:
    """What would change, when an engine runs that can be asked."""
    from faas.cli.connection import with_client
    from faas.client.state import EngineNotRunning

    try:
        return with_client(target, lambda client: _ask(client, prepared))
    except EngineNotRunning as error:
        note(f"{error}: the manifests are not compared with anything")
        return None


async def _ask(client: HttpClient, prepared: Prepared) -> Plan:
    from faas.deploy.deploying import plan_deploy

    return await plan_deploy(
        client, prepared.objects, project=prepared.project, namespace=prepared.namespace, whole=prepared.whole
    )


def _deploy(target: Target, prepared: Prepared, options: DeployOptions, steps: Steps) -> tuple[Plan, list[Object]]:
    from faas_builders.oci.prune import prune
    from faas_builders.oci.store import ImageStore

    from faas.cli.connection import with_client
    from faas.deploy.deploying import carry_out_deploy
    from faas.deploy.rollout import images_in_use, left_behind

    store = ImageStore(target.state.images)
    if prepared.process_image:
        store.resolve(prepared.process_image.reference)  # unpack it here, so that the engine finds it done

    async def work(client: HttpClient) -> tuple[Plan, list[Object]]:
        plan = await _ask(client, prepared)
        objects = await carry_out_deploy(client, plan, options, steps, namespace=prepared.namespace)
        if any(change.action != "unchanged" for change in plan.services):
            prune(store, await images_in_use(client))
        if prepared.whole and (gone := await left_behind(client, prepared.objects.services)):
            note(f"Still deployed, no longer in the code: {', '.join(gone)}. Remove:  faas delete {' '.join(gone)}")
        return plan, objects

    return with_client(target, work)


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
