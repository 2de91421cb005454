"""What a DomainMapping says of itself. Source: knative/serving domainmapping_lifecycle.go."""

from __future__ import annotations

from datetime import datetime

from msgspec.structs import replace

from faas.engine.controllers.addressing import Unresolved
from faas.engine.controllers.domainmapping.ingress import Surroundings, ingress_of
from faas.engine.controllers.marks import Marks
from faas.engine.controllers.naming import Naming
from faas.resources.conditions import DOMAIN_MAPPING_CONDITIONS
from faas.resources.domains import DomainMapping, DomainMappingStatus
from faas.resources.duck import Addressable


def observed_status(
    mapping: DomainMapping, around: Surroundings, naming: Naming, *, now: datetime
) -> DomainMappingStatus:
    marks = Marks(DOMAIN_MAPPING_CONDITIONS, mapping.status.conditions, now)
    _mark_certificate(marks, mapping, naming)
    ingress = ingress_of(around, mapping.metadata.name)
    marks.set("IngressReady", ingress.status, ingress.reason, ingress.message)
    if isinstance(around.target, Unresolved):
        marks.set("ReferenceResolved", around.target.status, around.target.reason, around.target.message)
    else:
        marks.true("ReferenceResolved")
    if around.complaint:
        marks.set("DomainClaimed", "False", "DomainAlreadyClaimed", around.complaint)
    else:
        marks.true("DomainClaimed")
    url = naming.origin(mapping.metadata.name)
    return replace(
        mapping.status,
        observed_generation=mapping.metadata.generation,
        conditions=marks.conditions,
        url=url,
        address=Addressable(url=url),
    )


def _mark_certificate(marks: Marks, mapping: DomainMapping, naming: Naming) -> None:
    """The listener's certificate, if it has one, is that of every domain: a Secret of a mapping's own is not used."""
    if mapping.spec.tls is None:
        marks.set("CertificateProvisioned", "True", "TLSNotEnabled", "external-domain-tls is not enabled")
        return
    unused = f'the certificate in Secret "{mapping.spec.tls.secret_name}" is not used'
    if naming.tls:
        message = f"The engine's listener serves all domains with its own certificate; {unused}."
        marks.set("CertificateProvisioned", "True", "CertificateExternallyProvided", message)
    else:
        message = f"The engine's listener has no certificate and serves HTTP; {unused}."
        marks.set("CertificateProvisioned", "True", "HTTPDowngrade", message)
