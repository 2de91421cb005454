"""What the commands about events share: options, times, names that are nearly right, and what only the engine knows."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeVar, Union

import click

from faas.cli.connection import with_client
from faas.cli.errors import CommandError

if TYPE_CHECKING:
    from faas.client.eventing import EventingClient
    from faas.client.http import HttpClient
    from faas.client.protocol import Object
    from faas.client.store import DeadLetterStore
    from faas.client.targets import Target
    from faas.resources.kinds import Kind

F = TypeVar("F", bound=Callable[..., Any])
T = TypeVar("T")
Letters = Union["EventingClient", "DeadLetterStore"]

DEFAULT_BROKER = "default"
UNKNOWN = "?"  # in tables: only the engine knows it, and this server is none


def broker_option(function: F) -> F:
    return click.option(
        "--broker", "-b", metavar="NAME", default=DEFAULT_BROKER, show_default=True, help="The Broker."
    )(function)


def wide_option(function: F) -> F:
    return click.option(
        "--output", "-o", type=click.Choice(("json", "yaml", "wide")), help="Data, or a wider table."
    )(function)  # fmt: skip


def with_eventing(
    target: Target, namespace: str, needed: tuple[Kind, str], work: Callable[[EventingClient], Awaitable[T]]
) -> T:
    """Run `work` with what only the engine can do, when the object that it needs is there.

    Raises: CommandError: it is not, or this server is a cluster's.
    """
    from faas.client.eventing import EventingClient, NoEventing

    async def session(client: HttpClient) -> T:
        await require(client, *needed, namespace)
        return await work(EventingClient(client, namespace))

    try:
        return with_client(target, session)
    except NoEventing as error:
        hint = "Only the engine keeps what this command shows. For objects:  faas trigger list, kubectl get triggers"
        raise CommandError(error.message, hint) from error


def with_letters(target: Target, namespace: str, broker: str, work: Callable[[Letters], Awaitable[T]]) -> T:
    """Run `work` with the dead letters of a Broker: the engine's own, or those of the store in a cluster's namespace.

    Raises: CommandError: there is no such Broker, no store, or no right to it.
    """
    from faas.client.service_proxy import NothingBehind, ProxyForbidden
    from faas.client.store import COMPONENT, COMPONENT_LABEL, DeadLetterStore, NoStore, TokenForbidden
    from faas.resources.kinds import BROKER

    if target.is_local:
        return with_eventing(target, namespace, (BROKER, broker), work)

    async def session(client: HttpClient) -> T:
        await require(client, BROKER, broker, namespace)
        return await work(await DeadLetterStore.find(client, namespace))

    try:
        return with_client(target, session)
    except NoStore as error:
        raise CommandError(error.message, _without_store(error.sinks), _sinks_text(error.sinks)) from error
    except TokenForbidden as error:
        raise CommandError(error.message, f"Ask for the right to get that Secret:  {_RIGHTS}") from error
    except NothingBehind as error:
        see = f"kubectl -n {namespace} describe pods -l {COMPONENT_LABEL}={COMPONENT}"
        raise CommandError(f"the store of dead letters cannot be asked now: {error.message}", f"See:  {see}") from error
    except ProxyForbidden as error:
        raise CommandError(
            error.message, f"Ask for the right to get and create services/proxy in it:  {_RIGHTS}"
        ) from error


_RIGHTS = "faas export rbac"


def _without_store(sinks: Mapping[str, str]) -> str:
    if any(sinks.values()):
        return "They are where the Triggers send them. A deploy gives the store to those without a sink:  faas deploy"
    return "A deploy of a project with event functions makes it, unless dead_letters = false:  faas deploy"


def _sinks_text(sinks: Mapping[str, str]) -> str:
    return "\n".join(f"Trigger {name} sends them to {sink or 'nowhere'}" for name, sink in sorted(sinks.items()))


async def require(client: HttpClient, kind: Kind, name: str, namespace: str) -> Object:
    """The object. Raises: CommandError: there is none; which name was meant, and how one is made."""
    from difflib import get_close_matches

    from faas.client.errors import NotFound

    try:
        return await client.get(kind, name, namespace)
    except NotFound as error:
        names = [item["metadata"]["name"] for item in (await client.list(kind, namespace)).items]
        close = get_close_matches(name, names, n=1, cutoff=0.5)
        message = f"there is no {kind.kind} {name!r} in namespace {namespace}"
        raise CommandError(message, hint_for(kind, close, names, namespace)) from error


def hint_for(kind: Kind, close: Sequence[str], names: Sequence[str], namespace: str) -> str:
    if close:
        return f"Did you mean {close[0]!r}?"
    if names:
        return f"There are: {', '.join(sorted(names)[:10])}"
    if kind.kind == "Broker":
        where = "" if namespace == "default" else f" -n {namespace}"
        return f"Make one:  faas broker create{where}     (a deploy of a function with @function.event makes one)"
    return f"See what there is:  kubectl get {kind.plural} -A"


def parse_moment(text: str, option: str) -> str:
    """`10m`: that long ago; or a time such as 2026-11-23T12:00:00Z; as RFC 3339."""
    from faas.resources import durations

    try:
        moment = datetime.now(UTC) - timedelta(seconds=durations.parse(text))
    except (ValueError, OverflowError):
        try:
            moment = datetime.fromisoformat(text).astimezone(UTC)
        except ValueError:
            message = f"{text!r} is neither a duration (30s, 10m, 2h) nor a time (2026-11-23T12:00:00Z)"
            raise click.BadParameter(message, param_hint=option) from None
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def key_of(obj: Mapping[str, Any]) -> tuple[str, str]:
    """Objects' metadata or an entry of the engine's report: both have the two."""
    found = obj.get("metadata", obj)
    return str(found.get("namespace", "")), str(found["name"])


def sorted_objects(items: Sequence[Object]) -> list[Object]:
    return sorted(items, key=key_of)


def by_key(entries: Sequence[Mapping[str, Any]]) -> dict[tuple[str, str], Mapping[str, Any]]:
    return {key_of(entry): entry for entry in entries}


def count_text(facts: Mapping[str, Any] | None, name: str) -> str:
    """A number of the engine's report; before anybody has counted it is not known."""
    value = (facts or {}).get(name)
    return UNKNOWN if value is None else str(value)


def with_observed(obj: Object, facts: Mapping[str, Any] | None) -> Object:
    """An object as data, with what the engine says of it beside the status: `observed`."""
    from faas.deploy.plan import clean

    if facts is None:
        return clean(obj)
    observed = {key: value for key, value in facts.items() if key not in ("namespace", "name", "resource")}
    return {**clean(obj), "observed": observed}
