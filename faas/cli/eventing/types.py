"""The types of a Broker's events as a table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from faas.cli.eventing.session import with_eventing
from faas.cli.output import age, print_data, print_table

if TYPE_CHECKING:
    from faas.client.places.targets import Target
    from faas.client.services.eventing import EventingClient

_SOURCES = 2  # of a type that are named; devices are many


def show(target: Target, namespace: str, broker: str, output: str | None) -> None:
    from faas.resources.kinds import BROKER

    async def work(eventing: EventingClient) -> list[dict[str, Any]]:
        return await eventing.types(broker)

    if not target.is_local:
        from faas.cli.eventing.types_cluster import show as show_of_cluster

        show_of_cluster(target, namespace, broker, output)
        return
    found = with_eventing(target, namespace, (BROKER, broker), work)
    if output:
        print_data(found, output)
        return
    print_table(
        ["type", "stored", "received", "last", "source", "wanted by"],
        [_row(each) for each in found],
        empty=f"Broker {broker} has seen no events yet; send one:  faas events send TYPE --data '{{}}'{target.flags}",
    )


def _row(each: dict[str, Any]) -> list[str]:
    sources = each["sources"]
    more = f" and {len(sources) - _SOURCES} more" if len(sources) > _SOURCES else ""
    return [
        each["type"],
        str(each["stored"]),
        str(each["received"]),
        f"{age(each['lastTime'])} ago" if each["lastTime"] else "",
        ", ".join(sources[:_SOURCES]) + more,
        _wanted(each),
    ]


def _wanted(each: dict[str, Any]) -> str:
    names = [*each["wantedBy"], *(f"({name})" for name in each["mayWant"])]
    return ", ".join(names) or click.style("nobody", fg="yellow")
