"""What the gateway remembers across its own restart: the last table and endpoints, beside the control socket."""

from __future__ import annotations

import asyncio
import logging
import os
from pathlib import Path

import msgspec

from faas.engine.contract.dataplane import Endpoints, Table
from faas.engine.gateway.gateway import Gateway

_log = logging.getLogger("faas.gateway")
# A burst of endpoints (0 to N) is one write; what a crash within it forgets, the engine sends again.
_DELAY_S = 0.05


class Snapshot(msgspec.Struct, frozen=True):
    table: Table
    endpoints: tuple[Endpoints, ...]


def load(path: Path) -> Snapshot | None:
    """The last state, or None when there is none that can be read."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Snapshot)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.MsgspecError) as error:
        _log.warning("starting without the last routing state: %s cannot be read (%s)", path, error)
        return None


def save(path: Path, snapshot: Snapshot) -> None:
    """Write atomically. Not synced: after a power cut the engine knows better anyway."""
    fresh = path.with_name(path.name + ".new")
    fresh.write_bytes(msgspec.json.encode(snapshot))
    os.replace(fresh, path)


class Memory:
    """Saves a gateway's state shortly after it has changed."""

    def __init__(self, path: Path, gateway: Gateway) -> None:
        self._path = path
        self._gateway = gateway
        self._timer: asyncio.TimerHandle | None = None

    def recall(self) -> None:
        """Bring a new gateway to where the last one was."""
        snapshot = load(self._path)
        if snapshot is not None:
            self._gateway.update_table(snapshot.table)
            for endpoints in snapshot.endpoints:
                self._gateway.update_endpoints(endpoints)

    def changed(self) -> None:
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(_DELAY_S, self.flush)

    def flush(self) -> None:
        if self._timer is None:
            return
        self._timer.cancel()
        self._timer = None
        try:
            save(self._path, Snapshot(self._gateway.table, tuple(self._gateway.known_endpoints())))
        except OSError as error:
            _log.warning("the routing state is not saved (%s); a restart of the gateway needs the engine", error)
