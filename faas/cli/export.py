"""`faas export`: what is deployed, as YAML that can be applied somewhere else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from faas.cli.connection import with_client
from faas.cli.options import namespace_option, target_option
from faas.cli.output import note, print_objects

if TYPE_CHECKING:
    from faas.client.http import HttpClient
    from faas.client.protocol import Object
    from faas.client.targets import Target


@click.command(short_help="Print what is deployed as plain YAML.")
@click.argument("names", metavar="[NAME]...", nargs=-1)
@namespace_option
@click.option("--output", "-o", type=click.Choice(("yaml", "json")), default="yaml", show_default=True)
@target_option
def command(names: tuple[str, ...], namespace: str, output: str, target: Target) -> None:
    """Print functions (all without a NAME) as manifests, without what a cluster adds to them.

    After the Services come the Brokers, Triggers and sources that bring them events.

    \b
    Examples:
      faas export > functions.yaml
      faas export hello -o json
    """
    from faas.deploy.exported import exported, exported_event, runs_adapter, unportable
    from faas.resources.keys import SOURCES_IMAGE

    services, others = with_client(target, lambda client: _read(client, names, namespace))
    manifests = [exported(service) for service in services]
    images = unportable(manifests)
    manifests += [exported_event(other) for other in others]
    print_objects(manifests, output)
    for image in images:
        note(f"note: {image} is on this machine only; a cluster cannot pull it.\n  {_advice(image, target)}")
    if adapters := sorted(other["metadata"]["name"] for other in others if runs_adapter(other)):
        note(
            f"note: {', '.join(adapters)}: {SOURCES_IMAGE} is the engine's name for its own adapters.\n"
            "  Push an image of faas[sources] that runs python -m faas.sources, as REGISTRY/faas-sources, and name it."
        )


def _advice(image: str, target: Target) -> str:
    """How a cluster gets it."""
    from faas_builders.oci import references

    from faas.cli.image_store import how_it_runs, open_store

    parsed = references.parse(image)
    pushed = f"REGISTRY/{parsed.name if parsed else 'NAME'}:TAG"
    if how_it_runs(open_store(target.state.path), image) == "container":
        return f"Push it, and name what that prints in containers[].image:  faas image push {image} {pushed}"
    return (
        "It has this machine's Python as its base. Make one with its own, in the project's folder, and name that in\n"
        f"  containers[].image:  faas build --push -t {pushed}"
    )


async def _read(client: HttpClient, names: tuple[str, ...], namespace: str) -> tuple[list[Object], list[Object]]:
    """Services, and what brings them events: Brokers, Triggers, sources."""
    from faas.deploy.belonging import read_events
    from faas.resources.kinds import BROKER, SERVICE

    if names:
        services = [await client.get(SERVICE, name, namespace) for name in names]
    else:
        found = (await client.list(SERVICE, namespace)).items
        services = sorted(found, key=lambda service: str(service["metadata"]["name"]))
    every = await read_events(client, namespace)
    of_each = [every.of_service(service["metadata"]["name"]) for service in services]
    brokers = sorted({name for events in of_each for name in events.brokers})
    others = [await client.get(BROKER, name, namespace) for name in brokers]
    for events in of_each:
        others += [*events.triggers, *events.sources]
    return services, others
