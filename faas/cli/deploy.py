"""`faas deploy`: from a project to Services that answer."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from faas.cli.options import Time, is_typed, namespace_option, output_option, target_option
from faas.cli.output import note
from faas.cli.project_options import make_wanted, project_options

if TYPE_CHECKING:
    from faas.client.places.targets import Target
    from faas.deploy.prepare import Prepared, Wanted


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
@click.option("--wait-timeout", type=Time(), metavar="TIME", default="600s", show_default=True)
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
    deleted; functions, with what leads to them, and Brokers only with --prune, or when you say so. The same command
    deploys to a cluster: its images are pushed first, and whatever anybody else has set is left alone unless
    --force-conflicts.

    What does not mend by itself is not waited for until --wait-timeout: a function that has ended three times, an image
    or a quota that is refused (30 s), a Secret that is missing (60 s), no node that takes it (120 s).

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
    from faas.cli.carrying_out import How, deploy_prepared, patience_of, show_plan
    from faas.cli.deploying_to import prepare_project
    from faas.cli.errors import deploy_exit_codes
    from faas.cli.preflight import Preflight
    from faas.cli.progress import shown_steps
    from faas.deploy.services.rollout import DeployOptions

    if no_wait and tag:
        raise click.UsageError("--tag waits for the revision that gets it; leave --no-wait out")
    if (name or port) and not image:
        raise click.UsageError("--name and --port are of an image: add --image")
    if image and is_typed("path"):
        raise click.UsageError(f"{path} is a project's folder; --image deploys an image instead, leave one of them out")
    wanted = make_wanted(namespace=namespace, **project)
    options = DeployOptions(
        not no_traffic, tag, not no_wait, wait_timeout, independent, force_conflicts,
        claims=not target.is_local, patience_s=patience_of(target),
    )  # fmt: skip
    if not target.is_local:
        note(f"to namespace {target.namespace} of {target.context}")
    with deploy_exit_codes(target.flags):
        with shown_steps() as steps:
            if image:
                prepared = _prepare_image(image, name, port, wanted, target)
                if dry_run is None and not target.is_local:
                    Preflight(target, None, create_namespace, of_project=False, needs_names=not no_wait)(
                        prepared.manifests
                    )
            else:
                asks = dry_run is None or dry_run == "server" or (dry_run == "auto" and not target.is_local)
                prepared = prepare_project(
                    path, target, wanted, steps, registry=registry, push=dry_run is None, asks=asks,
                    read_secrets=dry_run != "client", create_namespace=create_namespace, wait=not no_wait,
                )  # fmt: skip
        if dry_run:
            show_plan(target, prepared, options, output, dry_run)
            return
        deploy_prepared(target, prepared, How(options, create_namespace, prune), output)


def _prepare_image(image: str, name: str, port: str, wanted: Wanted, target: Target) -> Prepared:
    from faas.cli.deploy_image import prepare_image

    return prepare_image(image, name, port, wanted, target)
