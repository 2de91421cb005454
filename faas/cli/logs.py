"""`faas logs`: what the instances of a function write, all of them in one stream."""

from __future__ import annotations

import json
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from faas.cli.connection import with_client
from faas.cli.options import namespace_option, target_option
from faas.cli.output import is_terminal, note
from faas.cli.terminal import harmless

if TYPE_CHECKING:
    from faas.client.http.client import HttpClient
    from faas.client.places.targets import Target

_COLOURS = ("cyan", "magenta", "yellow", "green", "blue", "bright_cyan", "bright_magenta", "bright_yellow")


@click.command(short_help="Print what a function's instances write.")
@click.argument("name")
@click.option("--follow", "-f", is_flag=True, help="Go on, also with instances that start later.")
@click.option("--since", metavar="TIME", help="Only what is younger: 30s, 5m, 1h.")
@click.option("--tail", type=click.IntRange(0), metavar="N", help="Only the last N lines of each instance.")
@click.option("--revision", metavar="REV", help="Only instances of this revision.")
@click.option("--container", "-c", metavar="NAME", default="",
              help="Another container than the function's own, as queue-proxy or a sidecar.")  # fmt: skip
@click.option("--previous", "-p", is_flag=True, help="What the container before wrote, which crashed.")
@click.option(
    "--output", "-o", type=click.Choice(("json",)), help="A JSON document a line, with its instance and time."
)
@namespace_option
@target_option
def command(
    name: str,
    follow: bool,
    since: str | None,
    tail: int | None,
    revision: str | None,
    container: str,
    previous: bool,
    output: str | None,
    namespace: str,
    target: Target,
) -> None:
    """Print the logs of all instances of function NAME, each line with its instance.

    The engine keeps those of the last instances that ended, too; a cluster has only what runs.

    \b
    Examples:
      faas logs hello -f
      faas logs hello --since 5m --tail 100
      faas logs hello --previous
      faas logs hello -o json | jq 'select(.record.request_id == "…")'
    """
    from faas.resources import durations

    if follow and previous:
        raise click.UsageError("--follow goes on with what runs, --previous shows what ran before; use one")
    try:
        since_s = None if since is None else max(1, int(durations.parse(since)))
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--since") from error
    query = _Query(name, namespace, revision or "", follow, tail, since_s, container, previous,
                   target.is_local, target.flags)  # fmt: skip
    # Of one container the engine keeps no history apart from the others'.
    has_history = target.is_local and not container and not previous
    with_client(target, lambda client: _read_all(client, query, _Printer(output == "json"), has_history=has_history))


@dataclass(frozen=True, slots=True)
class _Query:
    name: str
    namespace: str
    revision: str
    follow: bool
    tail: int | None
    since_s: int | None
    container: str
    previous: bool
    is_local: bool  # the engine of this machine
    flags: str  # of a command that means the same place

    @property
    def selector(self) -> str:
        from faas.resources import keys

        if self.revision:
            return f"{keys.REVISION_LABEL}={self.revision}"
        return f"{keys.SERVICE_LABEL}={self.name}"


async def _read_all(client: HttpClient, query: _Query, printer: _Printer, *, has_history: bool) -> None:
    from faas.cli.log_follow import OUTAGE_S, Follower
    from faas.resources.kinds import POD, SERVICE

    await client.get(SERVICE, query.name, query.namespace)  # says so when there is no such function
    shown = await _read_history(client, query, printer) if has_history else None
    if query.follow:
        follower = Follower(
            client,
            query.namespace,
            printer.show,
            container=query.container,
            tail=query.tail,
            since_s=query.since_s,
            outage_s=0 if query.is_local else OUTAGE_S,  # an engine that is stopped stays so
        )
        if shown is None and not (await client.list(POD, query.namespace, label_selector=query.selector)).items:
            note(f"{query.name} has no instances now; waiting for the first:  faas invoke {query.name}{query.flags}")
        await follower.run(query.selector, shown or set())
    elif shown is None:
        await _read_pods(client, query, printer)


async def _read_history(client: HttpClient, query: _Query, printer: _Printer) -> set[str] | None:
    """Print what the engine keeps, of ended instances only when the others are followed; their Pods' names.

    Reading all of it in one request misses no instance that ends meanwhile. None: it has none, so it is a cluster.
    """
    from faas.client.errors import Forbidden, NotFound

    shown: set[str] = set()
    lines = client.history(
        query.namespace,
        query.name,
        revision=query.revision,
        ended_only=query.follow,
        tail=query.tail,
        since_s=query.since_s,
    )
    try:
        async for line in lines:
            shown.add(line["pod"])
            printer.show(line["pod"], line["time"], line["line"])
    except (NotFound, Forbidden):
        return None
    return shown or None


async def _read_pods(client: HttpClient, query: _Query, printer: _Printer) -> None:
    """What the Pods of now have written, one after the other."""
    from faas.cli.log_follow import container_of
    from faas.client.errors import BadRequest, NotFound
    from faas.resources.kinds import POD

    pods = (await client.list(POD, query.namespace, label_selector=query.selector)).items
    if not pods:
        call = f"faas invoke {query.name}{query.flags}"
        note(f"{query.name} has no instances now; they start with the first request:  {call}")
    for pod in sorted(pods, key=lambda pod: str(pod["metadata"].get("creationTimestamp", ""))):
        name = str(pod["metadata"]["name"])
        lines = client.logs(
            name,
            query.namespace,
            container=container_of(pod, query.container),
            previous=query.previous,
            tail=query.tail,
            since_s=query.since_s,
            timestamps=printer.as_json,
        )
        try:
            async for line in lines:
                time, _, text = line.partition(" ") if printer.as_json else ("", "", line)
                printer.show(name, time, text)
        except NotFound:
            continue  # it ended between being listed and being read
        except BadRequest as error:
            note(f"{name}: {error.message}")  # it has not started yet, or nothing has run before


class _Printer:
    """Writes lines to stdout, each with its instance."""

    def __init__(self, as_json: bool) -> None:
        self.as_json = as_json

    def show(self, pod: str, time: str, text: str) -> None:
        if self.as_json:
            click.echo(_as_json(pod, time, text))
            return
        prefix = click.style(_short(pod), fg=_COLOURS[zlib.crc32(pod.encode()) % len(_COLOURS)])
        click.echo(f"{prefix} {_shown(text)}")


def _as_json(pod: str, time: str, text: str) -> str:
    """What the function logged is `record`, what it merely printed `line`."""
    from faas.resources.loglines import parse_record

    record = parse_record(text)
    said = {"line": text} if record is None else {"record": record}
    return json.dumps({"time": time, "pod": pod, **said}, ensure_ascii=False)


def _shown(line: str) -> str:
    """For people in words and colours; into a file or a pipe as it was written."""
    if not is_terminal():
        return line
    from rich.console import Console

    from faas.cli.dev.loglines import render_record
    from faas.resources.loglines import parse_record

    record = parse_record(line)
    if record is None:
        return harmless(line)
    console = Console()
    with console.capture() as captured:
        console.print(render_record(record), soft_wrap=True, end="")
    return harmless(captured.get())  # what was harmless in JSON is not any more


def _short(pod: str) -> str:
    """hello-00001-deployment-x7k2p is enough as hello-00001-x7k2p."""
    return pod.replace("-deployment-", "-")
