"""Asking for what objects do not say: of the engine, or of the store of dead letters in a cluster."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, TypeVar, Union

from faas.cli.connection import with_client
from faas.cli.errors import CommandError
from faas.cli.required import require

if TYPE_CHECKING:
    from faas.client.http.client import HttpClient
    from faas.client.places.targets import Target
    from faas.client.services.eventing import EventingClient
    from faas.client.services.store import DeadLetterStore
    from faas.resources.kinds import Kind

T = TypeVar("T")
Letters = Union["EventingClient", "DeadLetterStore"]


def with_eventing(
    target: Target, namespace: str, needed: tuple[Kind, str], work: Callable[[EventingClient], Awaitable[T]]
) -> T:
    """Run `work` with what only the engine can do, when the object that it needs is there.

    Raises: CommandError: it is not, or this server is a cluster's.
    """
    from faas.client.services.eventing import EventingClient, NoEventing

    async def session(client: HttpClient) -> T:
        await require(client, *needed, namespace)
        return await work(EventingClient(client, namespace))

    try:
        return with_client(target, session)
    except NoEventing as error:
        hint = f"Only the engine keeps what this command shows. For objects:  faas trigger list{target.flags}"
        raise CommandError(error.message, hint) from error


def with_letters(target: Target, namespace: str, broker: str, work: Callable[[Letters], Awaitable[T]]) -> T:
    """Run `work` with the dead letters of a Broker: the engine's own, or those of the store in a cluster's namespace.

    Raises: CommandError: there is no such Broker, no store, or no right to it.
    """
    from faas.client.services.service_proxy import NothingBehind, ProxyForbidden
    from faas.client.services.store import COMPONENT, COMPONENT_LABEL, DeadLetterStore, NoStore, TokenForbidden
    from faas.resources.kinds import BROKER

    if target.is_local:
        return with_eventing(target, namespace, (BROKER, broker), work)

    async def session(client: HttpClient) -> T:
        await require(client, BROKER, broker, namespace)
        return await work(await DeadLetterStore.find(client, namespace))

    place = target.flags if " -n " in target.flags else f" -n {namespace}{target.flags}"
    try:
        return with_client(target, session)
    except NoStore as error:
        raise CommandError(
            error.message, _without_store(error.sinks, target.flags), _sinks_text(error.sinks)
        ) from error
    except TokenForbidden as error:
        raise CommandError(error.message, f"Ask for the right to get that Secret:  faas export rbac{place}") from error
    except NothingBehind as error:
        see = f"kubectl -n {namespace} describe pods -l {COMPONENT_LABEL}={COMPONENT}"
        raise CommandError(f"the store of dead letters cannot be asked now: {error.message}", f"See:  {see}") from error
    except ProxyForbidden as error:
        raise CommandError(
            error.message, f"Ask for the right to get and create services/proxy in it:  faas export rbac{place}"
        ) from error


def _without_store(sinks: Mapping[str, str], flags: str) -> str:
    if any(sinks.values()):
        what = "They are where the Triggers send them. A deploy gives the store to those without a sink"
    else:
        what = "A deploy of a project with event functions makes it, unless dead_letters = false"
    return f"{what}:  faas deploy{flags}"


def _sinks_text(sinks: Mapping[str, str]) -> str:
    return "\n".join(f"Trigger {name} sends them to {sink or 'nowhere'}" for name, sink in sorted(sinks.items()))
