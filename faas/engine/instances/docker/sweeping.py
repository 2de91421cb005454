"""None of our containers is left behind: what nobody runs any more is removed, by whoever comes next.

Whose end nobody saw is found by its labels: containers of an earlier engine of this state that are not adopted,
everything of a `faas run` that lives no more, and everything of a state that was deleted.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from faas.engine.instances.docker.connection import Api, Docker, DockerError
from faas.engine.instances.docker.ownership import ENGINE, MACHINE, OWNER, STATE, Ownership, is_forsaken
from faas.engine.instances.docker.place import DockerUnavailable
from faas.engine.instances.docker.volumes import Volumes

OURS = {ENGINE, STATE, MACHINE, OWNER}
STOP_S = 3  # what the gateway had given it is done by then
RETRY_S = 5.0  # with a Docker engine that does not answer


@dataclass(slots=True)
class Wanted:
    """What is not left behind."""

    containers: set[str] = field(default_factory=set)  # by name: those that are there, and those that are being made
    pods: set[str] = field(default_factory=set)  # whose volumes stay, also between two runs


class Sweeper:
    """Removes, in the background, what is ours and not wanted."""

    def __init__(self, docker: Docker, ownership: Ownership, volumes: Volumes, wanted: Wanted) -> None:
        self._docker, self._ownership, self._volumes, self._wanted = docker, ownership, volumes, wanted
        self._asked = asyncio.Event()

    def ask(self) -> None:
        """Something may have been left behind."""
        self._asked.set()

    async def run(self) -> None:
        while True:
            await self._asked.wait()
            self._asked.clear()
            try:
                await self._docker.call(self.sweep)
            except (DockerError, DockerUnavailable):
                await asyncio.sleep(RETRY_S)
                self._asked.set()

    def sweep(self, api: Api) -> None:
        """Blocking."""
        mine = [f"{name}={value}" for name, value in self._ownership.labels.items()]
        for container in api.containers(all=True, filters={"label": mine}):
            names = {name.lstrip("/") for name in container["Names"]}
            if not names & self._wanted.containers and self._ownership.is_ours(container["Labels"]):
                remove_container(api, container["Id"])
        self._volumes.keep(api, self._wanted.pods)


def remove_forsaken(api: Api) -> None:
    """What engines have left behind that will not come back for it. Blocking."""
    filters = {"label": ENGINE}
    found: list[dict[str, Any]] = [
        *api.containers(all=True, filters=filters),
        *(api.volumes(filters=filters)["Volumes"] or ()),
        *api.networks(filters=filters),
    ]
    kinds = {tuple(sorted((name, one["Labels"][name]) for name in OURS & one["Labels"].keys())) for one in found}
    for labels in sorted(kinds):
        if is_forsaken(dict(labels)):
            remove_labelled(api, [f"{name}={value}" for name, value in labels])


def remove_labelled(api: Api, labels: list[str]) -> None:
    """Containers, volumes and networks, in the order in which they can go. Blocking."""
    filters = {"label": labels}
    for container in api.containers(all=True, filters=filters):
        remove_container(api, container["Id"])
    for volume in api.volumes(filters=filters)["Volumes"] or ():
        _unless_used(lambda name: api.remove_volume(name), volume["Name"])
    for network in api.networks(filters=filters):
        _unless_used(lambda id: api.remove_network(id), network["Id"])


def remove_container(api: Api, id: str) -> None:
    """With its anonymous volumes, running or not; somebody else may be doing it already."""
    _unless_used(lambda id: api.remove_container(id, v=True, force=True), id)


def stop_container(api: Api, id: str) -> None:
    """Let it finish, if that does not take long. Blocking."""
    _unless_used(lambda id: api.stop(id, timeout=STOP_S), id)


def _unless_used(remove: Callable[[str], object], name: str) -> None:
    from docker.errors import APIError

    with contextlib.suppress(APIError):
        remove(name)
