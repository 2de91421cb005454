"""Which change concerns which DomainMapping."""

from __future__ import annotations

from contextlib import ExitStack

from faas.client.protocol import Object
from faas.engine.contract.board import Board
from faas.engine.controllers.cache import Key, key_of
from faas.engine.controllers.caches import Caches
from faas.engine.controllers.queue import WorkQueue
from faas.engine.controllers.referrers import Referrers


class _Domains:
    """The mappings of each domain, in whichever namespaces."""

    def __init__(self, caches: Caches) -> None:
        self._of: dict[str, set[Key]] = {}
        for key in caches.domain_mappings:
            self._of.setdefault(key.name, set()).add(key)
        caches.domain_mappings.listeners.append(self._changed)

    def of(self, domain: str) -> frozenset[Key]:
        return frozenset(self._of.get(domain, ()))

    def _changed(self, old: Object | None, new: Object | None) -> None:
        key = key_of(new or old or {})
        keys = self._of.setdefault(key.name, set())
        if new is not None:
            keys.add(key)
        else:
            keys.discard(key)
        if not keys:
            del self._of[key.name]


def connect(caches: Caches, board: Board, queue: WorkQueue[Key], exit: ExitStack) -> None:
    """Let changes of what a mapping depends on put it into the queue, until `exit` closes."""
    domains, referrers = _Domains(caches), Referrers()

    def claim_changed(old: Object | None, new: Object | None) -> None:
        claim = new or old or {}
        queue.add(_made_for(claim))  # which may be gone, and the claim with it
        queue_all(claim["metadata"]["name"])

    def queue_all(domain: str) -> None:
        for key in domains.of(domain):
            queue.add(key)

    caches.cluster_domain_claims.listeners.append(claim_changed)
    referrers.follow(caches.domain_mappings, queue)
    for cache in caches.addressable:
        referrers.tell(cache)
    exit.callback(board.hosts.listen(lambda host, _: queue_all(host)))
    for key in caches.cluster_domain_claims:
        queue.add(_made_for(caches.cluster_domain_claims.raw(key)))


def _made_for(claim: Object) -> Key:
    return Key((claim.get("spec") or {}).get("namespace", ""), claim["metadata"]["name"])
