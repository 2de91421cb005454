"""An object that a command is about: it is there, or the error says which was meant."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from faas.cli.errors import CommandError

if TYPE_CHECKING:
    from faas.client.http.client import HttpClient
    from faas.client.protocol import Object
    from faas.resources.kinds import Kind


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
