"""Documents of images: read from any maker, written the same each time, nothing of a base lost."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from faas_builders.errors import InvalidImage
from faas_builders.oci import model
from faas_builders.oci.model import Config, ContainerConfig, Descriptor, Index, Manifest, PlatformFields, RootFs
from faas_builders.target import Platform
from hypothesis import given
from hypothesis import strategies as st

DIGEST = "sha256:" + "ab" * 32
BASE: dict[str, Any] = {
    "created": "2026-01-02T03:04:05.678Z",
    "architecture": "arm64",
    "os": "linux",
    "variant": "v8",
    "os.version": "12",
    "docker_version": "20.10",
    "config": {
        "User": "app",
        "Env": ["PATH=/bin"],
        "Cmd": ["python3"],
        "Entrypoint": None,
        "Volumes": {"/data": {}},
        "Healthcheck": {"Test": ["CMD", "true"], "Interval": 5},
        "Shell": ["/bin/bash"],
        "OnBuild": ["RUN oops"],
    },
    "rootfs": {"type": "layers", "diff_ids": [DIGEST]},
    "history": [{"created": "2026-01-02T03:04:05Z", "created_by": "sh", "empty_layer": True}, {"comment": "x"}],
}


def test_a_config_that_is_read_and_written_says_all_that_it_said() -> None:
    config = model.decode_config(json.dumps(BASE).encode())

    written = json.loads(model.encode(config))

    assert written == BASE | {"config": {name: value for name, value in BASE["config"].items() if value is not None}}
    assert (config.config.user, config.config.cmd, config.platform) == ("app", ("python3",), Platform("linux", "arm64"))


def test_an_image_on_a_base_keeps_what_is_about_its_files_and_drops_what_was_said_to_builders() -> None:
    base = model.decode_config(json.dumps(BASE).encode())

    inherited = json.loads(model.encode(model.inherited(base)))

    assert inherited["config"]["Healthcheck"] == {"Test": ["CMD", "true"], "Interval": 5}
    assert inherited["config"]["Shell"] == ["/bin/bash"]
    assert inherited["config"]["Volumes"] == {"/data": {}}
    assert inherited["os.version"] == "12"
    assert "OnBuild" not in inherited["config"]
    assert "docker_version" not in inherited


JSON = st.recursive(
    st.booleans() | st.integers(-9, 9) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=5,
)


@given(st.dictionaries(st.text(max_size=12), JSON, max_size=4), st.dictionaries(st.text(max_size=12), JSON, max_size=4))
def test_fields_of_a_config_that_nobody_knows_survive(outside: dict[str, Any], inside: dict[str, Any]) -> None:
    known = {"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": []}}
    inside = {name: value for name, value in inside.items() if name not in ContainerConfig.__struct_encode_fields__}
    outside = {name: value for name, value in outside.items() if name not in Config.__struct_encode_fields__}

    written = json.loads(model.encode(model.decode_config(json.dumps({**outside, **known, "config": inside}).encode())))

    assert {name: written["config"][name] for name in inside} == inside
    assert {name: written[name] for name in outside} == outside


def test_what_is_optional_and_empty_is_not_written() -> None:
    config = Descriptor(media_type=model.CONFIG, digest=DIGEST, size=2)

    assert json.loads(model.encode(Manifest(config=config))) == {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": DIGEST, "size": 2},
        "layers": [],
        "annotations": {},
    }
    assert json.loads(model.encode(Index())) == {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.index.v1+json",
        "manifests": [],
    }


def test_an_index_names_the_platforms_of_its_images() -> None:
    child = Descriptor(
        media_type=model.MANIFEST,
        digest=DIGEST,
        size=7,
        platform=PlatformFields(architecture="arm", os="linux", variant="v7"),
    )

    read = model.decode(model.encode(Index(manifests=(child,))))

    assert isinstance(read, Index)
    assert read.manifests[0].platform is not None
    assert read.manifests[0].platform.platform == Platform.parse("linux/arm/v7")


@pytest.mark.parametrize(
    ("document", "kind"),
    [
        ({"schemaVersion": 2, "mediaType": model.DOCKER_INDEX, "manifests": []}, Index),
        ({"schemaVersion": 2, "manifests": None, "annotations": None}, InvalidImage),
        ({"schemaVersion": 2, "mediaType": model.DOCKER_MANIFEST, "config": {}, "layers": []}, InvalidImage),
    ],
    ids=["docker-list", "null", "config-without-digest"],
)
def test_documents_of_docker_are_read(document: dict[str, Any], kind: type) -> None:
    data = json.dumps(document).encode()

    if kind is InvalidImage:
        with pytest.raises(InvalidImage):
            model.decode(data)
    else:
        assert isinstance(model.decode(data), kind)


CONFIG = {"mediaType": model.CONFIG, "digest": DIGEST, "size": 2}


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        pytest.param(b"{", "no JSON", id="cut"),
        pytest.param(b"[" * 100_000, "no JSON", id="deep"),
        pytest.param(b"[]", "no JSON object", id="list"),
        pytest.param(b" " * (5 << 20), "more than any image has", id="big"),
        pytest.param(b'{"schemaVersion":1,"fsLayers":[]}', "schema 1", id="schema-1"),
        pytest.param(
            json.dumps({"manifests": [], "config": CONFIG, "layers": []}).encode(), "at once", id="both-at-once"
        ),
        pytest.param(json.dumps({"mediaType": "text/plain", "config": CONFIG}).encode(), "text/plain", id="other-type"),
        pytest.param(
            json.dumps({"config": CONFIG | {"digest": "sha256:../../../etc/passwd"}}).encode(), "digest", id="path"
        ),
        pytest.param(
            json.dumps({"config": CONFIG | {"digest": "sha512:" + "a" * 128}}).encode(), "digest", id="sha512"
        ),
        pytest.param(json.dumps({"config": CONFIG | {"size": -1}}).encode(), "size", id="negative"),
    ],
)
def test_what_is_no_manifest_is_refused_with_a_reason(data: bytes, reason: str) -> None:
    with pytest.raises(InvalidImage, match=reason):
        model.decode(data)


@pytest.mark.parametrize(
    "digest", ["", "sha256:abc", "sha256:" + "A" * 64, DIGEST + "/..", "md5:" + "a" * 32, DIGEST + "\n"]
)
def test_only_a_digest_names_a_blob(digest: str) -> None:
    with pytest.raises(InvalidImage, match="not a digest"):
        model.hex_of(digest)


def test_the_same_document_always_has_the_same_bytes() -> None:
    config = Config(architecture="amd64", os="linux", config=ContainerConfig(labels={"b": "1", "a": "2"}),
                    rootfs=RootFs(diff_ids=(DIGEST,)))  # fmt: skip
    other = msgspec.structs.replace(config, config=msgspec.structs.replace(config.config, labels={"a": "2", "b": "1"}))

    assert model.encode(config) == model.encode(other)
