"""`faas revisions`: the revisions of functions, with what each gets of the traffic."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from faas.cli.conditions import generation_of, readiness
from faas.cli.connection import with_client
from faas.cli.options import namespace_option, output_option, target_option
from faas.cli.output import age, print_objects, print_table

if TYPE_CHECKING:
    from faas.client.http.client import HttpClient
    from faas.client.places.targets import Target
    from faas.client.protocol import Object


@click.command(short_help="List the revisions of functions.")
@click.argument("name", required=False)
@namespace_option
@output_option
@target_option
def command(name: str | None, namespace: str, output: str | None, target: Target) -> None:
    """List the revisions of function NAME, or of all, newest first.

    \b
    Examples:
      faas revisions
      faas revisions hello -o yaml
    """
    from faas.deploy.objects.plan import clean

    services, revisions = with_client(target, lambda client: read(client, namespace, name))
    if output:
        print_objects([clean(revision) for revision in revisions], output)
        return
    shares = {key: share for service in services for key, share in shares_of(service).items()}
    rows = [_row(revision, shares, is_local=target.is_local) for revision in revisions]
    print_table(
        ["service", "revision", "traffic", "tags", "instances", "ready", "age"],
        rows,
        empty=f"no revisions in namespace {namespace}",
    )


async def read(client: HttpClient, namespace: str, name: str | None) -> tuple[list[Object], list[Object]]:
    """Services and their Revisions, newest first within a Service. Raises: NotFound: there is no Service `name`."""
    from faas.resources import keys
    from faas.resources.kinds import REVISION, SERVICE

    if name:
        services = [await client.get(SERVICE, name, namespace)]
        selector = f"{keys.SERVICE_LABEL}={name}"
    else:
        services = (await client.list(SERVICE, namespace)).items
        selector = ""
    revisions = (await client.list(REVISION, namespace, label_selector=selector)).items
    return services, sorted(revisions, key=lambda revision: (service_of(revision), -generation_of(revision)))


def service_of(revision: Object) -> str:
    from faas.resources import keys

    return str((revision["metadata"].get("labels") or {}).get(keys.SERVICE_LABEL, ""))


def shares_of(service: Object) -> dict[str, tuple[int, list[str]]]:
    """Revision -> (percent, tags), from what the Route really does."""
    shares: dict[str, tuple[int, list[str]]] = {}
    for target in (service.get("status") or {}).get("traffic") or ():
        percent, tags = shares.get(target["revisionName"], (0, []))
        tag = [target["tag"]] if target.get("tag") else []
        shares[target["revisionName"]] = (percent + int(target.get("percent") or 0), tags + tag)
    return shares


def instances_of(revision: Object, *, is_local: bool) -> str:
    """How many run; a cluster need not say."""
    count = (revision.get("status") or {}).get("actualReplicas")
    return str(count or 0) if is_local or count is not None else "?"


def _row(revision: Object, shares: dict[str, tuple[int, list[str]]], *, is_local: bool) -> list[str]:
    name = revision["metadata"]["name"]
    percent, tags = shares.get(name, (0, []))
    return [
        service_of(revision),
        name,
        f"{percent}%" if percent else "",
        ",".join(tags),
        instances_of(revision, is_local=is_local),
        readiness(revision),
        age(revision["metadata"].get("creationTimestamp", "")),
    ]
