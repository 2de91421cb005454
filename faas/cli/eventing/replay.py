"""Deliveries once more, of stored events or of dead letters: what was asked for, and what came of it."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NoReturn

import click

from faas.cli.connection import with_client
from faas.cli.errors import CommandError
from faas.cli.eventing.letters import print_failures
from faas.cli.eventing.session import with_eventing
from faas.cli.output import note, print_data
from faas.cli.required import require
from faas.cli.texts import counted

if TYPE_CHECKING:
    from faas.client.http.client import HttpClient
    from faas.client.places.targets import Target
    from faas.client.services.eventing import EventingClient


def replay(
    target: Target, namespace: str, trigger: str, span: tuple[str, str], *, dry_run: bool, output: str | None
) -> int:
    """The exit code: 1 when an event failed again."""
    from faas.client.errors import Conflict
    from faas.resources.kinds import TRIGGER

    since, until = span
    if not target.is_local:
        refuse_on_cluster(target, namespace, trigger)

    async def work(eventing: EventingClient) -> dict[str, Any]:
        if not dry_run:
            note(f"delivering to {trigger} what was stored since {since} …")
        return await last(eventing.replay(trigger, since=since, until=until, dry_run=dry_run), target.flags)

    see = f"faas trigger describe {trigger}{target.flags}"
    try:
        with told_to_go_on(see):
            done = with_eventing(target, namespace, (TRIGGER, trigger), work)
    except Conflict as error:  # it cannot be delivered to
        raise CommandError(error.message, f"See:  {see}") from error
    if not dry_run:
        nothing = f"no stored event of that time passes the filters of {trigger}"
        return tell(done, output, nothing=nothing, flags=target.flags)
    if output:
        print_data(done, output)
    elif done["matching"]:
        between = f", stored between {done['firstTime']} and {done['lastTime']}"
        click.echo(f"{counted(done['matching'], 'event')} would be delivered to {trigger}{between}")
    else:
        click.echo(f"no stored event since {since} passes the filters of {trigger}")
    return 0


def refuse_on_cluster(target: Target, namespace: str, trigger: str) -> NoReturn:
    """Say what the Broker's class does not offer, and what there is instead. Raises: CommandError."""
    from faas.client.errors import ApiError
    from faas.resources.keys import BROKER_CLASS
    from faas.resources.kinds import BROKER, TRIGGER

    async def work(client: HttpClient) -> tuple[str, str]:
        found = await require(client, TRIGGER, trigger, namespace)
        name = str(found["spec"].get("broker") or (found["spec"].get("brokerRef") or {}).get("name") or "")
        try:
            broker = await client.get(BROKER, name, namespace)
        except ApiError:
            return name, ""
        return name, str((broker["metadata"].get("annotations") or {}).get(BROKER_CLASS) or "")

    name, kind = with_client(target, work)
    raise CommandError(
        f"Broker {name} cannot deliver stored events once more: {_WHY.get(kind, _WHY_NOT_KNOWN).format(kind=kind)}",
        f"What failed is kept, where the store of dead letters is:  faas dlq replay --trigger {trigger}{target.flags}\n"
        f"What is sent again comes again:  faas events send --file EVENTS.json{target.flags}",
    )


_WHY = {
    "MTChannelBasedBroker": "with class {kind} an event is gone from its channel once every trigger has had it",
    "Kafka": "class {kind} keeps them in a topic, and offers no way to read it from an earlier time",
    "RabbitMQBroker": "with class {kind} an event is gone from its queue once its trigger has had it",
}
_WHY_NOT_KNOWN = "Knative has no way to ask its class for that"


@contextmanager
def told_to_go_on(see: str) -> Iterator[None]:
    """Ctrl-C ends the command, and not what it asked the broker for."""
    try:
        yield
    except KeyboardInterrupt:
        note(f"the broker goes on delivering; see:  {see}")
        raise


async def last(lines: AsyncIterator[dict[str, Any]], flags: str) -> dict[str, Any]:
    """The last line that says something. Raises: CommandError: there was none."""
    said: dict[str, Any] = {}
    began = time.monotonic()
    async for line in lines:
        said = {**said, **line}
        if not line:
            note(f"… still delivering after {time.monotonic() - began:.0f} s")
    if not said.keys() - {"total"}:
        see = f"Some may be delivered; see:  faas status{flags}"
        raise CommandError("the engine stopped while events were delivered", see)
    return said


def tell(done: dict[str, Any], output: str | None, *, nothing: str, flags: str = "") -> int:
    """Print how a replay ended; the exit code. Args: flags: what names the place on a command line."""
    delivered, failed, error = done.get("delivered") or 0, done.get("failed") or 0, done.get("error") or ""
    failures = list(done.get("failures") or ())
    if output:
        print_data({"delivered": delivered, "failed": failed, "error": error, "failures": failures}, output)
    elif delivered or failed:
        click.echo(f"{delivered} delivered, {failed} failed")
        if failures:
            print_failures(failures)
    elif not error:
        click.echo(nothing)
    if failed > len(failures) > 0:
        note(f"… and {failed - len(failures)} more that failed")
    see = f"See the trigger:  faas trigger list{flags}; its function's logs:  faas logs NAME{flags}"
    if error:
        raise CommandError(error, see)
    if failed:
        note(see)
    return 1 if failed else 0
