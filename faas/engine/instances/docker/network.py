"""The network of this engine's containers: a bridge of its own, on which they do not see each other.

No port is published: a container is reached at its own address, which is open to this machine only. Where the bridge
is not this machine's (Docker Desktop, a rootless engine), ports are published on 127.0.0.1 instead.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from dataclasses import dataclass

from faas.engine.instances.docker.connection import Api, Docker, DockerError
from faas.engine.instances.docker.ownership import Ownership

_OPTIONS = {"com.docker.network.bridge.enable_icc": "false"}  # containers of one network otherwise reach each other


@dataclass(frozen=True, slots=True)
class Bridge:
    id: str
    gateway: str  # this machine's address on it
    is_reachable: bool


class Network:
    """Made with the first container, removed when there is none."""

    def __init__(self, docker: Docker, ownership: Ownership) -> None:
        self._docker, self._ownership = docker, ownership
        self._making = asyncio.Lock()
        self._bridge: Bridge | None = None

    async def bridge(self) -> Bridge:
        """Raises: DockerUnavailable, DockerError."""
        if self._bridge is None:
            async with self._making:
                if self._bridge is None:
                    self._bridge = await self._docker.call(self._make)
        return self._bridge

    def forget(self) -> None:
        """Somebody removed it, or the Docker engine is another one."""
        self._bridge = None

    async def remove(self) -> None:
        """As far as nobody uses it."""
        self._bridge = None
        with contextlib.suppress(DockerError):
            await self._docker.call(lambda api: api.remove_network(self._ownership.name))

    def _make(self, api: Api) -> Bridge:
        found = api.networks(filters={"label": [f"{k}={v}" for k, v in self._ownership.labels.items()]})
        known = [one for one in found if one["Name"] == self._ownership.name]
        if known:
            id = str(known[0]["Id"])
        else:
            made = api.create_network(
                self._ownership.name,
                driver="bridge",
                options=_OPTIONS,
                labels=self._ownership.labels,
                check_duplicate=True,
            )
            id = str(made["Id"])
        addresses = api.inspect_network(id)["IPAM"]["Config"] or [{}]
        gateway = str(addresses[0].get("Gateway", ""))
        return Bridge(id, gateway, is_own_address(gateway))


def is_own_address(address: str) -> bool:
    """Whether one of this machine's interfaces has it, so that what is behind that interface can be reached."""
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((address, 0))
        except OSError:
            return False
    return bool(address)
