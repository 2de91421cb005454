"""`faas logs`: what the instances of a function write, all of them in one stream."""

from __future__ import annotations

import asyncio
import json
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from faas.cli.connection import with_client
from faas.cli.options import namespace_option, target_option
from faas.cli.output import is_terminal, note

if TYPE_CHECKING:
    from faas.client.http import HttpClient
    from faas.client.targets import Target

_COLOURS = ("cyan", "magenta", "yellow", "green", "blue", "bright_cyan", "bright_magenta", "bright_yellow")


@click.command(short_help="Print what a function's instances write.")
@click.argument("name")
@click.option("--follow", "-f", is_flag=True, help="Go on, also with instances that start later.")
@click.option("--since", metavar="TIME", help="Only what is younger: 30s, 5m, 1h.")
@click.option("--tail", type=click.IntRange(0), metavar="N", help="Only the last N lines of each instance.")
@click.option("--revision", metavar="REV", help="Only instances of this revision.")
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
      faas logs hello -o json | jq 'select(.record.request_id == "…")'
    """
    from faas.resources import durations

    try:
        since_s = None if since is None else max(1, int(durations.parse(since)))
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--since") from error
    query = _Query(follow, tail, since_s, as_json=output == "json")
    with_client(target, lambda client: _Tail(client, namespace, query).run(name, revision))


@dataclass(frozen=True, slots=True)
class _Query:
    follow: bool
    tail: int | None
    since_s: int | None
    as_json: bool


class _Tail:
    """Reads the logs of several Pods at once; owned by the command's task group."""

    def __init__(self, client: HttpClient, namespace: str, query: _Query) -> None:
        self._client, self._namespace, self._query = client, namespace, query
        self._seen: set[str] = set()

    async def run(self, name: str, revision: str | None) -> None:
        from faas.resources import keys
        from faas.resources.kinds import POD, SERVICE

        await self._client.get(SERVICE, name, self._namespace)  # says so when there is no such function
        selector = f"{keys.REVISION_LABEL}={revision}" if revision else f"{keys.SERVICE_LABEL}={name}"
        had_history = await self._read_history(name, revision)
        if not self._query.follow:
            if had_history:
                return
            pods = (await self._client.list(POD, self._namespace, label_selector=selector)).items
            if not pods:
                note(f"{name} has no instances now; they start with the first request:  faas invoke {name}")
            for pod in sorted(pods, key=lambda pod: str(pod["metadata"].get("creationTimestamp", ""))):
                await self._read(pod["metadata"]["name"])
            return
        async with asyncio.TaskGroup() as group:
            async for event in self._client.watch(POD, self._namespace, label_selector=selector):
                pod_name = event.object["metadata"].get("name", "")
                if event.type in ("ADDED", "MODIFIED") and pod_name not in self._seen:
                    self._seen.add(pod_name)
                    group.create_task(self._read(pod_name))

    async def _read_history(self, name: str, revision: str | None) -> bool:
        """Print what the engine keeps, of ended instances only when the others are followed. False: there is nothing.

        Reading all of it in one request misses no instance that ends meanwhile.
        """
        from faas.client.errors import Forbidden, NotFound

        query, found = self._query, False
        lines = self._client.history(
            self._namespace,
            name,
            revision=revision or "",
            ended_only=query.follow,
            tail=query.tail,
            since_s=query.since_s,
        )
        try:
            async for line in lines:
                found = True
                pod, text = line["pod"], line["line"]
                self._seen.add(pod)
                self._print(pod, f"{line['time']} {text}" if query.as_json else text)
        except (NotFound, Forbidden):
            return False  # a cluster: it has the Pods' logs only
        return found

    async def _read(self, pod: str) -> None:
        from faas.client.errors import BadRequest, NotFound

        query = self._query
        lines = self._client.logs(
            pod,
            self._namespace,
            follow=query.follow,
            tail=query.tail,
            since_s=query.since_s,
            timestamps=query.as_json,
        )
        try:
            async for line in lines:
                self._print(pod, line)
        except NotFound:
            return  # it ended between being listed and being read
        except BadRequest:
            self._seen.discard(pod)  # it has not started yet; the next change of the Pod tries again

    def _print(self, pod: str, line: str) -> None:
        if self._query.as_json:
            click.echo(_as_json(pod, line))
            return
        prefix = click.style(_short(pod), fg=_COLOURS[zlib.crc32(pod.encode()) % len(_COLOURS)])
        click.echo(f"{prefix} {_shown(line)}")


def _as_json(pod: str, line: str) -> str:
    """Args: line: with the time before it. What the function logged is `record`, what it merely printed `line`."""
    from faas.resources.loglines import parse_record

    time, _, text = line.partition(" ")
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
        return line
    console = Console()
    with console.capture() as captured:
        console.print(render_record(record), soft_wrap=True, end="")
    return captured.get()


def _short(pod: str) -> str:
    """hello-00001-deployment-x7k2p is enough as hello-00001-x7k2p."""
    return pod.replace("-deployment-", "-")
