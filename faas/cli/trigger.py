"""`faas trigger`: who gets which events, and how far the deliveries are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from faas.cli.broker import broker_of
from faas.cli.conditions import condition_line, conditions_of, readiness, ready_of
from faas.cli.connection import with_client
from faas.cli.eventing.filter_words import filter_words
from faas.cli.eventing.options import wide_option
from faas.cli.eventing.report import by_key, count_text, with_observed
from faas.cli.options import all_namespaces_option, namespace_option, output_option, target_option
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
from faas.cli.texts import reason_text, span_text

if TYPE_CHECKING:
    from faas.client.http.client import HttpClient
    from faas.client.places.targets import Target
    from faas.client.protocol import Object

Facts = Mapping[str, Any] | None


@click.group(short_help="Triggers: who gets which events.")
def command() -> None:
    """A trigger delivers the events of a Broker that pass its filters to a function.

    \b
    Examples:
      faas trigger list
      faas trigger describe on-order
    """


@command.command("list", short_help="List triggers.")
@namespace_option
@all_namespaces_option
@wide_option
@target_option
def list_(namespace: str, all_namespaces: bool, output: str | None, target: Target) -> None:
    """List triggers with what they want and how far they are. Counts are since the broker started.

    \b
    Examples:
      faas trigger list
      faas trigger list -o wide
    """
    from faas.resources.kinds import TRIGGER

    where = "" if all_namespaces else namespace

    async def work(client: HttpClient) -> tuple[list[Object], Object | None]:
        from faas.client.services.eventing import EventingClient

        found = (await client.list(TRIGGER, where)).items
        return sorted_objects(found), await EventingClient(client, where).report()

    triggers, report = with_client(target, work)
    facts = by_key((report or {}).get("triggers", ()))
    if output in ("json", "yaml"):
        print_objects([with_observed(trigger, facts.get(key_of(trigger))) for trigger in triggers], output)
        return
    heads = ["name", "broker", "filter", "subscriber", "backlog", "delivered", "dead", "ready", "age"]
    if output == "wide":
        heads = [*heads, "behind", "in flight", "retrying", "failed", "last error"]

    def row_of(trigger: Object) -> list[str]:
        return _row(trigger, facts.get(key_of(trigger)), wide=output == "wide")

    hint = "a function gets events with @function.event(type=…)"
    print_listing(triggers, heads, row_of, namespace=where, what="trigger", hint=hint)


@command.command("describe", short_help="Show a trigger.")
@click.argument("name")
@namespace_option
@output_option
@target_option
def describe(name: str, namespace: str, output: str | None, target: Target) -> None:
    """Show trigger NAME: filters, subscriber, delivery options as they apply, and how far it is.

    \b
    Examples:
      faas trigger describe on-order
      faas trigger describe on-order -o json
    """
    from faas.resources.kinds import TRIGGER

    async def work(client: HttpClient) -> tuple[Object, Object | None]:
        from faas.client.services.eventing import EventingClient

        return await require(client, TRIGGER, name, namespace), await EventingClient(client, namespace).report()

    trigger, report = with_client(target, work)
    facts = by_key((report or {}).get("triggers", ())).get(key_of(trigger))
    if output:
        print_data(with_observed(trigger, facts), output)
        return
    print_facts(_facts(trigger))
    print_section("Delivery", _delivery(trigger, facts, target.flags))
    if facts is None:
        print_section("Progress", ["not known" if report is not None else "a cluster does not count it"])
    else:
        print_section("Progress", _progress(facts))
    print_section("Conditions", [condition_line(each) for each in conditions_of(trigger)])


def _row(trigger: Object, facts: Facts, *, wide: bool) -> list[str]:
    metadata = trigger["metadata"]
    row = [
        metadata["name"],
        broker_of(trigger),
        _cut(filter_words(trigger), wide=wide),
        subscriber_text(trigger),
        count_text(facts, "backlog"),
        count_text(facts, "delivered"),
        count_text(facts, "dead"),
        readiness(trigger),
        age(metadata.get("creationTimestamp", "")),
    ]
    if wide:
        row += [count_text(facts, name) for name in ("behind", "inFlight", "retrying", "failed")]
        row.append(reason_text(str((facts or {}).get("lastError") or "")))
    return row


def _cut(text: str, *, wide: bool) -> str:
    return text if wide or len(text) <= 48 else f"{text[:47]}…"


def subscriber_text(trigger: Object) -> str:
    """`Service hello /path`, or a URL."""
    subscriber = (trigger.get("spec") or {}).get("subscriber") or {}
    return destination_text(subscriber)


def destination_text(destination: Mapping[str, Any]) -> str:
    reference, uri = destination.get("ref") or {}, str(destination.get("uri") or "")
    if not reference:
        return uri
    name = str(reference.get("name") or "")
    named = name if reference.get("kind") == "Service" else f"{reference.get('kind')} {name}"
    return f"{named} {uri}".strip()


def _facts(trigger: Object) -> list[tuple[str, str]]:
    from faas.resources import keys

    metadata, status, condition = trigger["metadata"], trigger.get("status") or {}, ready_of(trigger)
    annotations = metadata.get("annotations") or {}
    return [
        ("Name", metadata["name"]),
        ("Namespace", metadata["namespace"]),
        ("Age", age(metadata.get("creationTimestamp", ""))),
        ("Broker", broker_of(trigger)),
        ("Filter", filter_words(trigger)),
        ("Subscriber", subscriber_text(trigger)),
        ("URL", str(status.get("subscriberUri") or "")),
        ("Ready", readiness(trigger)),
        ("Message", condition.get("message", "")),
        ("Ordered by", annotations.get(keys.ORDERED_BY, "")),
        ("Parallelism", annotations.get(keys.PARALLELISM, "")),
    ]


def _delivery(trigger: Object, facts: Facts, flags: str) -> list[str]:
    """As the engine has resolved it; else as the Trigger says it."""
    resolved = (facts or {}).get("delivery")
    if resolved is None:
        return _said_delivery(trigger)
    attempts = resolved["attempts"]
    lines = ["one attempt, no retries"] if attempts == 1 else [_attempts(resolved)]
    if resolved["timeoutSeconds"] is not None:
        lines.append(f"{span_text(resolved['timeoutSeconds'])} for an attempt")
    if resolved["retryAfterMaxSeconds"] is not None:
        longest = resolved["retryAfterMaxSeconds"]
        lines.append(f"Retry-After is honoured up to {span_text(longest)}" if longest else "Retry-After is ignored")
    if resolved["deadLetterSink"]:
        lines.append(f"then to {resolved['deadLetterSink']}")
    else:
        stream = (
            f"dead-letter stream {resolved['deadLetterStream']}" if resolved["deadLetterStream"] else "dead letters"
        )
        lines.append(f"then to the Broker's {stream}: faas dlq list{flags}")
    if facts and facts.get("orderedBy"):
        lines.append(f"events of one {facts['orderedBy']} one after another")
    return lines


def _attempts(resolved: Mapping[str, Any]) -> str:
    delay, policy = resolved["backoffDelaySeconds"], resolved["backoffPolicy"]
    waits = f"{policy} backoff from {span_text(delay)}" if delay else "at once"
    return f"up to {resolved['attempts']} attempts, {waits}"


def _said_delivery(trigger: Object) -> list[str]:
    said = (trigger.get("spec") or {}).get("delivery") or {}
    if not said:
        return ["as its Broker says"]
    lines = [f"{name}: {value}" for name, value in said.items() if name != "deadLetterSink"]
    sink = said.get("deadLetterSink")
    return [*lines, f"then to {destination_text(sink)}"] if sink else lines


def _progress(facts: Mapping[str, Any]) -> list[str]:
    held = ["held: its events wait; its conditions say for what"] if facts["held"] else []
    if "backlog" not in facts:
        return held or ["it has not begun yet"]
    lines = [
        *held,
        f"{facts['backlog']} events wait, {facts['inFlight']} in flight, {facts['retrying']} wait for a retry",
        f"{facts['delivered']} delivered, {facts['failed']} attempts failed, {facts['dead']} dead (since it started)",
    ]
    if facts["behind"]:
        lines.append(f"{facts['behind']} positions of the log are not read yet")
    if facts["lastError"]:
        lines.append(f"last error: {reason_text(facts['lastError'])}")
    return lines
