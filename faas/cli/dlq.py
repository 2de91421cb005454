"""`faas dlq`: events that could not be delivered."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from faas.cli.errors import CommandError
from faas.cli.eventing.letters import HEADS, Letter, print_letter, row, troubles_of
from faas.cli.eventing.options import broker_option, parse_moment
from faas.cli.eventing.session import Letters, with_letters
from faas.cli.options import dry_run_option, namespace_option, output_option, target_option, yes_option
from faas.cli.output import note, print_data, print_table
from faas.cli.texts import counted

if TYPE_CHECKING:
    from faas.client.places.targets import Target

F = TypeVar("F", bound=Callable[..., Any])


@click.group(short_help="Dead letters: events that could not be delivered.")
def command() -> None:
    """An event that a trigger could not deliver is kept as a dead letter of its Broker until you deal with it.

    \b
    Examples:
      faas dlq list
      faas dlq show 12
      faas dlq replay --trigger on-order
      faas dlq purge --older-than 168h
    """


def stream_option(function: F) -> F:
    return click.option(
        "--stream", metavar="NAME", help="Only of this named stream; '' is the Broker's own."
    )(function)  # fmt: skip


@command.command("list", short_help="List dead letters.")
@click.option("--trigger", metavar="NAME", help="Only what failed for this trigger.")
@click.option("--type", "type", metavar="TYPE", help="Only events of this type.")
@click.option("--limit", type=click.IntRange(1), default=50, show_default=True, metavar="N", help="The newest N.")
@stream_option
@broker_option
@namespace_option
@output_option
@target_option
def list_(
    trigger: str | None,
    type: str | None,
    limit: int,
    stream: str | None,
    broker: str,
    namespace: str,
    output: str | None,
    target: Target,
) -> None:
    """List a Broker's dead letters, oldest first. A cluster's store says too when it cannot take any.

    \b
    Examples:
      faas dlq list
      faas dlq list --trigger on-order -o json
    """
    head, letters = _read(target, namespace, broker, limit=limit, stream=stream, trigger=trigger, type=type)
    for trouble in troubles_of(head, namespace, target.flags):
        note(f"warning: {trouble}")
    if output:
        print_data(letters, output)
        return
    heads, rows = list(HEADS), [row(letter) for letter in letters]
    if any(letter["stream"] for letter in letters):
        heads.append("stream")
        rows = [[*cells, letter["stream"]] for cells, letter in zip(rows, letters, strict=True)]
    print_table(heads, rows, empty=_none(broker, stream or trigger or type))
    if (older := head["total"] - len(letters)) > 0:
        note(f"… and {older} older ones; --limit shows more")


@command.command("show", short_help="Show a dead letter.")
@click.argument("which", metavar="SEQ|ID")
@stream_option
@broker_option
@namespace_option
@output_option
@target_option
def show(which: str, stream: str | None, broker: str, namespace: str, output: str | None, target: Target) -> None:
    """Show a dead letter, by its number in the list or its event's id: the whole event, and why it failed.

    \b
    Examples:
      faas dlq show 12
      faas dlq show 6f1c2e0a -o json
    """
    letters: list[Letter] = []
    if which.isascii() and which.isdigit():
        letters = _read(target, namespace, broker, limit=10, stream=stream, sequences=[int(which)])[1]
    letters = letters or _read(target, namespace, broker, limit=10, stream=stream, id=which)[1]
    if not letters:
        raise CommandError(
            f"Broker {broker} has no dead letter {which}", f"See which there are:  faas dlq list{target.flags}"
        )
    if output:
        print_data(letters[0] if len(letters) == 1 else letters, output)
        return
    for number, letter in enumerate(letters):
        if number:
            click.echo()
        print_letter(letter, target.flags)


@command.command("replay", short_help="Deliver dead letters once more.")
@click.argument("sequences", metavar="[SEQ...]", nargs=-1, type=click.IntRange(1))
@click.option("--all", "everything", is_flag=True, help="All of them.")
@click.option("--trigger", metavar="NAME", help="All that failed for this trigger.")
@click.option("--type", "type", metavar="TYPE", help="All events of this type.")
@click.option(
    "--to-broker", is_flag=True, help="Send them to their Broker instead, for all its triggers; in a cluster."
)
@stream_option
@broker_option
@namespace_option
@dry_run_option
@output_option
@target_option
def replay(
    sequences: tuple[int, ...],
    everything: bool,
    trigger: str | None,
    type: str | None,
    to_broker: bool,
    stream: str | None,
    broker: str,
    namespace: str,
    dry_run: bool,
    output: str | None,
    target: Target,
) -> int:
    """Deliver dead letters once more, each to the trigger it failed for; those that succeed are gone from the list.

    The exit code is 1 when some failed again.

    \b
    Examples:
      faas dlq replay 12 13
      faas dlq replay --trigger on-order --dry-run
      faas dlq replay --all
    """
    from faas.cli.eventing.replay import last, tell, told_to_go_on

    _check_choice("replay", sequences, everything, stream, trigger, type)
    if to_broker and target.is_local:
        raise click.UsageError(
            "--to-broker is for a cluster; the engine delivers a letter to the trigger it failed for"
        )
    chosen = {"sequences": list(sequences), "trigger": trigger, "type": type, "stream": stream}
    total = _count(target, namespace, broker, **chosen)
    if sequences and total < len(set(sequences)):
        raise CommandError(
            f"Broker {broker} does not have all of these dead letters", f"See:  faas dlq list{target.flags}"
        )
    if dry_run:
        click.echo(f"{counted(total, 'dead letter')} would be delivered once more")
        return 0
    if total:
        note(f"delivering {counted(total, 'dead letter')} …")

    async def work(letters: Letters) -> dict[str, Any]:
        return await last(letters.replay_dead_letters(broker, to_broker=to_broker, **chosen), target.flags)

    with told_to_go_on(f"faas dlq list{target.flags}"):
        done = with_letters(target, namespace, broker, work)
    return tell(done, output, nothing=_none(broker, not everything), flags=target.flags)


@command.command("purge", short_help="Forget dead letters.")
@click.argument("sequences", metavar="[SEQ...]", nargs=-1, type=click.IntRange(1))
@click.option("--all", "everything", is_flag=True, help="All of them.")
@click.option("--older-than", metavar="TIME", help="All that are older: 168h, 2026-11-23T12:00:00Z.")
@click.option("--trigger", metavar="NAME", help="All that failed for this trigger.")
@click.option("--type", "type", metavar="TYPE", help="All events of this type.")
@stream_option
@broker_option
@namespace_option
@yes_option
@dry_run_option
@target_option
def purge(
    sequences: tuple[int, ...],
    everything: bool,
    older_than: str | None,
    trigger: str | None,
    type: str | None,
    stream: str | None,
    broker: str,
    namespace: str,
    yes: bool,
    dry_run: bool,
    target: Target,
) -> None:
    """Forget dead letters for good: their events are lost.

    \b
    Examples:
      faas dlq purge 12
      faas dlq purge --older-than 168h --yes
      faas dlq purge --all
    """
    _check_choice("purge", sequences, everything, stream, trigger, type, older_than)
    until = parse_moment(older_than, "--older-than") if older_than else None
    chosen = {"sequences": list(sequences), "trigger": trigger, "type": type, "stream": stream, "untilTime": until}
    total = _count(target, namespace, broker, **chosen)
    if not total:
        click.echo(_none(broker, not everything))
        return
    if dry_run:
        click.echo(f"{counted(total, 'dead letter')} would be gone")
        return
    if not yes:
        click.confirm(f"Forget {counted(total, 'dead letter')} of Broker {broker}?", abort=True, err=True)

    async def work(letters: Letters) -> int:
        return await letters.purge_dead_letters(broker, **chosen)

    purged = with_letters(target, namespace, broker, work)
    click.echo(f"{counted(purged, 'dead letter')} gone")


def _check_choice(
    verb: str, sequences: tuple[int, ...], everything: bool, stream: str | None, *conditions: str | None
) -> None:
    """Nothing is done to all of them by accident. `--all` of a stream is all that is in it."""
    some = bool(sequences) or any(condition is not None for condition in conditions)
    if everything and some:
        raise click.UsageError("--all is every dead letter; leave it out to choose some")
    if not everything and not some and stream is None:
        raise click.UsageError(f"which ones? Name them by SEQ or an option, or {verb} --all")


def _none(broker: str, chosen: object) -> str:
    return f"Broker {broker} has no {'such dead letters' if chosen else 'dead letters'}"


def _count(target: Target, namespace: str, broker: str, **query: Any) -> int:
    return int(_read(target, namespace, broker, limit=1, **query)[0]["total"])


def _read(
    target: Target, namespace: str, broker: str, *, limit: int, **query: Any
) -> tuple[dict[str, Any], list[Letter]]:
    """What is said of all of them, `total` at least, and the newest `limit`."""

    async def work(letters: Letters) -> tuple[dict[str, Any], list[Letter]]:
        head, *found = [line async for line in letters.dead_letters(broker, limit=limit, **query)]
        return head, found

    return with_letters(target, namespace, broker, work)
