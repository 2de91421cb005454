"""Cluster-local services for containers that speak plain HTTP: the name in a URL leads to the engine's internal socket.

A container that is told `http://city.default.svc.cluster.local` (in a variable, or as K_SINK) gets that name into its
/etc/hosts, with this machine's address on the containers' bridge; there, on port 80, connections are passed on to
the gateway. Only containers of this engine are served: others on this machine may send to that address too.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
from collections.abc import Callable, Iterable
from pathlib import Path

from faas.engine.contract.settings import LOCAL_DOMAIN

log = logging.getLogger(__name__)

PORT = 80  # what a URL without a port means
MOST_CONNECTIONS = 1000
_LOOKS, _LOOK_S = 20, 0.05
_CHUNK = 65536
_LABEL = r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?"
_NAME = re.compile(rf"(?<![a-z0-9.-]){_LABEL}(?:\.{_LABEL})+\.{re.escape(LOCAL_DOMAIN)}(?![a-z0-9-]|\.[a-z0-9])")


def names_in(texts: Iterable[str]) -> tuple[str, ...]:
    """The cluster-local hosts that these texts speak of."""
    return tuple(sorted({name for text in texts for name in _NAME.findall(text)}))


class Relay:
    """Owned by the driver; opened with the bridge."""

    def __init__(self, gateway: Path, is_ours: Callable[[str], bool], port: int = PORT) -> None:
        """Args: is_ours: whether a container of this engine has that address."""
        self._gateway, self._is_ours, self._port = gateway, is_ours, port
        self._server: asyncio.Server | None = None
        self._opening = asyncio.Lock()
        self._address = ""
        self._refused = ""  # where we may not listen; said once
        self._passing: set[asyncio.Task[None]] = set()

    async def open(self, address: str) -> bool:
        """Listen there, if we may. Returns: whether names can lead there."""
        async with self._opening:
            return await self._open(address)

    async def _open(self, address: str) -> bool:
        if self._server is not None and self._address == address:
            return True
        if self._refused == address:
            return False
        await self.close()
        try:
            self._server = await asyncio.start_server(self._pass_on, address, self._port)
        except OSError as error:
            self._refused = address
            log.warning(
                "containers cannot call cluster-local services by URL: port %d of %s: %s; it takes root, or "
                "net.ipv4.ip_unprivileged_port_start",
                self._port,
                address,
                error.strerror or error,
            )
            return False
        self._address = address
        return True

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        for task in self._passing:
            task.cancel()
        if self._passing:
            await asyncio.wait(self._passing)

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._passing.add(task)
        try:
            address = writer.get_extra_info("peername")[0]
            if len(self._passing) <= MOST_CONNECTIONS and await self._knows(address):
                await self._connect(reader, writer)
        except asyncio.CancelledError:
            return  # the engine ends; whoever awaits this is us
        finally:
            self._passing.discard(task)
            writer.close()

    async def _knows(self, address: str) -> bool:
        """A container that calls at once is sooner than what tells us its address."""
        for _ in range(_LOOKS):
            if self._is_ours(address):
                return True
            await asyncio.sleep(_LOOK_S)
        return False

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):  # either side is gone, which the other one learns by that
            inner_reader, inner_writer = await asyncio.open_unix_connection(str(self._gateway))
            with contextlib.closing(inner_writer):
                async with asyncio.TaskGroup() as group:
                    group.create_task(_pump(reader, inner_writer))
                    group.create_task(_pump(inner_reader, writer))


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(_CHUNK):
            writer.write(data)
            await writer.drain()
        writer.write_eof()
