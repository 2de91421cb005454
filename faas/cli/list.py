"""`faas list`: what is deployed."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import click

from faas.cli.connection import with_client
from faas.cli.errors import CommandError
from faas.cli.eventing.rows import triggers_text
from faas.cli.options import all_namespaces_option, namespace_option, output_option, target_option
from faas.cli.output import age, note_hidden, print_objects, print_table, sorted_objects

if TYPE_CHECKING:
    from faas.client.http.client import HttpClient
    from faas.client.places.targets import Target
    from faas.client.protocol import Object
    from faas.deploy.objects.belonging import EventObjects
    from faas.resources.kinds import Kind


@click.command(short_help="List what is deployed.")
@namespace_option
@all_namespaces_option
@output_option
@target_option
def command(namespace: str, all_namespaces: bool, output: str | None, target: Target) -> None:
    """List functions with URL, newest ready revision, readiness, and what brings them events.

    A trigger that is not ready is shown with the reason.

    \b
    Examples:
      faas list
      faas list -A -o json
    """
    from faas.deploy.objects.plan import clean

    where = "" if all_namespaces else namespace
    is_elsewhere = bool(where) and not target.is_local

    async def work(client: HttpClient) -> tuple[list[Object], dict[str, EventObjects], set[Kind]]:
        read = await _read(client, where, target)
        if not read[0] and is_elsewhere:
            await _check_namespace(client, where)
        return read

    found, events, hidden = with_client(target, work)
    services = sorted_objects(found)
    if output:
        print_objects([clean(service) for service in services], output)
        return
    heads = ["name", "url", "revision", "ready", "age"]
    rows = [_row(service) for service in services]
    told = [triggers_text(events.get(service["metadata"]["namespace"]), service) for service in services]
    if any(told):
        heads = [*heads, "triggers"]
        rows = [[*row, text] for row, text in zip(rows, told, strict=True)]
    if all_namespaces:
        heads = ["namespace", *heads]
        rows = [[service["metadata"]["namespace"], *row] for service, row in zip(services, rows, strict=True)]
    where_text = "" if all_namespaces else f" in namespace {namespace}"
    print_table(heads, rows, empty=f"nothing is deployed{where_text}; deploy a project:  faas deploy{target.flags}")
    note_hidden(hidden, namespace if where else "")


async def _read(
    client: HttpClient, namespace: str, target: Target
) -> tuple[list[Object], dict[str, EventObjects], set[Kind]]:
    """Services, by namespace what brings them events, and the kinds that may not be seen."""
    from faas.client.errors import Forbidden, Unauthorized
    from faas.deploy.objects.belonging import EventObjects, read_events
    from faas.resources.kinds import SERVICE

    try:
        services = (await client.list(SERVICE, namespace)).items
    except Unauthorized:
        raise
    except Forbidden as error:
        if namespace:
            raise
        hint = f"Name one of yours:  faas list -n NAMESPACE{target.flags}"
        raise CommandError("you may not list the functions of all namespaces", hint) from error
    hidden: set[Kind] = set()
    every = await read_events(client, namespace, hidden)
    spaces = {str(trigger["metadata"]["namespace"]) for trigger in every.triggers}
    return (
        services,
        {
            space: EventObjects(
                tuple(each for each in every.triggers if each["metadata"]["namespace"] == space),
                tuple(each for each in every.sources if each["metadata"]["namespace"] == space),
            )
            for space in spaces
        },
        hidden,
    )


async def _check_namespace(client: HttpClient, name: str) -> None:
    """Nothing is listed of a namespace that is not there, without a word. Raises: NotFound."""
    from faas.client.errors import Forbidden
    from faas.resources.kinds import NAMESPACE

    with suppress(Forbidden):
        await client.get(NAMESPACE, name)


def _row(service: Object) -> list[str]:
    from faas.cli.conditions import readiness

    status = service.get("status") or {}
    return [
        service["metadata"]["name"],
        str(status.get("url") or ""),
        _serving(status),
        readiness(service),
        age(service["metadata"].get("creationTimestamp", "")),
    ]


def _serving(status: Mapping[str, Any]) -> str:
    """The revisions that get requests, with their percentages when they are several."""
    percents: dict[str, int] = {}
    for target in status.get("traffic") or ():
        revision = str(target.get("revisionName") or "")
        percents[revision] = percents.get(revision, 0) + int(target.get("percent") or 0)
    serving = {revision: percent for revision, percent in percents.items() if percent}
    if len(serving) == 1:
        return next(iter(serving))
    return ", ".join(f"{revision} {percent}%" for revision, percent in serving.items())
