"""ApiServerSource: an event for each change of the engine's own objects.

As in Knative, what exists when the source begins makes no events. The version up to which the sink has taken everything
is noted, so that after a restart, or when the watch fell behind, what changed meanwhile is told: once more rather than
not at all, under the same id. A deletion in the very moment of a crash is not.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal

import msgspec
from faas_runtime.events.conditions import FilterError
from faas_runtime.events.event import Event
from faas_runtime.events.matching import compile_filters
from faas_runtime.events.shapes import kubernetes as shape

from faas.client.errors import ApiError, Gone
from faas.client.protocol import Client, Object
from faas.engine.contract.clock import Clock
from faas.engine.contract.sources import SourcePlan
from faas.engine.sources.errors import ConfigurationError
from faas.engine.sources.notes import read_note, write_note
from faas.engine.sources.objects import ApiServerSpec, Wanted, wanted_objects
from faas.engine.sources.reporting import Reporter
from faas.engine.sources.sender import Sender
from faas.engine.sources.waiting import pause
from faas.resources.kinds import NAMESPACE
from faas.resources.selectors import LabelSelector

_log = logging.getLogger("faas.source")
_CHANGES: Mapping[str, Literal["add", "update", "delete"]] = {
    "ADDED": "add",
    "MODIFIED": "update",
    "DELETED": "delete",
}
_NOTE = "versions.json"
_NOTE_EVERY_S = 1.0  # what was sent within it is sent again after a crash
_RETRY_S = 0.5


async def run_kubernetes(
    plan: SourcePlan, state: Path, server: str, client: Client, sender: Sender, report: Reporter, clock: Clock
) -> None:
    """Until cancelled. Args: server: the API server's URL. Raises: ConfigurationError."""
    spec = msgspec.json.decode(plan.spec, type=ApiServerSpec)
    wanted, passes = wanted_objects(spec), _compiled(spec)
    progress = Progress(state / _NOTE, clock)
    try:
        async with asyncio.TaskGroup() as group:
            namespaces = Namespaces(client, None, plan.key.namespace)
            if spec.namespace_selector is not None:
                namespaces = Namespaces(client, spec.namespace_selector.compiled(), plan.key.namespace)
                group.create_task(namespaces.run())
                await namespaces.known.wait()
            followers = [
                Follower(one, spec.mode, server, client, namespaces, progress, passes, sender) for one in wanted
            ]
            for follower in followers:
                group.create_task(follower.run(clock))
            for follower in followers:
                await follower.following.wait()
            report.say("running")
    finally:
        progress.write()


class Namespaces:
    """In which namespaces objects count: the source's own, or those that a selector names, as they come and go."""

    def __init__(self, client: Client, selector: LabelSelector | None, own: str) -> None:
        self._client, self._selector = client, selector
        self.known = asyncio.Event()
        self.watched = "" if selector is not None else own  # "": all, of which `has` chooses
        self._names = {own} if selector is None else set()

    def has(self, obj: Object) -> bool:
        namespace = obj["metadata"].get("namespace", "")
        return namespace in self._names or (not namespace and self._selector is not None)

    async def run(self) -> None:
        assert self._selector is not None  # else there is nothing to follow
        while True:
            try:
                listed = await self._client.list(NAMESPACE)
                self._names = {item["metadata"]["name"] for item in listed.items if self._selector.matches(item)}
                self.known.set()
                async for event in self._client.watch(NAMESPACE, resource_version=listed.resource_version):
                    name = event.object["metadata"].get("name", "")
                    if event.type in ("ADDED", "MODIFIED") and self._selector.matches(event.object):
                        self._names.add(name)
                    elif event.type != "BOOKMARK":
                        self._names.discard(name)
            except ApiError as error:
                _log.info("watching namespaces again: %s", error.message)
                await asyncio.sleep(_RETRY_S)


class Progress:
    """The version of each kind up to which the sink has taken everything, kept in a file."""

    def __init__(self, path: Path, clock: Clock) -> None:
        noted = read_note(path)
        self._path, self._clock = path, clock
        self._versions: dict[str, int] = noted if isinstance(noted, dict) else {}
        self._written_s = clock.now()

    def of(self, resource: str) -> int | None:
        return self._versions.get(resource)

    def reached(self, resource: str, version: int) -> None:
        self._versions[resource] = version
        if self._clock.now() - self._written_s >= _NOTE_EVERY_S:
            self.write()

    def write(self) -> None:
        self._written_s = self._clock.now()
        write_note(self._path, self._versions)


class Follower:
    """Tells of the changes of one kind, in their order."""

    def __init__(
        self,
        wanted: Wanted,
        mode: shape.Mode,
        server: str,
        client: Client,
        namespaces: Namespaces,
        progress: Progress,
        passes: Callable[[Event[Any]], bool],
        sender: Sender,
    ) -> None:
        self._wanted, self._mode, self._server, self._client = wanted, mode, server, client
        self._namespaces, self._progress = namespaces, progress
        self._passes, self._sender = passes, sender
        self.following = asyncio.Event()  # what changes from now on is told
        self._alive: dict[str, Object] = {}  # by UID, what a deletion that the watch missed is told with

    async def run(self, clock: Clock) -> None:
        while True:
            try:
                await self._list_and_watch()
            except Gone:
                _log.info("the watch of %s fell behind; listing again", self._wanted.kind)
            except ApiError as error:
                _log.warning("cannot watch %s (%s); trying again", self._wanted.kind, error.message)
                await pause(clock, _RETRY_S)

    async def _list_and_watch(self) -> None:
        kind, namespace = self._wanted.kind, self._namespaces.watched
        listed = await self._client.list(kind, namespace)
        version = int(listed.resource_version)
        since = self._progress.of(str(kind))
        if since is not None:
            await self._tell_missed(listed.items, since)
        self._alive = {item["metadata"]["uid"]: _outline(item) for item in listed.items}
        self._progress.reached(str(kind), version)
        self.following.set()
        async for event in self._client.watch(kind, namespace, resource_version=listed.resource_version):
            version = int(event.object["metadata"]["resourceVersion"])
            if event.type != "BOOKMARK":
                await self._tell(_CHANGES[event.type], event.object)
            self._progress.reached(str(kind), version)

    async def _tell_missed(self, items: list[Object], since: int) -> None:
        """What changed while nobody watched; of several changes of one object the last."""
        present = {item["metadata"]["uid"] for item in items}
        for uid in [uid for uid in self._alive if uid not in present]:
            await self._tell("delete", self._alive[uid])
        changed = [item for item in items if int(item["metadata"]["resourceVersion"]) > since]
        for item in sorted(changed, key=lambda item: int(item["metadata"]["resourceVersion"])):
            is_new = item["metadata"].get("generation", 1) <= 1 and item["metadata"]["uid"] not in self._alive
            await self._tell("add" if is_new else "update", item)

    async def _tell(self, change: Literal["add", "update", "delete"], obj: Object) -> None:
        uid = obj["metadata"]["uid"]
        if change == "delete":
            self._alive.pop(uid, None)
        else:
            self._alive[uid] = _outline(obj)
        if self._namespaces.has(obj) and self._wanted.matches(obj):
            event = shape.make_event(self._server, change, obj, plural=self._wanted.kind.plural, mode=self._mode)
            if self._passes(event):
                await self._sender.send(event)


def _compiled(spec: ApiServerSpec) -> Callable[[Event[Any]], bool]:
    if not spec.filters:
        return lambda event: True
    try:
        matches = compile_filters(spec.filters).matches
    except FilterError as error:
        raise ConfigurationError("InvalidFilter", str(error)) from None
    return lambda event: matches(event.attributes)


def _outline(obj: Object) -> Object:
    """Enough of an object to say that it is gone."""
    names = ("name", "namespace", "uid", "resourceVersion", "labels", "ownerReferences")
    metadata = {name: obj["metadata"][name] for name in names if name in obj["metadata"]}
    return {"apiVersion": obj["apiVersion"], "kind": obj["kind"], "metadata": metadata}
