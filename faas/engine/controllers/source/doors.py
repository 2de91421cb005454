"""Opens and closes the gateway's way to sources that receive HTTP."""

from __future__ import annotations

from faas.engine.contract.board import Board
from faas.engine.contract.sources import SourceKey, endpoint_key
from faas.engine.controllers.source.plan import Door


class Doors:
    """Writes what belongs to sources of `board.targets`, `board.hosts` and `board.policies`."""

    def __init__(self, board: Board) -> None:
        self._board = board
        self._open: dict[SourceKey, Door] = {}

    def open(self, key: SourceKey, door: Door) -> bool:
        """Whether it is open; a name that a Service or another source has already stays theirs."""
        board, name = self._board, f"{door.target.namespace}/{door.target.label}"
        existing = board.targets.get(name)
        if existing is not None and existing.route != door.target.route:
            self.close(key)
            return False
        before = self._open.get(key)
        if before is not None and before.hosts != door.hosts:
            self.close(key)
        self._open[key] = door
        board.policies.put(endpoint_key(key), door.policy)
        board.targets.put(name, door.target)
        for host in door.hosts:
            board.hosts.put(host, name)
        return True

    def close(self, key: SourceKey) -> None:
        door = self._open.pop(key, None)
        if door is None:
            return
        for host in door.hosts:
            self._board.hosts.delete(host)
        self._board.targets.delete(f"{door.target.namespace}/{door.target.label}")
        self._board.policies.delete(endpoint_key(key))
