"""`faas broker`: where events are sent to and kept."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from faas.cli.conditions import condition_line, conditions_of, readiness, ready_of
from faas.cli.connection import with_client
from faas.cli.eventing.options import DEFAULT_BROKER, wide_option
from faas.cli.eventing.report import UNKNOWN, by_key, count_text, with_observed
from faas.cli.options import all_namespaces_option, namespace_option, output_option, target_option, yes_option
from faas.cli.output import (
    age,
    key_of,
    print_data,
    print_facts,
    print_listing,
    print_objects,
    print_section,
    sorted_objects,
)
from faas.cli.required import require
from faas.cli.texts import size_text, span_text

if TYPE_CHECKING:
    from faas.client.http.client import HttpClient
    from faas.client.places.targets import Target
    from faas.client.protocol import Object

Facts = Mapping[str, Any] | None
_CLASS = "MTChannelBasedBroker"


@click.group(short_help="Brokers: where events are sent to and kept.")
def command() -> None:
    """A Broker takes events, keeps them, and delivers each to the triggers that want it.

    \b
    Examples:
      faas broker list
      faas broker describe default
      faas broker create orders --retention 72h
    """


@command.command("list", short_help="List Brokers.")
@namespace_option
@all_namespaces_option
@wide_option
@target_option
def list_(namespace: str, all_namespaces: bool, output: str | None, target: Target) -> None:
    """List Brokers with what they keep.

    \b
    Examples:
      faas broker list
      faas broker list -A -o wide
    """
    from faas.resources.kinds import BROKER, TRIGGER

    where = "" if all_namespaces else namespace

    async def work(client: HttpClient) -> tuple[list[Object], list[Object], Object | None]:
        from faas.client.services.eventing import EventingClient

        brokers = (await client.list(BROKER, where)).items
        triggers = (await client.list(TRIGGER, where)).items
        return sorted_objects(brokers), list(triggers), await EventingClient(client, where).report()

    brokers, triggers, report = with_client(target, work)
    facts = by_key((report or {}).get("brokers", ()))
    if output in ("json", "yaml"):
        print_objects([with_observed(broker, facts.get(key_of(broker))) for broker in brokers], output)
        return
    heads = ["name", "events", "size", "dead letters", "triggers", "ready", "age"]
    if output == "wide":
        heads = [*heads, "url", "held by"]

    def row_of(broker: Object) -> list[str]:
        return _row(broker, facts.get(key_of(broker)), triggers, wide=output == "wide")

    print_listing(
        brokers, heads, row_of, namespace=where, what="Broker", hint=f"make one:  faas broker create{target.flags}"
    )


@command.command("describe", short_help="Show a Broker.")
@click.argument("name", default=DEFAULT_BROKER)
@namespace_option
@output_option
@target_option
def describe(name: str, namespace: str, output: str | None, target: Target) -> None:
    """Show Broker NAME: its address, what it keeps and for how long, its triggers.

    \b
    Examples:
      faas broker describe
      faas broker describe orders -o yaml
    """
    from faas.resources.kinds import BROKER, TRIGGER

    async def work(client: HttpClient) -> tuple[Object, list[Object], Object | None, dict[str, int] | None]:
        from faas.client.services.eventing import EventingClient

        broker = await require(client, BROKER, name, namespace)
        triggers = (await client.list(TRIGGER, namespace)).items
        eventing = EventingClient(client, namespace)
        return broker, list(triggers), await eventing.report(), await eventing.dead_letter_streams(name)

    broker, triggers, report, letters = with_client(target, work)
    facts = by_key((report or {}).get("brokers", ())).get(key_of(broker))
    if facts is not None and letters is not None:
        facts = {**facts, "dead": sum(letters.values()), "deadLetterStreams": letters}
    if output:
        print_data(with_observed(broker, facts), output)
        return
    print_facts(_facts(broker, facts, target.flags, known=report is not None))
    queues = by_key((report or {}).get("triggers", ()))
    ours = sorted_objects([trigger for trigger in triggers if broker_of(trigger) == name])
    print_section("Triggers", [_trigger(trigger, queues.get(key_of(trigger))) for trigger in ours])
    print_section("Conditions", [condition_line(each) for each in conditions_of(broker)])


@command.command("create", short_help="Make a Broker.")
@click.argument("name", default=DEFAULT_BROKER)
@click.option("--retention", metavar="TIME", help="How long delivered events are kept: 72h; a day if not given.")
@click.option("--max-bytes", metavar="SIZE", help="How large its log may get before events are refused: 4Gi.")
@namespace_option
@target_option
def create(name: str, retention: str | None, max_bytes: str | None, namespace: str, target: Target) -> None:
    """Make Broker NAME and wait until it takes events.

    \b
    Examples:
      faas broker create
      faas broker create orders --retention 72h --max-bytes 4Gi
    """
    from faas.resources import keys
    from faas.resources.kinds import BROKER

    wanted = {keys.EVENT_RETENTION: retention and _period(retention), keys.EVENT_MAX_BYTES: max_bytes}
    annotations = {key: value for key, value in wanted.items() if value is not None}
    broker = {
        "apiVersion": BROKER.api_version,
        "kind": BROKER.kind,
        "metadata": {"name": name, "namespace": namespace, "annotations": annotations},
    }
    url = with_client(target, lambda client: _create(client, broker, target.flags))
    send = f"faas events send TYPE --data '{{}}'{_broker_flag(name)}{target.flags}"
    click.echo(f"{name} is ready  {url}\nsend it an event:  {send}")


@command.command("delete", short_help="Delete a Broker and its events.")
@click.argument("name")
@namespace_option
@yes_option
@target_option
def delete(name: str, namespace: str, yes: bool, target: Target) -> None:
    """Delete Broker NAME with its events and dead letters; its triggers stay and wait for a Broker of that name.

    \b
    Examples:
      faas broker delete orders
    """
    from faas.resources.kinds import BROKER

    with_client(target, lambda client: require(client, BROKER, name, namespace))
    if not yes:
        click.confirm(f"Delete Broker {name} with its events and dead letters?", abort=True, err=True)
    with_client(target, lambda client: client.delete(BROKER, name, namespace))
    click.echo(f"{name} deleted")


def _period(text: str) -> str:
    """72h as ISO 8601 has it, and what is that already."""
    from faas.resources import durations, periods

    try:
        if not text.upper().startswith("P"):
            return f"PT{durations.parse(text):.0f}S"
        periods.parse_s(text)
    except (durations.DurationError, periods.PeriodError) as error:
        said = f"{text!r} is no time: 90m, 72h, or in ISO 8601 P3D"
        raise click.BadParameter(said, param_hint="--retention") from error
    return text


async def _create(client: HttpClient, broker: Object, flags: str) -> str:
    import asyncio

    from faas.cli.errors import CommandError
    from faas.client.errors import AlreadyExists
    from faas.resources.kinds import BROKER

    metadata = broker["metadata"]
    try:
        made = await client.create(BROKER, broker)
    except AlreadyExists as error:
        message = f"there is a Broker {metadata['name']!r} in namespace {metadata['namespace']} already"
        raise CommandError(message, f"See it:  faas broker describe {metadata['name']}{flags}") from error
    last = made
    try:
        async with asyncio.timeout(60):
            async for event in client.watch(
                BROKER, metadata["namespace"], field_selector=f"metadata.name={metadata['name']}"
            ):
                last = event.object
                if event.type in ("ADDED", "MODIFIED") and ready_of(last).get("status") == "True":
                    return _url(last)
    except TimeoutError:
        pass
    said = ready_of(last)
    why = f": {said['message']}" if said.get("message") else ""
    hint = f"See:  faas broker describe {metadata['name']}{flags}"
    raise CommandError(f"{metadata['name']} was made and is not ready after 60 s{why}", hint)


def broker_of(trigger: Object) -> str:
    """The name of a Trigger's Broker."""
    spec = trigger.get("spec") or {}
    return str(spec.get("broker") or (spec.get("brokerRef") or {}).get("name") or DEFAULT_BROKER)


def _row(broker: Object, facts: Facts, triggers: list[Object], *, wide: bool) -> list[str]:
    metadata = broker["metadata"]
    ours = [one for one in triggers if key_of(one)[0] == metadata["namespace"] and broker_of(one) == metadata["name"]]
    row = [
        metadata["name"],
        count_text(facts, "events"),
        size_text(facts["bytes"]) if facts and "bytes" in facts else UNKNOWN,
        count_text(facts, "dead"),
        str(len(ours)),
        readiness(broker),
        age(metadata.get("creationTimestamp", "")),
    ]
    return [*row, _url(broker), str((facts or {}).get("heldBy") or "")] if wide else row


def _facts(broker: Object, facts: Facts, flags: str, *, known: bool) -> list[tuple[str, str]]:
    from faas.resources import keys

    metadata, condition = broker["metadata"], ready_of(broker)
    shown = [
        ("Name", metadata["name"]),
        ("Namespace", metadata["namespace"]),
        ("Age", age(metadata.get("creationTimestamp", ""))),
        ("URL", _url(broker)),
        ("Class", (metadata.get("annotations") or {}).get(keys.BROKER_CLASS, _CLASS)),
        ("Ready", readiness(broker)),
        ("Message", condition.get("message", "")),
    ]
    if facts is None:
        unknown = "the engine has not said yet" if known else "a cluster does not count them"
        return [*shown, ("Events", unknown)]
    kept = f"{facts.get('events', UNKNOWN)} kept, {size_text(facts.get('bytes', 0))} of {size_text(facts['maxBytes'])}"
    held = f"the oldest event waits for trigger {facts['heldBy']}" if facts.get("heldBy") else ""
    return [
        *shown,
        ("Events", kept),
        ("Retention", f"{span_text(facts['retentionSeconds'])}, when they are delivered"),
        ("Largest event", size_text(facts["maxEventBytes"])),
        ("Held by", held),
        ("Dead letters", _dead_letters(facts, metadata["name"], flags)),
    ]


def _dead_letters(facts: Mapping[str, Any], broker: str, flags: str) -> str:
    if not facts.get("dead"):
        return "none"
    named = {stream: count for stream, count in facts.get("deadLetterStreams", {}).items() if stream}
    among = "".join(f", {count} of them in stream {stream}" for stream, count in sorted(named.items()))
    return f"{facts['dead']}{among}; see: faas dlq list{_broker_flag(broker)}{flags}"


def _trigger(trigger: Object, queue: Facts) -> str:
    ready = readiness(trigger)
    if queue is None or "backlog" not in queue:
        return f"{trigger['metadata']['name']}  {ready}"
    counts = f"{queue['backlog']} waiting, {queue['delivered']} delivered, {queue['dead']} dead"
    return f"{trigger['metadata']['name']}  {ready}  {counts}"


def _url(broker: Object) -> str:
    return str(((broker.get("status") or {}).get("address") or {}).get("url") or "")


def _broker_flag(name: str) -> str:
    return "" if name == DEFAULT_BROKER else f" --broker {name}"
