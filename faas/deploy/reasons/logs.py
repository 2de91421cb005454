"""The lines that a revision's instances wrote last, for whoever has to tell why it failed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

from faas.client.errors import ApiError
from faas.client.protocol import Client, Object
from faas.deploy.reasons.containers import last_words
from faas.deploy.reasons.trouble import SIDECAR
from faas.resources import keys
from faas.resources.kinds import POD
from faas.resources.loglines import in_words


@runtime_checkable
class LogClient(Protocol):
    """A client that can also read a Pod's log; a server over HTTPS can, the engine's own client need not."""

    def logs(
        self, pod: str, namespace: str, *, container: str = "", tail: int | None = None, previous: bool = False
    ) -> AsyncIterator[str]: ...


async def last_lines(client: Client, namespace: str, revision: str, *, lines: int = 20) -> tuple[str, ...]:
    """At most `lines` lines of the newest Pod of `revision`; none when they cannot be had.

    Of a container that was started again, what the one before it wrote: the new one has not got that far yet.
    """
    if not isinstance(client, LogClient):
        return ()
    try:
        pods = (await client.list(POD, namespace, label_selector=f"{keys.REVISION_LABEL}={revision}")).items
    except ApiError:
        return ()  # the failure itself is what matters; this only adds to it
    if not pods:
        return ()
    newest = max(pods, key=lambda pod: str(pod["metadata"].get("creationTimestamp", "")))
    container, status = _function_of(newest)
    for previous in (True, False) if status.get("restartCount") else (False,):
        found = await _read(client, namespace, newest, container, lines, previous=previous)
        if found and not found[-1].startswith(_LOST):
            return found
    ended = [(status.get(state) or {}).get("terminated") for state in ("state", "lastState")]
    return next((words for words in map(last_words, filter(None, ended)) if words), ())


_LOST = "unable to retrieve container logs for "  # a kubelet's, instead of the log of a container that is removed


async def _read(
    client: LogClient, namespace: str, pod: Object, container: str, lines: int, *, previous: bool
) -> tuple[str, ...]:
    name = pod["metadata"]["name"]
    more = {"previous": True} if previous else {}
    try:
        found = client.logs(name, namespace, container=container, tail=lines, **more)
        return tuple([in_words(line) async for line in found])
    except ApiError:
        return ()


def _function_of(pod: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
    """The container that is the function, "" for a Pod's only one, and what the Pod's status says of it."""
    containers: Sequence[Mapping[str, Any]] = (pod.get("spec") or {}).get("containers") or ()
    statuses = {each.get("name"): each for each in (pod.get("status") or {}).get("containerStatuses") or ()}
    names = [str(each.get("name") or "") for each in containers if each.get("name") != SIDECAR]
    crashed = next((name for name in names if (statuses.get(name) or {}).get("restartCount")), "")
    name = crashed or (names[0] if names else "")
    return (name if len(containers) > 1 else ""), statuses.get(name) or {}
