"""What is told with an image: valid documents, the same each time, and no secret in them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from faas_builders.oci.attestations import provenance, sbom
from faas_builders.oci.attestations.attesting import attest
from faas_builders.oci.attestations.distributions import dependency_graph, find_distributions
from faas_builders.oci.attestations.ingredients import BaseImage, Ingredients, Pin, oci_purl, parse_pins
from faas_builders.oci.store import ImageStore
from faas_builders.target import Platform

from tests.images import put_image

pytestmark = pytest.mark.usefixtures("cache")

DIGEST, BASE = "sha256:" + "ab" * 32, "sha256:" + "cd" * 32
ONE, TWO = "1" * 64, "2" * 64
PINS = f"""\
--index-url https://me:hunter2@index.example/simple
# what we need
flask==3.1.0 \\
    --hash=sha256:{ONE} \\
    --hash=sha256:{TWO}
Typing.Extensions==4.12.0 --hash=sha256:{ONE}
private @ https://me:hunter2@files.example/private-1.0.whl
numpy==2.0+local ; python_version >= "3.9"
https://me:hunter2@files.example/other-1.0.whl
"""


def distribution(folder: Path, name: str, version: str, *lines: str) -> None:
    info = folder / f"{name}-{version}.dist-info"
    info.mkdir(parents=True)
    metadata = ["Metadata-Version: 2.4", f"Name: {name}", f"Version: {version}", *lines]
    (info / "METADATA").write_text("\n".join(metadata) + "\n\nA long text.\n")


@pytest.fixture
def deps(tmp_path: Path) -> Path:
    folder = tmp_path / "deps"
    distribution(
        folder,
        "Flask",
        "3.1.0",
        "Summary: A web framework",
        "License-Expression: BSD-3-Clause",
        "Requires-Dist: typing-extensions>=4; python_version < '3.13'",
        "Requires-Dist: numpy[fast]",
        "Requires-Dist: colorama; sys_platform == 'win32'",
        "Requires-Dist: asgiref; extra == 'async'",
        "Provides-Extra: async",
    )
    distribution(folder, "typing_extensions", "4.12.0", "License: PSF")
    distribution(
        folder,
        "numpy",
        "2.0+local",
        "Classifier: License :: OSI Approved :: BSD License",
        "License: " + "the whole text of a license " * 20,
        "Requires-Dist: blas; extra == 'fast'",
        "Requires-Dist: flask; extra == 'web'",
    )
    distribution(folder, "blas", "1!2.0")
    distribution(folder, "colorama", "1.0")
    distribution(folder, "private", "1.0")
    return folder


@pytest.fixture
def made_of(tmp_path: Path, deps: Path) -> Ingredients:
    project = tmp_path / "project"
    project.mkdir()
    (project / "pyproject.toml").write_text("[project]\nname = 'my-shop'\nversion = '2.1'\n")
    (tmp_path / "pins.txt").write_text(PINS)
    runtime = tmp_path / "runtime"
    distribution(runtime, "typing_extensions", "4.12.0", "License: PSF")
    return Ingredients(
        name="shop",
        platform=Platform("linux", "arm64"),
        python="3.12.4",
        base=f"localhost:5000/library/python:3.12-slim@{BASE}",
        project=project,
        deps=deps,
        runtime=runtime,
        pins=tmp_path / "pins.txt",
        epoch=86400,
        commit="c0ffee" * 6 + "beef",
        repository="https://git.example/shop.git",
        parameters={"groups": ["web"]},
    )


def test_pins_are_names_versions_and_hashes_and_no_addresses() -> None:
    assert parse_pins(PINS) == (
        Pin("flask", "3.1.0", (ONE, TWO)),
        Pin("numpy", "2.0+local"),
        Pin("private", ""),
        Pin("typing-extensions", "4.12.0", (ONE,)),
    )


@pytest.mark.parametrize(
    ("reference", "base"),
    [
        (f"docker.io/library/python:3.12-slim@{BASE}", BaseImage("docker.io/library/python", "3.12-slim", BASE)),
        (f"localhost:5000/python@{BASE}", BaseImage("localhost:5000/python", "", BASE)),
    ],
)
def test_a_base_is_taken_apart(reference: str, base: BaseImage) -> None:
    assert BaseImage.parse(reference) == base


def test_package_urls_of_images_are_written_as_their_type_has_it() -> None:
    purl = oci_purl("Python", BASE, repository="localhost:5000/library/python", tag="3.12", architecture="arm64")

    assert purl == (
        f"pkg:oci/python@sha256%3A{BASE[7:]}?arch=arm64&repository_url=localhost:5000/library/python&tag=3.12"
    )


def test_the_graph_follows_markers_of_the_image_and_extras_that_are_asked_for(deps: Path) -> None:
    graph = dependency_graph(find_distributions(deps), Platform("linux", "arm64"), "3.12.4")

    assert graph == {
        "blas": (),
        "colorama": (),
        "flask": ("numpy", "typing-extensions"),
        "numpy": ("blas",),
        "private": (),
        "typing-extensions": (),
    }
    newer = dependency_graph(find_distributions(deps), Platform("linux", "arm64"), "3.13.0")
    assert newer["flask"] == ("numpy",)


def component(bill: dict[str, Any], name: str) -> dict[str, Any]:
    return next(one for one in bill["components"] if one["name"] == name)


def test_a_bill_names_base_application_and_every_distribution(made_of: Ingredients) -> None:
    bill = json.loads(sbom.make_sbom(DIGEST, made_of))

    assert bill["metadata"]["timestamp"] == "1970-01-02T00:00:00Z"
    assert bill["metadata"]["component"]["purl"] == f"pkg:oci/shop@sha256%3A{'ab' * 32}?arch=arm64"
    assert component(bill, "my-shop")["version"] == "2.1"
    assert component(bill, "localhost:5000/library/python")["hashes"] == [{"alg": "SHA-256", "content": "cd" * 32}]
    assert component(bill, "flask") == {
        "bom-ref": "pkg:pypi/flask@3.1.0",
        "type": "library",
        "name": "flask",
        "version": "3.1.0",
        "purl": "pkg:pypi/flask@3.1.0",
        "description": "A web framework",
        "licenses": [{"expression": "BSD-3-Clause"}],
        "properties": [
            {"name": "faas:layer", "value": "deps"},
            {"name": "faas:pinned-sha256", "value": ONE},
            {"name": "faas:pinned-sha256", "value": TWO},
        ],
    }
    assert component(bill, "numpy")["licenses"] == [{"license": {"name": "BSD License"}}]
    assert component(bill, "numpy")["purl"] == "pkg:pypi/numpy@2.0%2Blocal"
    assert component(bill, "blas")["purl"] == "pkg:pypi/blas@1%212.0"
    both = component(bill, "typing-extensions")
    assert both["hashes"] == [{"alg": "SHA-256", "content": ONE}]
    assert [one["value"] for one in both["properties"]] == ["deps", "runtime"]
    assert component(bill, "faas-runtime")["licenses"] == [{"expression": "Apache-2.0"}]
    needs = {one["ref"]: one["dependsOn"] for one in bill["dependencies"]}
    assert needs["pkg:pypi/flask@3.1.0"] == ["pkg:pypi/numpy@2.0%2Blocal", "pkg:pypi/typing-extensions@4.12.0"]
    assert "pkg:pypi/flask@3.1.0" in needs["application"]
    assert "application" in needs[DIGEST]


def test_a_bill_is_valid(made_of: Ingredients) -> None:
    validation = pytest.importorskip("cyclonedx.validation.json", reason="cyclonedx-python-lib is not installed")
    schema = pytest.importorskip("cyclonedx.schema")
    validator = validation.JsonStrictValidator(schema.SchemaVersion.V1_6)

    for one in (made_of, Ingredients("shop", made_of.platform, "3.12.4", "host", Path("/nowhere"))):
        assert validator.validate_str(sbom.make_sbom(DIGEST, one).decode()) is None


def test_a_provenance_names_what_went_in_and_what_made_it(made_of: Ingredients) -> None:
    statement = json.loads(provenance.make_provenance(DIGEST, made_of))

    assert statement["_type"] == "https://in-toto.io/Statement/v1"
    assert statement["predicateType"] == "https://slsa.dev/provenance/v1"
    assert statement["subject"] == [{"name": "shop", "digest": {"sha256": "ab" * 32}}]
    definition = statement["predicate"]["buildDefinition"]
    assert definition["buildType"] == "https://faas.dev/builds/oci/v1"
    assert definition["externalParameters"] == {
        "base": f"localhost:5000/library/python:3.12-slim@{BASE}",
        "groups": ["web"],
        "name": "shop",
        "platform": "linux/arm64",
    }
    assert definition["resolvedDependencies"] == [
        {
            "name": "sources",
            "uri": f"git+https://git.example/shop.git@{'c0ffee' * 6}beef",
            "digest": {"gitCommit": "c0ffee" * 6 + "beef"},
        },
        {
            "name": "base",
            "uri": oci_purl("python", BASE, repository="localhost:5000/library/python", tag="3.12-slim"),
            "digest": {"sha256": "cd" * 32},
        },
        {"uri": "pkg:pypi/flask@3.1.0", "annotations": {"pinnedSha256": [ONE, TWO]}},
        {"uri": "pkg:pypi/numpy@2.0%2Blocal"},
        {"uri": "pkg:pypi/private"},
        {"uri": "pkg:pypi/typing-extensions@4.12.0", "digest": {"sha256": ONE}},
    ]
    assert statement["predicate"]["runDetails"]["builder"]["id"] == "https://faas.dev/builders/oci"


def test_neither_holds_a_password_or_a_folder_of_this_machine(made_of: Ingredients, tmp_path: Path) -> None:
    for document in (sbom.make_sbom(DIGEST, made_of), provenance.make_provenance(DIGEST, made_of)):
        assert b"hunter2" not in document
        assert str(tmp_path).encode() not in document


def test_attesting_the_same_image_again_changes_nothing(made_of: Ingredients, tmp_path: Path) -> None:
    store = ImageStore(tmp_path / "images")
    image = store.descriptor(str(put_image(store, "shop", {"a": b"1"})))

    first = attest(store, image, made_of)
    second = attest(store, image, made_of)

    assert first == second
    listed = store.referrers(image.digest)
    assert [one.artifact_type for one in listed] == ["application/vnd.cyclonedx+json", "application/vnd.in-toto+json"]
    assert listed[1].annotations == {"in-toto.io/predicate-type": "https://slsa.dev/provenance/v1"}


def test_what_was_read_once_is_read_again_when_it_changes(made_of: Ingredients, deps: Path) -> None:
    first = sbom.make_sbom(DIGEST, made_of)
    assert sbom.make_sbom(DIGEST, made_of) == first

    distribution(deps, "added", "1.0")

    assert b"pkg:pypi/added@1.0" in sbom.make_sbom(DIGEST, made_of)
