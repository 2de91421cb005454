"""The bill of materials of an image: its base, the application, and every distribution that was installed for it.

Source: CycloneDX 1.6 (JSON), package URLs.
"""

from __future__ import annotations

import hashlib
import uuid
from typing import Any

import msgspec

from faas_builders.oci.attestations.distributions import Distribution
from faas_builders.oci.attestations.ingredients import Ingredients, Pin, oci_purl, own_version, pypi_purl
from faas_builders.oci.attestations.inventory import Inventory, take_inventory
from faas_builders.oci.image_layers import moment

MEDIA_TYPE = "application/vnd.cyclonedx+json"

_RUNTIME = "faas-runtime"
_APPLICATION = "application"
_LAYER, _PINNED = "faas:layer", "faas:pinned-sha256"  # names of properties


def make_sbom(digest: str, made_of: Ingredients) -> bytes:
    """The SBOM of the image with this digest; the same image and ingredients give the same bytes."""
    layers = {
        "deps": take_inventory(made_of.deps, made_of.platform, made_of.python),
        "runtime": take_inventory(made_of.runtime, made_of.platform, made_of.python, (_runtime(),)),
    }
    components = [_base(made_of), _application(made_of), *_distributions(layers, made_of.pinned())]
    image = {
        "bom-ref": digest,
        "type": "container",
        "name": made_of.name,
        "version": digest,
        "purl": oci_purl(made_of.name, digest, architecture=made_of.platform.architecture),
    }
    document: dict[str, Any] = {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "timestamp": moment(made_of.epoch),
            "lifecycles": [{"phase": "build"}],
            "tools": {
                "components": [
                    {"type": "application", "name": "faas-builders", "version": own_version("faas-builders")}
                ]
            },
            "component": image,
        },
        "components": [component for component in components if component],
        "dependencies": _dependencies(digest, made_of, layers),
    }
    document["serialNumber"] = _serial_number(document)
    return msgspec.json.encode(document, order="sorted")


def _base(made_of: Ingredients) -> dict[str, Any] | None:
    base = made_of.base_image
    if base is None:
        return None
    purl = oci_purl(
        base.name,
        base.digest,
        repository=base.repository,
        tag=base.tag,
        architecture=made_of.platform.architecture,
    )
    return {
        "bom-ref": purl,
        "type": "container",
        "name": base.repository,
        "version": base.tag or base.digest,
        "purl": purl,
        "hashes": [{"alg": "SHA-256", "content": base.digest.removeprefix("sha256:")}],
    }


def _application(made_of: Ingredients) -> dict[str, Any]:
    name, number = made_of.application()
    return {
        "bom-ref": _APPLICATION,
        "type": "application",
        "name": name,
        **({"version": number} if number else {}),
        "properties": [{"name": _LAYER, "value": "app"}],
    }


def _runtime() -> Distribution:
    """Ours is copied into its layer, so it has no metadata there."""
    return Distribution(_RUNTIME, own_version(_RUNTIME), license_expression="Apache-2.0", requires=_runtime_needs())


def _runtime_needs() -> tuple[str, ...]:
    from faas_builders.deps.runtime_requirements import base_requirements

    return tuple(base_requirements())


def _distributions(layers: dict[str, Inventory], pins: tuple[Pin, ...]) -> list[dict[str, Any]]:
    hashes = {pin.name: pin.hashes for pin in pins}
    components: dict[str, dict[str, Any]] = {}
    for layer, inventory in layers.items():
        for one in inventory.distributions:
            purl = pypi_purl(one.name, one.version)
            component = components.setdefault(purl, _component(one, purl))
            component["properties"].append({"name": _LAYER, "value": layer})
            if layer == "deps":
                _add_hashes(component, hashes.get(one.name, ()))
    return [components[purl] for purl in sorted(components)]


def _component(one: Distribution, purl: str) -> dict[str, Any]:
    component: dict[str, Any] = {"bom-ref": purl, "type": "library", "name": one.name, "version": one.version}
    component |= {"purl": purl, "properties": []}
    if one.summary:
        component["description"] = one.summary
    if one.license_expression:
        component["licenses"] = [{"expression": one.license_expression}]
    elif one.licenses:
        component["licenses"] = [{"license": {"name": name}} for name in one.licenses]
    return component


def _add_hashes(component: dict[str, Any], hashes: tuple[str, ...]) -> None:
    """One pinned hash is that of what was installed; of several it is one, the others are of other platforms."""
    if len(hashes) == 1:
        component["hashes"] = [{"alg": "SHA-256", "content": hashes[0]}]
    else:
        component["properties"] += [{"name": _PINNED, "value": value} for value in hashes]


def _dependencies(digest: str, made_of: Ingredients, layers: dict[str, Inventory]) -> list[dict[str, Any]]:
    """The image is its base and the application, which needs the runtime and all that nothing else has asked for."""
    base = _base(made_of)
    needs: dict[str, set[str]] = {digest: {_APPLICATION, *([base["bom-ref"]] if base else [])}, _APPLICATION: set()}
    if base:
        needs[base["bom-ref"]] = set()
    for inventory in layers.values():
        refs = {one.name: pypi_purl(one.name, one.version) for one in inventory.distributions}
        wanted = {other for others in inventory.needs.values() for other in others}
        needs[_APPLICATION] |= {refs[name] for name in refs if name not in wanted}
        for name, others in inventory.needs.items():
            needs.setdefault(refs[name], set()).update(refs[other] for other in others)
    return [{"ref": ref, "dependsOn": sorted(needs[ref])} for ref in sorted(needs)]


def _serial_number(document: dict[str, Any]) -> str:
    content = hashlib.sha256(msgspec.json.encode(document, order="sorted")).digest()
    return f"urn:uuid:{uuid.UUID(bytes=content[:16], version=5)}"
