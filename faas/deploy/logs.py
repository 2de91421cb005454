"""The lines that a revision's instances wrote last, for whoever has to tell why it failed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Protocol, runtime_checkable

from faas.client.errors import ApiError
from faas.client.protocol import Client
from faas.resources import keys
from faas.resources.kinds import POD
from faas.resources.loglines import in_words


@runtime_checkable
class LogClient(Protocol):
    """A client that can also read a Pod's log; a server over HTTPS can, the engine's own client need not."""

    def logs(self, pod: str, namespace: str, *, tail: int | None = None) -> AsyncIterator[str]: ...


async def last_lines(client: Client, namespace: str, revision: str, *, lines: int = 20) -> tuple[str, ...]:
    """At most `lines` lines of the newest Pod of `revision`; none when they cannot be had."""
    if not isinstance(client, LogClient):
        return ()
    try:
        pods = await client.list(POD, namespace, label_selector=f"{keys.REVISION_LABEL}={revision}")
        if not pods.items:
            return ()
        newest = max(pods.items, key=lambda pod: str(pod["metadata"].get("creationTimestamp", "")))
        return tuple([in_words(line) async for line in client.logs(newest["metadata"]["name"], namespace, tail=lines)])
    except ApiError:
        return ()  # the failure itself is what matters; this only adds to it
