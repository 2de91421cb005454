"""Views of DomainMapping and ClusterDomainClaim: a domain of one's own for a Service, and who may have it.

Source: knative/serving pkg/apis/serving/v1beta1; knative/networking pkg/apis/networking/v1alpha1.
"""

from __future__ import annotations

from typing import Annotated, ClassVar

from faas.resources import kinds
from faas.resources.duck import Addressable, AddressedGroupReference, Status
from faas.resources.kinds import Kind
from faas.resources.meta import ObjectMeta
from faas.resources.views import ObjectView, View, doc


class SecretTls(View, frozen=True):
    """A certificate for the domain."""

    secret_name: Annotated[
        str, doc("Secret with the certificate; the engine's listener has a certificate of its own.", required=True)
    ] = ""


class DomainMappingSpec(View, frozen=True):
    """The wanted state of a DomainMapping."""

    ref: Annotated[AddressedGroupReference, doc("The Service or Route that gets the requests.", required=True)] = (
        AddressedGroupReference()
    )
    tls: Annotated[SecretTls | None, doc("A certificate for the domain.")] = None


class DomainMappingStatus(Status, frozen=True):
    """The observed state of a DomainMapping."""

    address: Annotated[Addressable | None, doc("Where events for it are sent.")] = None
    url: Annotated[str, doc("The domain's URL.")] = ""


class DomainMapping(ObjectView, frozen=True):
    """A domain of one's own for a Service or a Route: its name is the domain."""

    KIND: ClassVar[Kind] = kinds.DOMAIN_MAPPING
    metadata: Annotated[ObjectMeta, doc("The domain as the name; namespace, labels and annotations.")] = ObjectMeta()
    spec: Annotated[DomainMappingSpec, doc("Who gets the requests.")] = DomainMappingSpec()
    status: Annotated[DomainMappingStatus, doc("Whether the domain is served.")] = DomainMappingStatus()


class ClusterDomainClaimSpec(View, frozen=True):
    """The wanted state of a ClusterDomainClaim."""

    namespace: Annotated[str, doc("The one namespace whose DomainMapping may have the domain.", required=True)] = ""


class ClusterDomainClaim(ObjectView, frozen=True):
    """Gives a domain to a namespace: its name is the domain."""

    KIND: ClassVar[Kind] = kinds.CLUSTER_DOMAIN_CLAIM
    metadata: Annotated[ObjectMeta, doc("The domain as the name; labels and annotations.")] = ObjectMeta()
    spec: Annotated[ClusterDomainClaimSpec, doc("Who may have the domain.")] = ClusterDomainClaimSpec()
