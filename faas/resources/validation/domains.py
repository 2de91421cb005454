"""The rules for DomainMapping. Source: knative/serving pkg/apis/serving/v1beta1/domainmapping_validation.go."""

from __future__ import annotations

from collections.abc import Iterator

from faas.resources import names
from faas.resources.config import Config
from faas.resources.domains import DomainMapping
from faas.resources.validation.destinations import validate_reference
from faas.resources.validation.errors import FieldError, disallowed
from faas.resources.validation.serving import validate_provenance
from faas.resources.views import Raw, decode

CLUSTER_DOMAIN = "cluster.local"


def validate_domain_mapping(new: Raw, old: Raw | None, config: Config) -> Iterator[FieldError]:
    mapping = decode(DomainMapping, new)
    if new["metadata"].get("generateName"):
        yield disallowed("metadata.generateName")
    yield from _validate_domain(mapping.metadata.name)
    ref, namespace = mapping.spec.ref, mapping.metadata.namespace
    yield from validate_reference(ref, "spec.ref")
    if ref.namespace and namespace and ref.namespace != namespace:
        details = f'parent namespace: "{namespace}" does not match ref: "{ref.namespace}"'
        yield FieldError("mismatched namespaces", ("spec.ref.namespace",), details)
    if old is not None:
        yield from validate_provenance(new, old)


def _validate_domain(name: str) -> Iterator[FieldError]:
    if problem := names.domain_problem(name):
        yield FieldError(f'invalid name "{name}": name: {problem}', ("metadata.name",))
    if name.endswith(f".{CLUSTER_DOMAIN}"):
        words = f'must not be a subdomain of cluster local domain "{CLUSTER_DOMAIN}"'
        yield FieldError(f'invalid name "{name}": {words}', ("metadata.name",))
