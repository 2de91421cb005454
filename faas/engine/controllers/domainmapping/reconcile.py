"""The shell of the DomainMapping controller: domains onto the board, claims and conditions into the API."""

from __future__ import annotations

from contextlib import suppress

from faas.client.errors import NotFound
from faas.engine.controllers.addressing import Unresolved
from faas.engine.controllers.cache import Key
from faas.engine.controllers.domainmapping.claim import complaint_of, is_made_for, make_claim
from faas.engine.controllers.domainmapping.ingress import Surroundings, served
from faas.engine.controllers.domainmapping.reference import route_of
from faas.engine.controllers.domainmapping.status import observed_status
from faas.engine.controllers.means import Means
from faas.engine.controllers.writes import create, report
from faas.resources.domains import DomainMapping
from faas.resources.kinds import CLUSTER_DOMAIN_CLAIM


class DomainMappingReconciler:
    """Writes `board.domains`."""

    def __init__(self, means: Means) -> None:
        self._means, self._client, self._caches, self._board = means, means.client, means.caches, means.board

    async def reconcile(self, key: Key) -> float | None:
        mapping = self._caches.domain_mappings.staying(key)
        if mapping is None:
            self._publish(key, None)
            await self._release(key)
            return None
        raw = self._caches.domain_mappings.raw(key)  # before anybody is waited for: a newer one would be a conflict
        around = self._surroundings(mapping, await self._claim(key))
        self._publish(key, served(around, key.name))
        status = observed_status(mapping, around, self._means.naming, now=self._means.clock.utc())
        await report(self._means, self._caches.domain_mappings, raw, mapping.status, status)
        return None

    async def _claim(self, key: Key) -> str:
        """Have the domain, if nobody else does. Returns: why not, or nothing."""
        claims = self._caches.cluster_domain_claims
        claim = claims.get(Key("", key.name))
        if claim is None and self._means.config.current.network.autocreate_cluster_domain_claims:
            claim = await create(self._client, claims, make_claim(key))
        return complaint_of(claim, key)

    async def _release(self, key: Key) -> None:
        claim = self._caches.cluster_domain_claims.get(Key("", key.name))
        if claim is not None and is_made_for(claim, key):
            with suppress(NotFound):
                await self._client.delete(CLUSTER_DOMAIN_CLAIM, key.name)

    def _surroundings(self, mapping: DomainMapping, complaint: str) -> Surroundings:
        ref, namespace, domain = mapping.spec.ref, mapping.metadata.namespace, mapping.metadata.name
        cache = self._means.resolver.cache_of(ref)
        named = Key(ref.namespace or namespace, ref.name)
        found = cache.raw(named) if cache is not None and cache.get(named) is not None else None
        target = route_of(ref, namespace, cache.kind if cache is not None else None, found)
        return Surroundings(
            complaint=complaint,
            target=target,
            route=None if isinstance(target, Unresolved) else self._caches.routes.get(target),
            is_host_taken=domain in self._board.hosts,
        )

    def _publish(self, key: Key, target: Key | None) -> None:
        """Another namespace's mapping of the same domain may be the one that is served: it stays as it is."""
        domains, before = self._board.domains, self._board.domains.get(key.name)
        if target is not None:
            domains.put(key.name, str(target))
        elif before is not None and before.partition("/")[0] == key.namespace:
            domains.delete(key.name)
