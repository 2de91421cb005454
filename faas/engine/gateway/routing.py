"""From a Host header and a path to the revision that answers: pure, the randomness is passed in."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple
from urllib.parse import unquote_to_bytes

import msgspec

from faas.engine.contract.dataplane import Split, Table, Target
from faas.engine.gateway.http.host import host_name, is_ip_literal

# A cache of answers; cleared when full, so a client cannot make it grow with invented hosts.
_CACHE_ENTRIES = 4096


class Resolution(NamedTuple):
    target: Target
    prefix: bytes  # b"" or /_/NAMESPACE/LABEL, which the instance does not see


def choose(splits: tuple[Split, ...], point: float) -> str | None:
    """The revision for one request; `point` is uniform in [0, 1). None while nothing is assigned."""
    mark = point * 100.0
    for split in splits:
        mark -= split.percent
        if mark < 0:
            return split.revision
    # Percents that add up to less than 100 leave a gap at the end: the last one with traffic takes it.
    return next((split.revision for split in reversed(splits) if split.percent > 0), None)


class Router:
    """Answers for one table.

    The path form is for hosts that no attacker can point here: addresses, localhost and `own_hosts`. A page on
    evil.example that rebinds its name to this machine gets 404 for every path. Where such a host is also somebody's
    domain (http://192.0.2.7/ on a box without a name), the path form goes first.
    """

    def __init__(self, table: Table, *, own_hosts: Iterable[str] = ()) -> None:
        self._table = table
        self._own = {"localhost", "", *(host.lower() for host in own_hosts)}
        self._cache: dict[bytes, Resolution | None] = {}

    def resolve(self, host: bytes, target: bytes, *, public: bool) -> Resolution | None:
        """Find the Target for a request; None is a 404. On the public listener cluster-local ones do not exist."""
        cached = self._cache[host] if host in self._cache else self._by_host(host)
        if target.startswith(b"/_/") and (cached is None or self._is_own(host)):
            found = self._by_path(host, target, public)
            if found is not None:
                return found
        return None if cached is None or (public and not cached.target.public) else cached

    def _by_host(self, host: bytes) -> Resolution | None:
        if len(self._cache) >= _CACHE_ENTRIES:
            self._cache.clear()
        name, table = host_name(host), self._table
        target = table.targets.get(table.hosts.get(name, ""))
        if target is None and (target := table.targets.get(table.domains.get(name, ""))) is not None:
            target = msgspec.structs.replace(target, public=True)
        found = self._cache[host] = None if target is None else Resolution(target, b"")
        return found

    def _is_own(self, host: bytes) -> bool:
        name = host_name(host)
        return name in self._own or is_ip_literal(name)

    def _by_path(self, host: bytes, target: bytes, public: bool) -> Resolution | None:
        if public and not self._is_own(host):
            return None
        parts = target.partition(b"?")[0].split(b"/", 4)
        if len(parts) < 4:
            return None
        found = self._table.targets.get(f"{parts[2].decode('latin-1')}/{parts[3].decode('latin-1')}")
        if found is None or (public and not found.public):
            return None
        return Resolution(found, b"/_/" + parts[2] + b"/" + parts[3])


def is_internal(target: bytes) -> bool:
    """Whether a function sees this as a path of its runtime: event deliveries, probes, metrics.

    Those are for the platform; a public client that posts to an event's path would make up events past every filter.
    """
    if b"_faas" not in target and b"%" not in target:
        return False  # as nearly always
    path = target.partition(b"?")[0]
    if b"%" in path:
        path = unquote_to_bytes(path)  # once, as servers do
    return path.startswith(b"/_faas") and path[6:7] in (b"", b"/")


def strip_prefix(target: bytes, prefix: bytes) -> bytes:
    """The target as the instance sees it: always with a leading slash, the query kept."""
    rest = target[len(prefix) :]
    return rest if rest.startswith(b"/") else b"/" + rest
