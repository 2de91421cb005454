"""An image goes from one repository to another with all that refers to it."""

from __future__ import annotations

from pathlib import Path

from faas_builders.registry.copying import copy_image
from faas_builders.registry.names import ImageName
from faas_builders.registry.push import push

from tests.containers_world import RunningRegistry, registry
from tests.integration.builders.registry.listing import list_referrers
from tests.integration.builders.registry.stores import SBOM, store_with_image, store_with_index

__all__ = ["registry"]

_SIGNATURE = "application/vnd.example.signature"


def named(registry: RunningRegistry, rest: str) -> ImageName:
    return ImageName.parse(f"{registry.host}/{rest}")


def test_bills_of_materials_of_all_platforms_come_along(registry: RunningRegistry, tmp_path: Path) -> None:
    store, reference = store_with_index(tmp_path)
    name = named(registry, "staging/indexed:1.0")
    digest = push(store, reference, name)

    copy_image(name.with_digest(digest), named(registry, "production/indexed:1.0"))

    index = registry.manifest("production/indexed", "1.0")
    for subject in (digest, *(entry["digest"] for entry in index["manifests"])):
        (sbom,) = list_referrers(registry.host, "production/indexed", subject)
        assert (sbom.artifact_type, sbom.digest) == (SBOM, store.referrers(subject)[0].digest)
        assert registry.manifest("production/indexed", sbom.digest)["subject"]["digest"] == subject


def test_a_signature_of_what_refers_to_it_comes_too_and_a_second_copy_adds_nothing(
    registry: RunningRegistry, tmp_path: Path
) -> None:
    store, reference = store_with_image(tmp_path)
    image = store.descriptor(reference)
    store.put_referrer(image, SBOM, b"{}")
    signed = next(each for each in store.referrers(image.digest) if each.artifact_type == SBOM)
    store.put_referrer(signed, _SIGNATURE, b"signed")
    name = named(registry, "staging/signed:1.0")
    push(store, reference, name)

    for _ in range(2):
        copy_image(name.with_digest(image.digest), named(registry, "production/signed:1.0"))

    assert [each.artifact_type for each in list_referrers(registry.host, "production/signed", image.digest)] == [SBOM]
    (signature,) = list_referrers(registry.host, "production/signed", signed.digest)
    assert signature.artifact_type == _SIGNATURE
