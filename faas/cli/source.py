"""`faas source`: what brings events from the outside, and how it fares."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from faas.cli.conditions import condition_line, conditions_of, readiness, ready_of
from faas.cli.connection import with_client
from faas.cli.errors import CommandError
from faas.cli.eventing.options import wide_option
from faas.cli.eventing.report import UNKNOWN, count_text, with_observed
from faas.cli.eventing.rows import source_word, summary_of
from faas.cli.options import all_namespaces_option, namespace_option, output_option, target_option
from faas.cli.output import (
    age,
    first_line,
    key_of,
    note_hidden,
    print_data,
    print_facts,
    print_listing,
    print_objects,
    print_section,
)
from faas.cli.trigger import destination_text
from faas.resources.keys import SOURCE_URL

if TYPE_CHECKING:
    from faas.client.http.client import HttpClient
    from faas.client.places.targets import Target
    from faas.client.protocol import Object

Facts = Mapping[str, Any] | None
_TICKS = 3


@click.group(short_help="Sources: what brings events from the outside.")
def command() -> None:
    """A source turns what happens outside (messages, files, schedules) into events.

    \b
    Examples:
      faas source list
      faas source describe on-reading-mqtt
    """


@command.command("list", short_help="List sources.")
@namespace_option
@all_namespaces_option
@wide_option
@target_option
def list_(namespace: str, all_namespaces: bool, output: str | None, target: Target) -> None:
    """List sources of every kind with their state. Events are counted since a source started.

    \b
    Examples:
      faas source list
      faas source list -A -o wide
    """
    where = "" if all_namespaces else namespace
    sources, report = with_client(target, lambda client: read_sources(client, where))
    facts = _by_resource(report)
    if output in ("json", "yaml"):
        print_objects([with_observed(source, facts.get(_identity(source))) for source in sources], output)
        return
    heads = ["name", "kind", "sink", "state", "events", "restarts", "ready", "age"]
    if output == "wide":
        heads = [*heads, "what", "last error"]

    def row_of(source: Object) -> list[str]:
        return _row(source, facts.get(_identity(source)), wide=output == "wide")

    hint = "decorators make them: @function.schedule, @function.mqtt, @function.bucket …"
    print_listing(sources, heads, row_of, namespace=where, what="source", hint=hint)


@command.command("describe", short_help="Show a source.")
@click.argument("name")
@namespace_option
@output_option
@target_option
def describe(name: str, namespace: str, output: str | None, target: Target) -> None:
    """Show source NAME, of whichever kind: where its events go, its state, a schedule's next times.

    \b
    Examples:
      faas source describe on-reading-mqtt
      faas source describe nightly-schedule -o yaml
    """

    sources, report = with_client(target, lambda client: read_sources(client, namespace))
    found = [source for source in sources if source["metadata"]["name"] == name]
    if not found:
        raise _missing(name, namespace, sources, target.flags)
    facts = _by_resource(report)
    if output:
        shown = [with_observed(source, facts.get(_identity(source))) for source in found]
        print_data(shown[0] if len(shown) == 1 else shown, output)
        return
    for number, source in enumerate(found):
        if number:
            click.echo()
        print_facts(_facts(source, facts.get(_identity(source)), known=report is not None))
        print_section("Next times", next_ticks(source["spec"], datetime.now(UTC)))
        print_section("Conditions", [condition_line(each) for each in conditions_of(source)])


async def read_sources(client: HttpClient, namespace: str) -> tuple[list[Object], Object | None]:
    """The objects of every source kind that this API server has, by name; and what the engine says of them.

    Kinds that the user may not list are named and left out.
    """
    from faas.client.services.eventing import EventingClient
    from faas.client.visible import list_visible
    from faas.resources.kinds import SOURCES, Kind

    hidden: set[Kind] = set()
    async with asyncio.TaskGroup() as tasks:
        reading = [tasks.create_task(list_visible(client, kind, namespace, hidden)) for kind in SOURCES]
        report = tasks.create_task(EventingClient(client, namespace).report())
    note_hidden(hidden, namespace)
    found = [source for task in reading for source in task.result() if not _is_part(source)]
    return sorted(found, key=lambda source: (*key_of(source), source["kind"])), report.result()


def _is_part(source: Object) -> bool:
    """Whether another source has made it for itself: in a cluster a ContainerSource has a SinkBinding."""
    owners = source["metadata"].get("ownerReferences") or ()
    return any(owner.get("controller") and str(owner["apiVersion"]).startswith("sources.") for owner in owners)


def next_ticks(spec: Mapping[str, Any], now: datetime, count: int = _TICKS) -> list[str]:
    """When a schedule is due next, in its time zone; [] of what has none."""
    if not spec.get("schedule"):
        return []
    from faas.resources.schedules import Schedule, ScheduleError

    try:
        schedule = Schedule(str(spec["schedule"]), spec.get("timezone") or "")
    except ScheduleError as error:
        return [f"never: {error}"]
    ticks: list[str] = []
    while len(ticks) < count and (due := schedule.next_after(now)) is not None:
        ticks.append(due.astimezone(schedule.zone).isoformat(sep=" ", timespec="seconds"))
        now = due
    return ticks or ["never: there is no such day"]


def _missing(name: str, namespace: str, sources: list[Object], flags: str) -> CommandError:
    from difflib import get_close_matches

    names = sorted({source["metadata"]["name"] for source in sources})
    close = get_close_matches(name, names, n=1, cutoff=0.5)
    hint = f"Did you mean {close[0]!r}?" if close else f"There are: {', '.join(names)}" if names else ""
    return CommandError(
        f"there is no source {name!r} in namespace {namespace}", hint or f"See:  faas source list -A{flags}"
    )


def _by_resource(report: Object | None) -> dict[tuple[str, str, str], Mapping[str, Any]]:
    entries = (report or {}).get("sources", ())
    return {(entry["resource"], entry["namespace"], entry["name"]): entry for entry in entries}


def _identity(source: Object) -> tuple[str, str, str]:
    from faas.resources.kinds import SOURCES

    resource = next(str(kind) for kind in SOURCES if kind.kind == source["kind"])
    return (resource, *key_of(source))


def _row(source: Object, facts: Facts, *, wide: bool) -> list[str]:
    metadata = source["metadata"]
    row = [
        metadata["name"],
        _kind(source),
        destination_text((source.get("spec") or {}).get("sink") or {}),
        str((facts or {}).get("state") or UNKNOWN),
        count_text(facts, "events"),
        count_text(facts, "restarts"),
        readiness(source),
        age(metadata.get("creationTimestamp", "")),
    ]
    return [*row, summary_of(source), _trouble(facts)] if wide else row


def _kind(source: Object) -> str:
    """The adapter says more than ContainerSource does."""
    kind = str(source["kind"])
    return f"{kind} ({source_word(source)})" if kind == "ContainerSource" else kind


def _trouble(facts: Facts) -> str:
    if facts is None or facts.get("state") == "running":
        return ""
    return first_line(str(facts.get("message") or facts.get("reason") or ""))


def _facts(source: Object, facts: Facts, *, known: bool) -> list[tuple[str, str]]:
    metadata, status, condition = source["metadata"], source.get("status") or {}, ready_of(source)
    extensions = ((source["spec"].get("ceOverrides") or {}).get("extensions") or {}).items()
    types = sorted({str(each.get("type", "")) for each in status.get("ceAttributes") or ()})
    shown = [
        ("Name", metadata["name"]),
        ("Namespace", metadata["namespace"]),
        ("Kind", _kind(source)),
        ("Age", age(metadata.get("creationTimestamp", ""))),
        ("What", summary_of(source)),
        ("Sink", destination_text(source["spec"].get("sink") or {})),
        ("Sink URL", str(status.get("sinkUri") or "")),
        ("Called at", str((status.get("annotations") or {}).get(SOURCE_URL) or "")),
        ("Event types", ", ".join(types)),
        ("Extensions", ", ".join(f"{name}={value}" for name, value in sorted(extensions))),
        ("Ready", readiness(source)),
        ("Message", condition.get("message", "")),
    ]
    if facts is None:
        return [*shown, ("State", "not running" if known else "a cluster says no more than Ready")]
    return [
        *shown,
        ("State", str(facts.get("state") or "not started")),
        ("Reason", " ".join(text for text in (facts.get("reason"), facts.get("message")) if text)),
        ("Events", f"{facts['events']} since it started" if "events" in facts else ""),
        ("Restarts", str(facts["restarts"]) if facts.get("restarts") else ""),
        ("Instances", str(facts["replicas"]) if facts.get("replicas", 1) != 1 else ""),
    ]
