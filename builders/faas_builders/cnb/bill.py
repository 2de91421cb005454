"""The bill of materials of one layer: the distributions in it. The lifecycle makes one of the image out of them.

Source: CNB Buildpack Interface 0.10, "Software Bill of Materials"; CycloneDX 1.6 (JSON).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from faas_builders.oci.attestations.distributions import Distribution, find_distributions
from faas_builders.oci.attestations.ingredients import own_version, pypi_purl


def make_bill(layer: str, folder: Path) -> bytes:
    """The same content gives the same bytes, so that a layer that is reused keeps its bill."""
    tool = {"type": "application", "name": "faas-builders", "version": own_version("faas-builders")}
    document = {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "tools": {"components": [tool]},
            "component": {"bom-ref": layer, "type": "file", "name": layer},
        },
        "components": [_component(one) for one in find_distributions(folder)],
    }
    return msgspec.json.encode(document, order="sorted")


def _component(one: Distribution) -> dict[str, Any]:
    purl = pypi_purl(one.name, one.version)
    component: dict[str, Any] = {"bom-ref": purl, "type": "library", "name": one.name, "version": one.version}
    component["purl"] = purl
    if one.license_expression:
        component["licenses"] = [{"expression": one.license_expression}]
    elif one.licenses:
        component["licenses"] = [{"license": {"name": name}} for name in one.licenses]
    return component
