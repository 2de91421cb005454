"""The types of a cluster's events: those that its EventTypes name, and the triggers whose filters may want them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from faas.cli.connection import with_client
from faas.cli.output import print_data, print_table
from faas.cli.required import require

if TYPE_CHECKING:
    from faas.client.http.client import HttpClient
    from faas.client.places.targets import Target
    from faas.client.protocol import Object

Row = dict[str, Any]


def show(target: Target, namespace: str, broker: str, output: str | None) -> None:
    """Raises: CommandError: there is no such Broker."""

    async def work(client: HttpClient) -> list[Row]:
        from faas.resources.kinds import BROKER, TRIGGER

        await require(client, BROKER, broker, namespace)
        triggers = (await client.list(TRIGGER, namespace)).items
        return rows_of(await _event_types(client, namespace), triggers, broker)

    found = with_client(target, work)
    if output:
        print_data(found, output)
        return
    print_table(
        ["type", "source", "wanted by"],
        [[row["type"], ", ".join(row["sources"]), ", ".join(row["wantedBy"])] for row in found],
        empty=f"no EventType tells of Broker {broker}, and no trigger names a type; "
        f"see what comes:  faas events tail{target.flags}",
    )


async def _event_types(client: HttpClient, namespace: str) -> list[Object]:
    """In whichever version the cluster has them; none where it has none, or where they may not be seen."""
    from faas.client.errors import Forbidden, NotFound
    from faas.resources.kinds import EVENT_TYPE, EVENT_TYPE_V1BETA1, EVENT_TYPE_V1BETA2

    for kind in (EVENT_TYPE, EVENT_TYPE_V1BETA2, EVENT_TYPE_V1BETA1):
        try:
            return (await client.list(kind, namespace)).items
        except NotFound:
            continue
        except Forbidden:
            break
    return []


def rows_of(event_types: list[Object], triggers: list[Object], broker: str) -> list[Row]:
    """By type: `sources`, and the triggers that name it exactly; those that name others by pattern are not told."""
    rows: dict[str, Row] = {}
    for each in event_types:
        type, source, about = _facts(each["spec"])
        if about in ("", broker) and type:
            row = rows.setdefault(type, {"type": type, "sources": [], "wantedBy": []})
            row["sources"] += [source] if source and source not in row["sources"] else []
    for trigger in triggers:
        spec = trigger["spec"]
        if (spec.get("broker") or (spec.get("brokerRef") or {}).get("name")) != broker:
            continue
        for type in _exact_types(spec):
            row = rows.setdefault(type, {"type": type, "sources": [], "wantedBy": []})
            row["wantedBy"].append(trigger["metadata"]["name"])
    return [rows[type] for type in sorted(rows)]


def _facts(spec: Object) -> tuple[str, str, str]:
    """Type, source, and the Broker that an EventType is about; v1beta3 has attributes where older ones had fields."""
    attributes = {each["name"]: each.get("value", "") for each in spec.get("attributes") or ()}
    reference = spec.get("reference") or {}
    about = reference.get("name", "") if reference.get("kind") == "Broker" else spec.get("broker", "")
    return spec.get("type") or attributes.get("type", ""), spec.get("source") or attributes.get("source", ""), about


def _exact_types(spec: Object) -> list[str]:
    named = [(spec.get("filter") or {}).get("attributes") or {}]
    named += [each.get("exact") or {} for each in spec.get("filters") or ()]
    return [each["type"] for each in named if each.get("type")]
