"""`faas build`: an image of a project, for anywhere."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from faas.cli.build_options import build_options, make_destinations, make_flags
from faas.cli.options import state_option
from faas.cli.output import print_data, print_table

if TYPE_CHECKING:
    from faas_builders.builder import Choice
    from faas_builders.oci.store import ImageStore

    from faas.cli.build_options import Destinations
    from faas.deploy.images.building import Built
    from faas.deploy.images.requests import BuildFlags
    from faas.deploy.steps import Steps
    from faas.project.pyproject.settings import Settings


@click.command(short_help="Make an image of a project, for anywhere.")
@build_options
@click.option("--explain", is_flag=True, help="Say what would be used and why; make nothing.")
@click.option("-o", "form", type=click.Choice(("json", "yaml")), help="Print data instead of a table.")
@state_option
def command(
    path: Path,
    image: str,
    push: bool,
    outputs: tuple[str, ...],
    explain: bool,
    form: str | None,
    insecure: bool,
    state: Path | None,
    **more: Any,  # what build_options declares, for make_flags
) -> None:
    """Make an image of the project in PATH. It runs on any machine with containers; no engine is needed.

    It is kept in the image store of the state; --push and --output take it elsewhere.

    \b
    Examples:
      faas build --output docker && docker run -p 8080:8080 faas.local/hello
      faas build --push -t registry.example.org/team/hello:1.0 --platform linux/amd64,linux/arm64
      faas build --base python:3.13-slim --explain
    """
    from faas.cli.build_result import print_built
    from faas.cli.image_store import open_store, prune_unneeded
    from faas.cli.progress import shown_steps
    from faas.project.pyproject.settings import load_settings

    settings = load_settings(path)
    flags = make_flags(settings, insecure=insecure, **more)
    destinations = make_destinations(settings.build, image, push=push, outputs=outputs, insecure=insecure)
    store = open_store(state)
    if explain:
        _explain(settings, store, flags, form)
        return
    with shown_steps() as steps:
        built, pushed = _build(settings, store, flags, destinations, steps)
    print_built(built, destinations, pushed, form)
    if not all(layer.reused for each in built.result.images for layer in each.layers):
        prune_unneeded(store, state)


def _explain(settings: Settings, store: ImageStore, flags: BuildFlags, form: str | None) -> None:
    from faas.deploy.images.building import explain

    choices = explain(settings, store, flags)
    if form:
        print_data([{"what": each.what, "value": each.value, "why": each.why} for each in choices], form)
        return
    print_table(["what", "value", "why"], [row for each in choices for row in _rows(each)], empty="")


def _rows(choice: Choice) -> list[list[str]]:
    """A value of several lines, as a Dockerfile is one, goes below."""
    first, *others = choice.value.splitlines() or [""]
    return [[choice.what, first, choice.why], *(["", line, ""] for line in others)]


def _build(
    settings: Settings, store: ImageStore, flags: BuildFlags, destinations: Destinations, steps: Steps
) -> tuple[Built, str]:
    """Make it and take it where it is to go; also its reference in the registry, "" when it was not pushed."""
    from faas.deploy.images.building import build

    name = destinations.name
    built = build(settings, store, flags, steps, tag=name.tag if name else "latest")
    if destinations.outputs:
        from faas_builders.delivery import deliver

        from faas.cli.build_result import docker_name

        with steps.step("write") as log:
            for output in destinations.outputs:
                log(str(output))
                deliver(store, built.result.reference, output, name=docker_name(built, destinations))
    if not destinations.push or name is None:
        return built, ""
    from faas.cli.image_store import push_image

    return built, push_image(store, built.result.reference, name, steps, insecure=destinations.insecure)
