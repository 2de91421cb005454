"""Tell with an image what it was made of, and how: an SBOM and a provenance that refer to it."""

from __future__ import annotations

from faas_builders.oci.attestations import provenance, sbom
from faas_builders.oci.attestations.ingredients import Ingredients
from faas_builders.oci.model import Descriptor
from faas_builders.oci.store import ImageStore


def attest(
    store: ImageStore, image: Descriptor, made_of: Ingredients, *, builder: str = "oci"
) -> tuple[Descriptor, Descriptor]:
    """Attach both to the image of one platform, instead of those that it has; SBOM first."""
    bill = store.put_referrer(image, sbom.MEDIA_TYPE, sbom.make_sbom(image.digest, made_of), replace=True)
    statement = store.put_referrer(
        image,
        provenance.MEDIA_TYPE,
        provenance.make_provenance(image.digest, made_of, builder=builder),
        annotations={"in-toto.io/predicate-type": provenance.PREDICATE},
        replace=True,
    )
    return bill, statement
