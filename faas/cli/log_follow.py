"""The logs of all Pods of a function as they come and go, across connections that break and containers that restart."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from faas.cli.errors import CommandError
from faas.cli.log_seam import Seam
from faas.cli.output import note
from faas.client.errors import BadRequest, Gone, NotFound, Unavailable
from faas.resources.kinds import POD

if TYPE_CHECKING:
    from faas.client.http.client import HttpClient

SERVING, SIDECAR = "user-container", "queue-proxy"
MOST_STREAMS = 200  # a connection each; Pods beyond wait until one of these has ended
OUTAGE_S = 600.0  # of an API server: one that is upgraded is away for minutes, and functions serve meanwhile
_FIRST_WAIT_S, _LONGEST_WAIT_S = 0.5, 10.0
_LAST_WORDS_S = 5.0  # for what a Pod that is gone has written, and is still on its way

_DEFAULT_CONTAINER = "kubectl.kubernetes.io/default-container"
Emit = Callable[[str, str, str], None]  # pod, time, line


def container_of(pod: Mapping[str, Any], wanted: str = "") -> str:
    """Whose log is meant: the function's own, not that of Knative's proxy beside it. Raises: CommandError."""
    spec = pod.get("spec") or {}
    names = [str(each["name"]) for each in (*(spec.get("containers") or ()), *(spec.get("initContainers") or ()))]
    if wanted:
        if names and wanted not in names:
            what = f"{pod['metadata']['name']} has no container {wanted!r}"
            raise CommandError(what, f"It has: {', '.join(names)}")
        return wanted
    noted = str((pod["metadata"].get("annotations") or {}).get(_DEFAULT_CONTAINER, ""))
    for name in (noted, SERVING):
        if name in names:
            return name
    return next((name for name in names if name != SIDECAR), "")


@dataclass
class _Watched:
    """A Pod as the watch last told of it."""

    pod: Mapping[str, Any]
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    gone: bool = False

    def run_of(self, container: str) -> tuple[int, str] | None:
        return run_of(self.pod, container)


def run_of(pod: Mapping[str, Any], container: str) -> tuple[int, str] | None:
    """Which run of the container there is something to read of; None before the first."""
    status = pod.get("status") or {}
    every = (*(status.get("containerStatuses") or ()), *(status.get("initContainerStatuses") or ()))
    for each in every:
        if each.get("name") == container:
            state = each.get("state") or {}
            told = state.get("running") or state.get("terminated") or (each.get("lastState") or {}).get("terminated")
            return (int(each.get("restartCount") or 0), str(told.get("startedAt") or "")) if told else None
    return None


def has_ended(pod: Mapping[str, Any], container: str) -> bool:
    """Whether the container does not run now."""
    every = (pod.get("status") or {}).get("containerStatuses") or ()
    return any(each.get("name") == container and "running" not in (each.get("state") or {}) for each in every)


class Follower:
    """Follows until it is cancelled; lines of one Pod come in order, those of several as they arrive."""

    def __init__(
        self,
        client: HttpClient,
        namespace: str,
        emit: Emit,
        *,
        container: str = "",
        tail: int | None = None,
        since_s: int | None = None,
        outage_s: float = 0.0,
    ) -> None:
        """Args: outage_s: for how long the server may be away, beyond the patience of the client's own."""
        self._client, self._namespace, self._emit = client, namespace, emit
        self._wanted, self._tail, self._since_s = container, tail, since_s
        self._outage_s = outage_s
        self._pods: dict[str, _Watched] = {}
        self._room = asyncio.Semaphore(MOST_STREAMS)

    async def run(self, selector: str, known: set[str]) -> None:
        """Args: known: Pods whose logs were shown before. Raises: ApiError, CommandError."""
        async with asyncio.TaskGroup() as group:
            while True:
                try:
                    await self._watch(selector, known, group)
                except Gone:  # the server has forgotten where we were: look anew at what there is
                    await self._forget_gone(selector)
                except Unavailable as error:
                    await self._outlast(error, selector)

    async def _watch(self, selector: str, known: set[str], group: asyncio.TaskGroup) -> None:
        async for event in self._client.watch(POD, self._namespace, label_selector=selector):
            name = event.object["metadata"].get("name", "")
            if event.type == "BOOKMARK" or name in known:
                continue
            if event.type == "DELETED":
                self._end(name)
            elif name in self._pods:
                watched = self._pods[name]
                watched.pod = event.object
                watched.changed.set()
            else:
                container = container_of(event.object, self._wanted)
                self._pods[name] = watched = _Watched(event.object)
                if len(self._pods) == MOST_STREAMS + 1:
                    note(f"more than {MOST_STREAMS} instances: some are followed only when others have ended")
                group.create_task(self._follow(name, container, watched))

    async def _outlast(self, error: Unavailable, selector: str) -> None:
        """Wait until the server answers again. Raises: Unavailable: it has not for too long."""
        if not self._outage_s:
            raise error
        note(f"{error.message}; it is asked again and again, Ctrl-C ends this")
        try:
            async with asyncio.timeout(self._outage_s):
                while True:
                    await asyncio.sleep(_FIRST_WAIT_S)
                    try:
                        await self._forget_gone(selector)
                    except Unavailable:  # its client has tried for a while already
                        continue
                    note("it answers again; what was written meanwhile comes now")
                    return
        except TimeoutError:
            raise error from None

    async def _forget_gone(self, selector: str) -> None:
        listed = await self._client.list(POD, self._namespace, label_selector=selector)
        there = {item["metadata"]["name"] for item in listed.items}
        for name in [name for name in self._pods if name not in there]:
            self._end(name)

    def _end(self, name: str) -> None:
        watched = self._pods.pop(name, None)
        if watched is not None:
            watched.gone = True
            watched.changed.set()

    async def _follow(self, name: str, container: str, watched: _Watched) -> None:
        """One Pod, from its first line to its last."""
        seam = Seam()
        read: tuple[int, str] | None = None  # the run that has been read to its end
        reading: tuple[int, str] | None = None
        wait_s = _FIRST_WAIT_S
        while True:
            watched.changed.clear()
            run = watched.run_of(container)
            if run is None or run == read:
                if watched.gone:
                    return
                await watched.changed.wait()
                continue
            if reading not in (None, run, read):  # it restarted while the connection was broken
                await self._stream(name, container, seam, watched, previous=True)
            reading, before = run, seam.since
            ended = await self._stream(name, container, seam, watched)
            if ended is None or watched.gone:
                return
            if ended:
                read = run
                continue
            wait_s = _FIRST_WAIT_S if seam.since != before else min(_LONGEST_WAIT_S, wait_s * 2)
            await _either(watched.changed, wait_s)

    async def _stream(
        self, name: str, container: str, seam: Seam, watched: _Watched, *, previous: bool = False
    ) -> bool | None:
        """Read what is new. True: to the end of the container's run; False: it goes on; None: the Pod is gone."""
        seam.resume()
        first = not seam.since
        lines = self._client.logs(
            name,
            self._namespace,
            container=container,
            follow=not previous,
            previous=previous,
            tail=self._tail if first else None,
            since_s=self._since_s if first else None,
            since=seam.since,
            timestamps=True,
        )
        try:
            async with self._room, asyncio.timeout(None) as limit:
                ending = asyncio.create_task(_limited(watched, limit))
                try:
                    async for line in lines:
                        time, _, text = line.partition(" ")
                        if seam.takes(time, text):
                            self._emit(name, time, text)
                finally:
                    ending.cancel()
            return has_ended(await self._client.get(POD, name, self._namespace), container)
        except NotFound:
            return None
        except (BadRequest, Unavailable, TimeoutError):
            return False


async def _limited(watched: _Watched, limit: asyncio.Timeout) -> None:
    """A connection may stay open after its Pod is gone; nothing comes any more."""
    while not watched.gone:
        await watched.changed.wait()
        watched.changed.clear()
    limit.reschedule(asyncio.get_running_loop().time() + _LAST_WORDS_S)


async def _either(event: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(event.wait(), seconds)
    except TimeoutError:
        return
