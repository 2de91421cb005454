"""Who has a domain: the namespace that its ClusterDomainClaim names. Pure.

A claim that a mapping made says so by a label, and goes with the mapping; one that somebody else made stays.
Source: knative/serving pkg/reconciler/domainmapping/resources/domainclaim.go. There all claims of the mapping's
namespace go, by a finalizer; a label needs none, and finds a claim whose mapping went while nobody looked.
"""

from __future__ import annotations

from faas.client.protocol import Object
from faas.engine.controllers.cache import Key
from faas.resources.domains import ClusterDomainClaim
from faas.resources.keys import DOMAIN_MAPPING_NAMESPACE_LABEL
from faas.resources.kinds import CLUSTER_DOMAIN_CLAIM


def make_claim(mapping: Key) -> Object:
    return {
        "apiVersion": CLUSTER_DOMAIN_CLAIM.api_version,
        "kind": CLUSTER_DOMAIN_CLAIM.kind,
        "metadata": {"name": mapping.name, "labels": {DOMAIN_MAPPING_NAMESPACE_LABEL: mapping.namespace}},
        "spec": {"namespace": mapping.namespace},
    }


def is_made_for(claim: ClusterDomainClaim, mapping: Key) -> bool:
    """Whether the claim is there because of this mapping."""
    made_for = claim.metadata.labels.get(DOMAIN_MAPPING_NAMESPACE_LABEL)
    return claim.spec.namespace == made_for == mapping.namespace


def complaint_of(claim: ClusterDomainClaim | None, mapping: Key) -> str:
    """Why the mapping may not have its domain; empty if it may. Knative's words."""
    if claim is None:
        why = "and autocreate-cluster-domain-claims property is not true"
        return f'no ClusterDomainClaim found for domain "{mapping.name}" ({why})'
    if claim.spec.namespace != mapping.namespace:
        return "The domain name is already in use by another DomainMapping"
    return ""
