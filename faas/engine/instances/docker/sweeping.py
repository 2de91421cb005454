"""None of our containers is left behind: what nobody runs any more is removed, by whoever comes next.

Whose end nobody saw is found by its labels: containers of an earlier engine of this state that are not adopted,
and everything of a `faas run` that lives no more, whatever its state was.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Collection
from typing import Any

from faas.engine.instances.docker.connection import Api, Docker, DockerError, DockerUnavailable
from faas.engine.instances.docker.ownership import ENGINE, OWNER, Ownership, is_dead

RETRY_S = 5.0  # with a Docker engine that does not answer


class Sweeper:
    """Removes, in the background, what `is_wanted` says of no container that is ours."""

    def __init__(self, docker: Docker, ownership: Ownership, wanted: Callable[[], Collection[str]]) -> None:
        self._docker, self._ownership, self._wanted = docker, ownership, wanted
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
            if not names & set(self._wanted()) and self._ownership.is_ours(container["Labels"]):
                remove_container(api, container["Id"])


def remove_of_dead(api: Api) -> None:
    """Everything of each `faas run` that has ended without doing so itself. Blocking."""
    for owner in sorted(_owners(api)):
        if is_dead(owner):
            remove_labelled(api, [f"{OWNER}={owner}"])


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


def _owners(api: Api) -> set[str]:
    filters = {"label": [ENGINE, OWNER]}
    found: list[dict[str, Any]] = [
        *api.containers(all=True, filters=filters),
        *(api.volumes(filters=filters)["Volumes"] or ()),
        *api.networks(filters=filters),
    ]
    return {labels[OWNER] for one in found if OWNER in (labels := one["Labels"] or {})}


def _unless_used(remove: Callable[[str], object], name: str) -> None:
    from docker.errors import APIError

    with contextlib.suppress(APIError):
        remove(name)
