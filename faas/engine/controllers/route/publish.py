"""Which targets and hosts on the board are whose Route's: a name that is taken stays with who had it first."""

from __future__ import annotations

from faas.engine.contract.board import Board
from faas.engine.contract.dataplane import Target
from faas.engine.controllers.cache import Key
from faas.engine.controllers.naming import Naming
from faas.engine.controllers.route.hosts import make_targets
from faas.resources.serving import Route, TrafficTarget


class Publisher:
    """Writes `board.targets` and `board.hosts`."""

    def __init__(self, board: Board) -> None:
        self._board = board
        self._targets: dict[Key, set[str]] = {}
        self._hosts: dict[Key, set[str]] = {}

    def publish(self, key: Key, route: Route, traffic: tuple[TrafficTarget, ...], naming: Naming) -> list[str]:
        """Tell the gateway how a Route's requests are split. Returns: labels that another Route has already."""
        targets = make_targets(route, traffic, naming)
        taken = [target.label for name, target in targets.items() if self._is_taken(name, target)]
        targets = {name: target for name, target in targets.items() if target.label not in taken}
        hosts = {host: name for name, target in targets.items() for host in naming.hosts(route, target.tag)}
        for name, target in targets.items():
            self._board.targets.put(name, target)
        for host, name in hosts.items():
            self._board.hosts.put(host, name)
        self._drop(key, keep_targets=set(targets), keep_hosts=set(hosts))
        return taken

    def withdraw(self, key: Key) -> None:
        self._drop(key, keep_targets=set(), keep_hosts=set())

    def _is_taken(self, name: str, target: Target) -> bool:
        existing = self._board.targets.get(name)
        return existing is not None and existing.route != target.route

    def _drop(self, key: Key, *, keep_targets: set[str], keep_hosts: set[str]) -> None:
        for host in self._hosts.pop(key, set()) - keep_hosts:
            self._board.hosts.delete(host)
        for name in self._targets.pop(key, set()) - keep_targets:
            self._board.targets.delete(name)
        if keep_targets:
            self._targets[key], self._hosts[key] = keep_targets, keep_hosts
