"""Images out of a store and into another: OCI layouts, what `docker load` takes, what `docker save` makes."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import tarfile
from pathlib import Path
from typing import Any

import pytest
from faas_builders.errors import ArchiveError, BuilderError, ImageMissing, InvalidImage, NoSpace
from faas_builders.oci import model
from faas_builders.oci.archive import docker_archive, write_docker_archive, write_oci_layout
from faas_builders.oci.importing import import_archive
from faas_builders.oci.layers.limits import Budget
from faas_builders.oci.model import Descriptor, Index, Manifest
from faas_builders.oci.store import ImageStore
from faas_builders.oci.tarring import tar_stream
from faas_builders.target import Platform
from hypothesis import given
from hypothesis import strategies as st

from tests.images import Files, member, put_image, put_index, put_manifest, saved, tar_of, write_tar

LAYER = tar_of({"bin/hello": b"hello"})
SAVED = [("shop:1", [LAYER, tar_of({"app": b"1"})], {"config": {"Env": ["A=1"]}})]


@pytest.fixture
def store(tmp_path: Path) -> ImageStore:
    return ImageStore(tmp_path / "images")


@pytest.fixture
def other(tmp_path: Path) -> ImageStore:
    return ImageStore(tmp_path / "other")


def names_in(data: bytes) -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        return {one.name: tar.extractfile(one).read() for one in tar if one.isfile()}  # type: ignore[union-attr]


# Out


@pytest.mark.parametrize("path", ["layout", "layout.tar"])
def test_an_image_comes_back_from_a_layout_with_its_platforms_and_all_that_refers_to_it(
    store: ImageStore, other: ImageStore, tmp_path: Path, path: str
) -> None:
    reference = put_index(store, "shop", {"a": b"1"}, "amd64", "arm64")
    images = store.images(str(reference))
    bill = store.put_referrer(images[1].descriptor, "text/bill", b"one shop", annotations={"by": "us"})
    store.put_referrer(bill, "text/signature", b"me")

    write_oci_layout(store, "faas.local/shop:latest", tmp_path / path)
    taken = import_archive(other, tmp_path / path, "copy", "v1")

    assert taken.digest == reference.digest
    assert other.images("faas.local/copy:v1") == images
    (listed,) = other.referrers(images[1].digest)
    assert (listed.digest, listed.artifact_type, listed.annotations) == (bill.digest, "text/bill", {"by": "us"})
    assert len(other.referrers(bill.digest)) == 1


def test_a_layout_is_the_same_each_time(store: ImageStore, tmp_path: Path) -> None:
    put_index(store, "shop", {"a": b"1"}, "amd64", "arm64")

    for name in ("one.tar", "two.tar"):
        write_oci_layout(store, "faas.local/shop:latest", tmp_path / name)

    assert (tmp_path / "one.tar").read_bytes() == (tmp_path / "two.tar").read_bytes()
    assert sorted(path.name for path in tmp_path.glob("*.tar")) == ["one.tar", "two.tar"]


def test_a_folder_that_is_a_layout_keeps_its_other_images(store: ImageStore, tmp_path: Path) -> None:
    put_image(store, "shop", {"a": b"1"}, "v1")
    put_image(store, "shop", {"a": b"2"}, "v2")
    for tag in ("v1", "v2"):
        write_oci_layout(store, f"faas.local/shop:{tag}", tmp_path / "layout")
    newest = put_image(store, "shop", {"a": b"3"}, "v2")

    write_oci_layout(store, "faas.local/shop:v2", tmp_path / "layout")

    entries = json.loads((tmp_path / "layout" / "index.json").read_bytes())["manifests"]
    assert [entry["annotations"][model.REF_NAME] for entry in entries] == ["v1", "v2"]
    assert entries[1]["digest"] == newest.digest


def test_a_folder_that_is_written_with_each_build_does_not_grow(store: ImageStore, tmp_path: Path) -> None:
    other = store.descriptor(str(put_image(store, "shop", {"b": b"1"}, "other")))
    store.put_referrer(store.put_referrer(other, "text/bill", b"other"), "text/signature", b"me")
    write_oci_layout(store, "faas.local/shop:other", tmp_path / "layout")
    for number in range(3):
        image = store.descriptor(str(put_image(store, "shop", {"a": b"%d" % number})))
        store.put_referrer(store.put_referrer(image, "text/bill", b"%d" % number), "text/signature", b"me")
        write_oci_layout(store, "faas.local/shop:latest", tmp_path / "layout")

    assert len(json.loads((tmp_path / "layout" / "index.json").read_bytes())["manifests"]) == 6
    written = {"sha256:" + path.name for path in (tmp_path / "layout" / "blobs" / "sha256").iterdir()}
    index = model.decode_index((tmp_path / "layout" / "index.json").read_bytes())
    assert written == store.oci.reach(entry.digest for entry in index.manifests).blobs


@pytest.mark.parametrize(
    ("names", "tags"),
    [
        (["localhost:5000/shop:v1", "shop:v2"], ["v1", "v2"]),
        (["localhost:5000/shop"], ["latest"]),
        ([], [None]),
    ],
)
def test_a_layout_names_the_image_as_asked(
    store: ImageStore, tmp_path: Path, names: list[str], tags: list[str | None]
) -> None:
    reference = put_image(store, "shop", {"a": b"1"})

    for _ in range(2):
        write_oci_layout(store, str(reference), tmp_path / "layout", tags=names)

    entries = json.loads((tmp_path / "layout" / "index.json").read_bytes())["manifests"]
    assert [entry.get("annotations", {}).get(model.REF_NAME) for entry in entries] == tags


def test_an_image_that_is_not_whole_is_not_written(store: ImageStore, tmp_path: Path) -> None:
    reference = put_image(store, "shop", {"a": b"1"})
    store.blob(store.platform_image(str(reference)).manifest.layers[0].digest).unlink()

    with pytest.raises(InvalidImage, match="is not whole"):
        write_oci_layout(store, str(reference), tmp_path / "layout")
    with pytest.raises(InvalidImage, match="is not whole"):
        docker_archive(store, str(reference))

    assert not (tmp_path / "layout").exists()


def test_a_folder_with_other_things_is_left_alone(store: ImageStore, tmp_path: Path) -> None:
    put_image(store, "shop", {"a": b"1"})
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "thesis.txt").write_text("x")

    with pytest.raises(BuilderError, match="holds something else than an OCI layout"):
        write_oci_layout(store, "faas.local/shop", tmp_path / "home")

    assert [path.name for path in (tmp_path / "home").iterdir()] == ["thesis.txt"]


def test_a_docker_archive_has_what_docker_reads_and_the_layers_as_they_are(store: ImageStore) -> None:
    reference = put_image(store, "shop", {"a": b"1"})
    image = store.platform_image(str(reference))
    config, (layer,) = model.hex_of(image.manifest.config.digest), image.manifest.layers

    files = names_in(b"".join(docker_archive(store, "faas.local/shop:latest")))

    assert json.loads(files["manifest.json"]) == [
        {
            "Config": f"blobs/sha256/{config}",
            "RepoTags": ["faas.local/shop:latest"],
            "Layers": [f"blobs/sha256/{model.hex_of(layer.digest)}"],
        }
    ]
    assert files[f"blobs/sha256/{model.hex_of(layer.digest)}"] == store.blob(layer.digest).read_bytes()
    assert hashlib.sha256(files[f"blobs/sha256/{config}"]).hexdigest() == config


def test_a_docker_archive_is_the_same_each_time_and_named_as_asked(store: ImageStore) -> None:
    reference = put_index(store, "shop", {"a": b"1"}, "amd64", "arm64")
    archives = []
    for _ in range(2):
        out = io.BytesIO()
        write_docker_archive(store, str(reference), Platform.parse("linux/arm64"), out, tags=["shop:1", "shop:2"])
        archives.append(out.getvalue())

    assert archives[0] == archives[1]
    assert json.loads(names_in(archives[0])["manifest.json"])[0]["RepoTags"] == ["shop:1", "shop:2"]
    unnamed = names_in(b"".join(docker_archive(store, str(reference), Platform.parse("linux/arm64"))))
    assert json.loads(unnamed["manifest.json"])[0]["RepoTags"] == []


def test_an_archive_that_the_disk_has_no_room_for_is_one_clear_error(store: ImageStore) -> None:
    put_image(store, "shop", {"a": bytes(1 << 20)})

    with open("/dev/full", "wb", buffering=0) as out, pytest.raises(NoSpace, match=r"no space left on .* /dev/full"):
        write_docker_archive(store, "faas.local/shop", None, out)


def test_what_is_not_there_cannot_be_written(store: ImageStore, tmp_path: Path) -> None:
    with pytest.raises(ImageMissing):
        write_oci_layout(store, "faas.local/shop", tmp_path / "layout.tar")

    assert not (tmp_path / "layout.tar").exists()


@given(st.dictionaries(st.text("ab/é", min_size=1, max_size=150), st.binary(max_size=2000), max_size=4))
def test_a_tar_is_read_as_it_was_written(files: dict[str, bytes]) -> None:
    named = {f"x{name.strip('/')}y": data for name, data in files.items()}

    data = b"".join(tar_stream(named.items()))

    assert names_in(data) == named
    assert len(data) % 512 == 0


# In


def test_a_docker_save_archive_keeps_its_image_id_and_its_layers_as_they_are(store: ImageStore, tmp_path: Path) -> None:
    files = saved(SAVED)
    archive = write_tar(tmp_path / "shop.tar", files)

    reference = import_archive(store, archive, "copy", "v1")

    image = store.platform_image("faas.local/copy:v1")
    assert reference.digest == image.digest
    assert image.manifest.config.digest[7:] + ".json" in files
    assert image.config.config.env == ("A=1",)
    assert [(layer.media_type, layer.digest) for layer in image.manifest.layers] == [
        ("application/vnd.oci.image.layer.v1.tar", diff_id) for diff_id in image.config.rootfs.diff_ids
    ]
    assert store.blob(image.manifest.layers[0].digest).read_bytes() == LAYER


def test_a_layer_that_the_store_has_compressed_is_taken_from_there(store: ImageStore, tmp_path: Path) -> None:
    base = put_image(store, "base", {"bin/hello": b"hello"})
    (layer,) = store.platform_image(str(base)).manifest.layers
    files = saved(SAVED)
    del files[f"{hashlib.sha256(LAYER).hexdigest()}/layer.tar"]  # so it is not read at all

    import_archive(store, write_tar(tmp_path / "shop.tar", files), "shop")

    assert store.platform_image("faas.local/shop").manifest.layers[0] == layer


@pytest.mark.parametrize("streams", [1, 3], ids=["one-gzip-stream", "several"])
def test_what_was_written_for_docker_load_comes_back(
    store: ImageStore, other: ImageStore, tmp_path: Path, streams: int
) -> None:
    third = len(LAYER) // streams
    parts = [LAYER[n * third : (n + 1) * third] for n in range(streams - 1)] + [LAYER[(streams - 1) * third :]]
    zipped = b"".join(gzip.compress(part) for part in parts)
    files = saved([("shop:1", [LAYER], {})])
    files[f"{hashlib.sha256(LAYER).hexdigest()}/layer.tar"] = zipped

    import_archive(store, write_tar(tmp_path / "zipped.tar", files), "shop")
    (tmp_path / "ours.tar").write_bytes(b"".join(docker_archive(store, "faas.local/shop:latest")))
    import_archive(other, tmp_path / "ours.tar", "shop")

    assert other.images("faas.local/shop") == store.images("faas.local/shop")
    assert store.platform_image("faas.local/shop").manifest.layers[0].media_type.endswith("tar+gzip")


def test_an_archive_may_be_compressed_as_a_whole(store: ImageStore, tmp_path: Path) -> None:
    plain = write_tar(tmp_path / "shop.tar", saved(SAVED)).read_bytes()
    (tmp_path / "shop.tar.gz").write_bytes(gzip.compress(plain))

    import_archive(store, tmp_path / "shop.tar.gz", "shop")

    assert store.images("faas.local/shop")


def test_a_layer_that_comes_twice_is_a_link_in_the_archive(store: ImageStore, tmp_path: Path) -> None:
    files = saved([("shop:1", [LAYER, LAYER], {})])
    manifest = json.loads(files["manifest.json"])
    manifest[0]["Layers"][1] = "again/layer.tar"
    files["manifest.json"] = json.dumps(manifest).encode()
    link = member("again/layer.tar", tarfile.SYMTYPE, f"../{hashlib.sha256(LAYER).hexdigest()}/layer.tar")

    import_archive(store, write_tar(tmp_path / "shop.tar", files, link), "shop")

    layers = store.platform_image("faas.local/shop").manifest.layers
    assert layers[0] == layers[1]


def test_one_of_several_images_is_taken_by_its_name(store: ImageStore, tmp_path: Path) -> None:
    archive = write_tar(tmp_path / "two.tar", saved([("shop:1", [LAYER], {}), ("bar:1", [tar_of({"b": b""})], {})]))

    with pytest.raises(InvalidImage, match="has 2 images: bar:1, shop:1"):
        import_archive(store, archive, "x")
    with pytest.raises(InvalidImage, match=r"has no image foo \(there is: bar:1, shop:1\)"):
        import_archive(store, archive, "x", image="foo")
    import_archive(store, archive, "x", image="bar:1")

    assert store.platform_image("faas.local/x").config.rootfs.diff_ids == (model.digest_of(tar_of({"b": b""})),)


def layout_of(store: ImageStore, *entries: Descriptor, without: tuple[str, ...] = ()) -> dict[str, bytes]:
    """The files of a layout, as skopeo and newer Docker engines write it."""
    blobs = store.oci.reach(entry.digest for entry in entries).blobs - set(without)
    return {
        "oci-layout": b'{"imageLayoutVersion": "1.0.0"}',
        "index.json": model.encode(Index(manifests=entries)),
        **{f"blobs/sha256/{digest[7:]}": store.blob(digest).read_bytes() for digest in blobs},
    }


def test_an_index_of_which_docker_has_pulled_one_platform_gives_that_image(
    store: ImageStore, other: ImageStore, tmp_path: Path
) -> None:
    index = store.descriptor(str(put_index(store, "shop", {"a": b"1"}, "amd64", "arm64", "riscv64")))
    amd64, arm64, riscv64 = (image.digest for image in store.images("faas.local/shop"))

    one = layout_of(store, index, without=(amd64, riscv64))
    two = layout_of(store, index, without=(riscv64,))
    import_archive(other, write_tar(tmp_path / "one.tar", one), "one")
    import_archive(other, write_tar(tmp_path / "two.tar", two), "two")

    assert other.descriptor("faas.local/one").digest == arm64
    assert [image.digest for image in other.images("faas.local/two")] == [amd64, arm64]


def test_docker_media_types_and_attestations_of_buildkit_are_kept_as_they_are(
    store: ImageStore, other: ImageStore, tmp_path: Path
) -> None:
    plain = put_manifest(store, {"a": b"1"})
    manifest = store.manifest(plain.digest)
    assert isinstance(manifest, Manifest)
    image = json.loads(model.encode(manifest)) | {"mediaType": model.DOCKER_MANIFEST}
    image["config"]["mediaType"] = model.DOCKER_CONFIG
    image["layers"][0]["mediaType"] = "application/vnd.docker.image.rootfs.diff.tar.gzip"
    data = json.dumps(image, indent=3).encode()
    statement = store.put_document(Manifest(config=manifest.config, layers=(manifest.layers[0],) * 2))
    children = [
        {"mediaType": model.DOCKER_MANIFEST, "digest": store.put_blob(data), "size": len(data)}
        | {"platform": {"os": "linux", "architecture": "amd64"}},
        {"mediaType": model.MANIFEST, "digest": statement.digest, "size": statement.size}
        | {"platform": {"os": "unknown", "architecture": "unknown"}},
    ]
    index = json.dumps({"schemaVersion": 2, "mediaType": model.DOCKER_INDEX, "manifests": children}).encode()
    entry = Descriptor(media_type=model.DOCKER_INDEX, digest=store.put_blob(index), size=len(index))

    reference = import_archive(other, write_tar(tmp_path / "x.tar", layout_of(store, entry)), "shop")

    assert reference.digest == entry.digest
    (taken,) = other.images("faas.local/shop")
    assert other.blob(taken.digest).read_bytes() == data
    assert other.has(statement.digest)


# What is no image


@pytest.mark.parametrize(("name", "tag"), [("My/Shop", "v1"), ("../shop", "v1"), ("shop", "a b"), ("shop", "x" * 129)])
def test_an_image_cannot_be_called_anything(store: ImageStore, tmp_path: Path, name: str, tag: str) -> None:
    with pytest.raises(BuilderError, match="no image can be called"):
        import_archive(store, tmp_path / "nothing.tar", name, tag)


def change(files: dict[str, bytes], **changes: Any) -> dict[str, bytes]:
    """A `docker save` archive whose manifest.json says something else."""
    manifest = json.loads(files["manifest.json"])
    manifest[0].update(changes)
    return {**files, "manifest.json": json.dumps(manifest).encode()}


GOOD = saved(SAVED)
CONFIG = json.loads(GOOD["manifest.json"])[0]["Config"]
FIRST = json.loads(GOOD["manifest.json"])[0]["Layers"][0]


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        pytest.param({}, "holds no image", id="empty"),
        pytest.param({"readme": b"hi"}, "neither an index.json nor a manifest.json", id="other-tar"),
        pytest.param({"manifest.json": b"{"}, "none of `docker save`", id="manifest-no-json"),
        pytest.param({"manifest.json": b"[]"}, "has no image", id="no-images"),
        pytest.param({"manifest.json": bytes(5 << 20)}, "more than any document", id="manifest-too-big"),
        pytest.param(change(GOOD, Config="nothing.json"), "nothing.json is not in the archive", id="no-config"),
        pytest.param(change(GOOD, Config="../../etc/passwd"), "leads out of the archive", id="config-outside"),
        pytest.param(change(GOOD, Layers=[FIRST]), "1 layers and 2 diff IDs", id="layer-missing"),
        pytest.param(GOOD | {FIRST: tar_of({"x": b""})}, "not the one that the config", id="other-layer"),
        pytest.param(GOOD | {FIRST: b"\x1f\x8bgarbage"}, "cannot be unpacked", id="broken-gzip"),
        pytest.param(GOOD | {CONFIG: b"{}"}, "no config that can be used", id="config-empty"),
        pytest.param({"oci-layout": b"{}", "index.json": b"{}"}, "no manifest that can be used", id="no-index"),
    ],
)
def test_an_archive_that_is_no_image_is_refused_with_a_reason(
    store: ImageStore, tmp_path: Path, files: Files, reason: str
) -> None:
    with pytest.raises(InvalidImage, match=reason):
        import_archive(store, write_tar(tmp_path / "x.tar", files), "shop")

    assert store.list() == ()


@pytest.mark.parametrize(
    ("evil", "reason"),
    [
        pytest.param(member("../x", size=1), "leads out of the archive", id="parent"),
        pytest.param(member("/etc/x", size=1), "leads out of the archive", id="absolute"),
        pytest.param(member("x", tarfile.CHRTYPE), "neither a plain file", id="device"),
        pytest.param(member("x", tarfile.FIFOTYPE), "neither a plain file", id="pipe"),
        pytest.param(member("manifest.json", size=2), "twice", id="twice"),
    ],
)
def test_an_entry_that_leaves_the_archive_is_refused(
    store: ImageStore, tmp_path: Path, evil: tarfile.TarInfo, reason: str
) -> None:
    with pytest.raises(ArchiveError, match=reason):
        import_archive(store, write_tar(tmp_path / "x.tar", GOOD, evil), "shop")


@pytest.mark.parametrize(
    ("target", "reason"),
    [("../../etc/passwd", "leads out"), ("loop/layer.tar", "is no file"), ("nowhere", "is not in the archive")],
)
def test_a_link_in_an_archive_leads_nowhere_but_into_it(
    store: ImageStore, tmp_path: Path, target: str, reason: str
) -> None:
    files = change(GOOD, Layers=["loop/layer.tar", "loop/layer.tar"])
    link = member("loop/layer.tar", tarfile.SYMTYPE, target if target != "loop/layer.tar" else "layer.tar")

    with pytest.raises(InvalidImage, match=reason):
        import_archive(store, write_tar(tmp_path / "x.tar", files, link), "shop")


@pytest.mark.parametrize(
    "name", ["nothing.tar", "text.tar", "cut.tar.gz", "short.tar"], ids=["missing", "no-tar", "cut-gzip", "cut-tar"]
)
def test_what_is_no_archive_is_refused(store: ImageStore, tmp_path: Path, name: str) -> None:
    whole = write_tar(tmp_path / "whole.tar", GOOD).read_bytes()
    (tmp_path / "text.tar").write_bytes(b"hello" * 1000)
    (tmp_path / "cut.tar.gz").write_bytes(gzip.compress(whole)[:400])
    (tmp_path / "short.tar").write_bytes(whole[:3000])

    with pytest.raises(InvalidImage, match=name):
        import_archive(store, tmp_path / name, "shop")


def test_a_compressed_archive_does_not_fill_the_disk(
    store: ImageStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Budget, "of_compressed", classmethod(lambda cls, size_bytes: cls(1 << 20)))
    (tmp_path / "bomb.tar.gz").write_bytes(gzip.compress(bytes(8 << 20)))

    with pytest.raises(ArchiveError, match="as if to fill the disk"):
        import_archive(store, tmp_path / "bomb.tar.gz", "shop")

    assert list(store.root.iterdir()) == []


def damaged(files: dict[str, bytes], which: str, store: ImageStore) -> dict[str, bytes]:
    manifest = store.platform_image("faas.local/shop").manifest
    (layer,) = manifest.layers
    path = f"blobs/sha256/{layer.digest[7:]}"
    if which == "content":
        return files | {path: files[path][:-1] + b"!"}
    if which == "longer":
        return files | {path: files[path] + b"!"}
    if which == "missing":
        return {name: data for name, data in files.items() if name != path}
    config = f"blobs/sha256/{manifest.config.digest[7:]}"
    return files | {config: files[config].replace(b"linux", b"minix")}


@pytest.mark.parametrize(
    ("which", "reason"),
    [
        ("content", "is not what its digest says"),
        ("longer", "does not have the size"),
        ("missing", "is not in the archive"),
        ("config", "is not what its digest says"),
    ],
)
def test_a_layout_with_a_damaged_blob_is_refused(
    store: ImageStore, other: ImageStore, tmp_path: Path, which: str, reason: str
) -> None:
    image = store.descriptor(str(put_image(store, "shop", {"a": b"1"})))
    files = damaged(layout_of(store, image), which, store)

    with pytest.raises(InvalidImage, match=reason):
        import_archive(other, write_tar(tmp_path / "x.tar", files), "shop")

    assert other.list() == ()


@pytest.mark.parametrize("what", ["link", "pipe", "folder"])
def test_a_layout_folder_whose_blob_is_no_file_of_it_is_refused(
    store: ImageStore, other: ImageStore, tmp_path: Path, what: str
) -> None:
    reference = put_image(store, "shop", {"a": b"1"})
    write_oci_layout(store, "faas.local/shop", tmp_path / "layout")
    blob = tmp_path / "layout" / "blobs" / "sha256" / reference.digest[7:]
    blob.rename(tmp_path / "elsewhere")
    if what == "link":
        blob.symlink_to(tmp_path / "elsewhere")
    elif what == "pipe":
        os.mkfifo(blob)
    else:
        blob.mkdir()

    with pytest.raises(InvalidImage):
        import_archive(other, tmp_path / "layout", "shop")
