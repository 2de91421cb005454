"""`faas events`: send events, watch them, see their types, deliver stored ones again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from faas.cli.eventing.options import broker_option, parse_moment
from faas.cli.options import dry_run_option, namespace_option, output_option, target_option

if TYPE_CHECKING:
    from faas.client.places.targets import Target


@click.group(short_help="Send events, watch them, deliver them again.")
def command() -> None:
    """Send events to a Broker, watch what is stored, and deliver stored events once more.

    \b
    Examples:
      faas events send com.acme.order.created --data '{"id": 7}'
      faas events tail --type 'com.acme.*'
      faas events types
      faas events replay --trigger on-order --since 10m
    """


@command.command("send", short_help="Send an event.")
@click.argument("type", required=False)
@click.option("--data", "-d", metavar="JSON|@FILE|-", help="The data; @FILE reads a file, - standard input.")
@click.option("--source", metavar="URI", default="faas://cli", show_default=True, help="Where it comes from.")
@click.option("--subject", metavar="TEXT", help="What it is about.")
@click.option("--id", "event_id", metavar="TEXT", help="Its id; a random one if not given.")
@click.option("--ext", "extensions", metavar="NAME=VALUE", multiple=True, help="An extension attribute.")
@click.option("--content-type", metavar="TYPE", help="Of the data; JSON and text are recognised.")
@click.option("--file", "-f", "file", metavar="FILE|-", help="Whole events: a JSON object, or an array of them.")
@click.option("--count", type=click.IntRange(1), metavar="N", help="Send it N times, each with an id of its own.")
@click.option("--rate", type=click.FloatRange(0, min_open=True), metavar="N", help="So many in a second.")
@broker_option
@namespace_option
@output_option
@target_option
def send(
    type: str | None,
    data: str | None,
    source: str,
    subject: str | None,
    event_id: str | None,
    extensions: tuple[str, ...],
    content_type: str | None,
    file: str | None,
    count: int | None,
    rate: float | None,
    broker: str,
    namespace: str,
    output: str | None,
    target: Target,
) -> None:
    """Send an event of TYPE to a Broker; returns when it is stored.

    \b
    Examples:
      faas events send com.acme.order.created --data '{"id": 7}' --subject eu/7
      faas events send reading --data @reading.json --ext device=kitchen
      faas events send --file events.json
      faas events send com.acme.tick --count 1000 --rate 50
    """
    from faas.cli.eventing import send as sending

    attributes = {"source": source, "subject": subject, "id": event_id}
    given = {name: value for name, value in attributes.items() if value is not None}
    given |= dict(sending.parse_extension(text) for text in extensions)
    if file is not None:
        if any((type, data, subject, event_id, extensions, content_type, count, rate)):
            raise click.UsageError("--file has whole events: leave out TYPE, and the options that make one")
        sending.send_file(target, namespace, broker, file, output)
        return
    if type is None:
        raise click.UsageError("which event? Name its TYPE, or give a --file")
    if count is not None and event_id is not None:
        raise click.UsageError("--count sends events with ids of their own; leave --id out")
    document = {**given, "type": type, **sending.read_data(data, content_type)}
    if count is None and rate is None:
        sending.send_one(target, namespace, broker, document, output)
    else:
        sending.send_many(target, namespace, broker, document, sending.Pace(count, rate), output)


@command.command("tail", short_help="Watch events as they are stored.")
@click.option("--type", "type", metavar="GLOB", help="Only of these types: com.acme.*")
@click.option("--source", metavar="GLOB", help="Only from these sources.")
@click.option("--subject", metavar="GLOB", help="Only about these subjects.")
@click.option("--sql", metavar="EXPR", help="Only those for which this CESQL expression is true.")
@click.option("--since", metavar="TIME", help="Begin with what was stored since: 10m, 2026-11-23T12:00:00Z.")
@click.option("--all", "everything", is_flag=True, help="Begin with the oldest event that is kept.")
@click.option("--limit", type=click.IntRange(1), metavar="N", help="End after N events.")
@click.option("--follow/--no-follow", "-f", default=True, show_default=True, help="Go on with what comes.")
@click.option("--image", metavar="REF", default="", help="On a cluster: our programs' image, if none runs there yet.")
@click.option("--output", "-o", type=click.Choice(("json",)), help="A complete CloudEvent a line.")
@broker_option
@namespace_option
@target_option
def tail(
    type: str | None,
    source: str | None,
    subject: str | None,
    sql: str | None,
    since: str | None,
    everything: bool,
    limit: int | None,
    follow: bool,
    image: str,
    output: str | None,
    broker: str,
    namespace: str,
    target: Target,
) -> None:
    """Print a Broker's events as they are stored, also while the engine restarts; Ctrl-C ends it.

    On a cluster a temporary Service and Trigger collect them, from now on; both are removed at the end.

    \b
    Examples:
      faas events tail
      faas events tail --type 'com.acme.*' --since 10m
      faas events tail --sql "amount > 100 AND subject LIKE 'eu/%'"
      faas events tail --all --no-follow -o json | jq .data
    """
    from faas.cli.eventing.tail import tail as show
    from faas.cli.eventing.wish import Wish

    if everything and since is not None:
        raise click.UsageError("--all begins before any --since; use one of them")
    begin = parse_moment(since, "--since") if since is not None else None
    if everything or (begin is None and not follow):
        begin = "1970-01-01T00:00:00Z"
    filters = {"type": type, "source": source, "subject": subject, "sql": sql}
    wish = Wish(broker, filters, begin, follow, limit, image)
    show(target, namespace, wish, as_json=output == "json")


@command.command("types", short_help="List the types of events that were seen.")
@broker_option
@namespace_option
@output_option
@target_option
def types(broker: str, namespace: str, output: str | None, target: Target) -> None:
    """List the types of a Broker's events, and the triggers that want them.

    A trigger in brackets names the type, but its filters did not pass the newest such event.

    \b
    Examples:
      faas events types
      faas events types --broker orders -o json
    """
    from faas.cli.eventing.types import show

    show(target, namespace, broker, output)


@command.command("replay", short_help="Deliver stored events once more.")
@click.option("--trigger", metavar="NAME", required=True, help="Who gets them.")
@click.option("--since", metavar="TIME", required=True, help="Stored since: 10m, 2026-11-23T12:00:00Z.")
@click.option("--until", metavar="TIME", help="Stored before; now if not given.")
@namespace_option
@dry_run_option
@output_option
@target_option
def replay(
    trigger: str,
    since: str,
    until: str | None,
    namespace: str,
    dry_run: bool,
    output: str | None,
    target: Target,
) -> int:
    """Deliver events that are still stored once more to one trigger, beside the events that come.

    Its filters, retries and order apply. What fails again is counted and becomes no dead letter; the exit code is 1.

    \b
    Examples:
      faas events replay --trigger on-order --since 10m --dry-run
      faas events replay --trigger on-order --since 2026-11-23T12:00:00Z --until 2026-11-23T13:00:00Z
    """
    from faas.cli.eventing import replay as replaying

    span = (parse_moment(since, "--since"), parse_moment(until, "--until") if until else "")
    return replaying.replay(target, namespace, trigger, span, dry_run=dry_run, output=output)
