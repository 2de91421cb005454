"""How an image was made: from what, by what, with which parameters.

Source: in-toto attestation framework, Statement 1; SLSA provenance 1.0.
"""

from __future__ import annotations

from typing import Any

import msgspec

from faas_builders.oci import model
from faas_builders.oci.attestations.ingredients import Ingredients, Pin, oci_purl, own_version
from faas_builders.oci.image_layers import moment

MEDIA_TYPE = "application/vnd.in-toto+json"
PREDICATE = "https://slsa.dev/provenance/v1"

_BUILD_TYPE = "https://faas.dev/builds/{builder}/v1"
_BUILDER = "https://faas.dev/builders/{builder}"


def make_provenance(digest: str, made_of: Ingredients, *, builder: str = "oci") -> bytes:
    """The statement about the image with this digest; the same image and ingredients give the same bytes.

    It tells no moment at which it was made: that would make each build another one.
    """
    statement: dict[str, Any] = {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": made_of.name, "digest": {"sha256": model.hex_of(digest)}}],
        "predicateType": PREDICATE,
        "predicate": {
            "buildDefinition": {
                "buildType": _BUILD_TYPE.format(builder=builder),
                "externalParameters": {
                    **made_of.parameters,
                    "name": made_of.name,
                    "base": made_of.base,
                    "platform": str(made_of.platform),
                },
                "internalParameters": {"python": made_of.python, "sourceDateEpoch": moment(made_of.epoch)},
                "resolvedDependencies": [*_sources(made_of), *_base(made_of), *map(_pin, made_of.pinned())],
            },
            "runDetails": {
                "builder": {
                    "id": _BUILDER.format(builder=builder),
                    "version": {name: own_version(name) for name in ("faas-builders", "faas-runtime")},
                }
            },
        },
    }
    return msgspec.json.encode(statement, order="sorted")


def _sources(made_of: Ingredients) -> list[dict[str, Any]]:
    if not made_of.commit:
        return []
    where = {"uri": f"git+{made_of.repository}@{made_of.commit}"} if made_of.repository else {}
    return [{"name": "sources", "digest": {"gitCommit": made_of.commit}, **where}]


def _base(made_of: Ingredients) -> list[dict[str, Any]]:
    base = made_of.base_image
    if base is None:
        return []
    uri = oci_purl(base.name, base.digest, repository=base.repository, tag=base.tag)
    return [{"name": "base", "uri": uri, "digest": {"sha256": model.hex_of(base.digest)}}]


def _pin(pin: Pin) -> dict[str, Any]:
    """A pin with the hash of one archive names that; with several, one of them was taken."""
    if len(pin.hashes) == 1:
        return {"uri": pin.purl, "digest": {"sha256": pin.hashes[0]}}
    return {"uri": pin.purl, **({"annotations": {"pinnedSha256": list(pin.hashes)}} if pin.hashes else {})}
