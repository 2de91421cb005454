"""The store's images: platforms, tags, what refers to them, and that none is ever there half."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO

import pytest
from faas_builders.errors import ImageMissing, InvalidImage, NoSpace
from faas_builders.oci import model
from faas_builders.oci.importing import import_archive
from faas_builders.oci.layers.layer import Written
from faas_builders.oci.model import Descriptor, Index, Manifest
from faas_builders.oci.prune import prune
from faas_builders.oci.references import Reference
from faas_builders.oci.store import ImageStore
from faas_builders.target import Platform

from tests.images import put_image, put_index, put_layer, put_manifest, saved, tar_of, write_tar

LATER_S = 4e9
SHOP = Reference("faas.local", "shop", tag="v1")


@pytest.fixture
def store(tmp_path: Path) -> ImageStore:
    return ImageStore(tmp_path / "images")


def tags(store: ImageStore) -> list[str]:
    return [str(listed.reference) for listed in store.list()]


def test_an_index_gives_the_image_of_each_platform(store: ImageStore) -> None:
    reference = put_index(store, "shop", {"a": b"1"}, "amd64", "arm64")

    images = store.images(str(reference))

    assert [str(image.platform) for image in images] == ["linux/amd64", "linux/arm64"]
    assert isinstance(store.manifest("faas.local/shop:latest"), Index)
    assert isinstance(store.manifest(images[1].digest), Manifest)
    assert store.platform_image("faas.local/shop:latest", Platform.parse("linux/arm64")).digest == images[1].digest
    assert store.platform_image(f"faas.local/shop@{images[1].digest}").platform == Platform("linux", "arm64")


def test_a_platform_that_an_index_lacks_is_named_with_those_it_has(store: ImageStore) -> None:
    put_index(store, "shop", {"a": b"1"}, "amd64", "arm64")

    with pytest.raises(ImageMissing, match=r"no image for linux/riscv64 \(there is linux/amd64, linux/arm64\)"):
        store.platform_image("faas.local/shop", Platform.parse("linux/riscv64"))


def test_an_image_without_a_variant_is_for_all_of_its_processor(store: ImageStore) -> None:
    arm = put_manifest(store, {"a": b"1"}, architecture="arm", variant="v7")
    store.put_index(SHOP, (put_manifest(store, {"a": b"1"}), arm))

    assert store.platform_image(str(SHOP), Platform.parse("linux/arm")).digest == arm.digest
    with pytest.raises(ImageMissing):
        store.platform_image(str(SHOP), Platform.parse("linux/arm/v6"))


def test_an_image_has_as_many_tags_as_it_was_given(store: ImageStore) -> None:
    image = put_manifest(store, {"a": b"1"})

    for tag in ("v1", "v2", "v1"):
        store.tag(Reference("faas.local", "shop", tag=tag), image)

    assert tags(store) == ["faas.local/shop:v2", "faas.local/shop:v1"]
    found = store.find("faas.local/shop:v2")
    assert found is not None
    assert found.digest == image.digest


def test_what_a_tag_meant_before_is_there_by_digest(store: ImageStore) -> None:
    old, new = put_image(store, "shop", {"a": b"1"}), put_image(store, "shop", {"a": b"2"})

    assert tags(store) == [str(old), "faas.local/shop:latest"]
    assert store.descriptor("faas.local/shop").digest == new.digest


def test_a_tag_never_means_an_image_that_is_not_whole(store: ImageStore) -> None:
    before = put_image(store, "shop", {"a": b"1"})
    image = put_manifest(store, {"a": b"2"}, {"b": b"3"})
    manifest = store.manifest(image.digest)
    assert isinstance(manifest, Manifest)
    store.blob(manifest.layers[0].digest).unlink()

    with pytest.raises(InvalidImage, match="1 of its blobs are not in this store"):
        store.tag(Reference("faas.local", "shop", tag="latest"), image)

    assert store.descriptor("faas.local/shop").digest == before.digest


def test_removing_a_tag_leaves_the_others_and_removing_a_digest_takes_all(store: ImageStore) -> None:
    image = put_manifest(store, {"a": b"1"})
    for tag in ("v1", "v2", "v3"):
        store.tag(Reference("faas.local", "shop", tag=tag), image)

    store.remove("faas.local/shop:v2")
    assert tags(store) == ["faas.local/shop:v1", "faas.local/shop:v3"]
    store.remove(f"faas.local/shop@{image.digest}")
    assert tags(store) == []
    with pytest.raises(ImageMissing):
        store.remove("faas.local/shop:v1")


def test_an_image_with_a_base_of_its_own_says_that_it_runs_as_a_container(store: ImageStore) -> None:
    reference = put_image(store, "shop", {"a": b"1"})

    with pytest.raises(ImageMissing, match=r"python:3.12-slim.*runs as a container, not as a process"):
        store.resolve(str(reference))


def test_an_artifact_is_no_image(store: ImageStore) -> None:
    reference = put_image(store, "shop", {"a": b"1"})
    bill = store.put_referrer(store.descriptor(str(reference)), "text/bill", b"one shop")

    with pytest.raises(InvalidImage, match="text/bill is no image that can run"):
        store.images(f"faas.local/shop@{bill.digest}")


# What refers to images


def test_what_refers_to_an_image_is_listed_as_a_registry_would(store: ImageStore) -> None:
    image = store.descriptor(str(put_image(store, "shop", {"a": b"1"})))

    bill = store.put_referrer(image, "text/bill", b"one shop", annotations={"by": "us"})

    (listed,) = store.referrers(image.digest)
    assert (listed.digest, listed.artifact_type, listed.annotations) == (bill.digest, "text/bill", {"by": "us"})
    assert json.loads(store.blob(bill.digest).read_bytes()) == {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "artifactType": "text/bill",
        "config": {
            "mediaType": "application/vnd.oci.empty.v1+json",
            "digest": "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a",
            "size": 2,
        },
        "layers": [{"mediaType": "text/bill", "digest": model.digest_of(b"one shop"), "size": 8}],
        "subject": {"mediaType": image.media_type, "digest": image.digest, "size": image.size},
        "annotations": {"by": "us"},
    }
    assert tags(store) == ["faas.local/shop:latest"]
    assert store.referrers(image.digest, "text/else") == ()


def test_a_new_bill_takes_the_place_of_the_old_one_and_of_nothing_else(store: ImageStore) -> None:
    image = store.descriptor(str(put_image(store, "shop", {"a": b"1"})))
    other = store.descriptor(str(put_image(store, "bar", {"b": b"1"})))
    kept = [store.put_referrer(image, "text/rating", b"good"), store.put_referrer(other, "text/bill", b"bar")]
    store.put_referrer(image, "text/bill", b"old", replace=True)

    new = store.put_referrer(image, "text/bill", b"new", replace=True)

    assert [one.digest for one in store.referrers(image.digest)] == [kept[0].digest, new.digest]
    assert [one.digest for one in store.referrers(other.digest)] == [kept[1].digest]


def test_what_refers_to_an_image_cannot_take_its_name(store: ImageStore) -> None:
    image = store.descriptor(str(put_image(store, "shop", {"a": b"1"})))

    store.put_referrer(image, "text/bill", b"x", annotations={model.REF_NAME: "faas.local/shop:latest", "by": "me"})

    assert store.descriptor("faas.local/shop:latest").digest == image.digest
    assert store.referrers(image.digest)[0].annotations == {"by": "me"}


def test_a_layer_is_found_by_what_it_unpacks_to(store: ImageStore) -> None:
    put_image(store, "shop", {"a": b"1"})

    known = store.layers_by_diff_id()

    layer, diff_id = put_layer(store, {"a": b"1"})
    assert known == {diff_id: layer}


# Pruning


def test_pruning_keeps_an_index_with_its_images_and_what_refers_to_them(store: ImageStore) -> None:
    reference = put_index(store, "shop", {"a": b"1"}, "amd64", "arm64")
    images = store.images(str(reference))
    bill = store.put_referrer(images[0].descriptor, "text/bill", b"one shop")
    signature = store.put_referrer(bill, "text/signature", b"me")

    pruned = prune(store, [], now_s=LATER_S)

    assert (pruned.images, pruned.bytes) == (0, 0)
    assert store.images(str(reference)) == images
    assert store.referrers(images[0].digest) == (store.referrers(images[0].digest)[0],)
    assert store.referrers(bill.digest)[0].digest == signature.digest


def test_pruning_takes_an_image_with_all_that_refers_to_it(store: ImageStore) -> None:
    gone = store.descriptor(str(put_image(store, "shop", {"a": b"1"})))
    store.put_referrer(store.put_referrer(gone, "text/bill", b"one shop"), "text/signature", b"me")
    store.remove("faas.local/shop:latest")

    pruned = prune(store, [], now_s=LATER_S)

    assert pruned.bytes > 0
    assert store.index().manifests == ()
    assert list(store.blobs.iterdir()) == []


def test_a_revision_keeps_the_image_of_its_platform_when_the_index_goes(store: ImageStore) -> None:
    reference = put_index(store, "shop", {"a": b"1"}, "amd64", "arm64")
    amd64, arm64 = store.images(str(reference))
    store.remove("faas.local/shop:latest")

    prune(store, [f"faas.local/shop@{arm64.digest}"], now_s=LATER_S)

    assert store.platform_image(f"faas.local/shop@{arm64.digest}").config == arm64.config
    assert store.find(f"faas.local/shop@{amd64.digest}") is None


def test_pruning_goes_on_where_documents_are_damaged(store: ImageStore) -> None:
    broken, whole = put_image(store, "broken", {"a": b"1"}), put_image(store, "whole", {"a": b"2"})
    store.blob(broken.digest).write_bytes(b"{")
    (store.layers).mkdir()
    (store.layers / "key.json").write_bytes(b"{")

    prune(store, [], now_s=LATER_S)

    assert store.images(str(whole))
    with pytest.raises(InvalidImage):
        store.images(str(broken))


def test_what_was_being_written_when_its_process_was_killed_goes_when_it_is_old(store: ImageStore) -> None:
    put_image(store, "shop", {"a": b"1"})
    for path in (store.root / ".save-1.tar", store.blobs / ".part-1"):
        path.write_bytes(b"half")

    assert prune(store, []).bytes == 0
    assert prune(store, [], now_s=LATER_S).bytes == 8


def test_a_blob_that_somebody_has_just_asked_for_is_not_pruned(store: ImageStore) -> None:
    layer, _ = put_layer(store, {"a": b"1"})
    os.utime(store.blob(layer.digest), (0, 0))

    assert store.has(layer.digest)
    prune(store, [])

    assert store.has(layer.digest)


# What goes wrong

IMPORTER = """
import sys
from pathlib import Path
from faas_builders.oci import layout
from faas_builders.oci.importing import import_archive
from faas_builders.oci.store import ImageStore
replace = layout.os.replace
def stop(source, target):
    print("ready", flush=True)
    sys.stdin.read()  # until it is killed
layout.os.replace = stop
import_archive(ImageStore(Path(sys.argv[1])), Path(sys.argv[2]), "shop")
"""


def test_an_import_that_is_killed_midway_leaves_no_image_and_nothing_for_ever(
    store: ImageStore, tmp_path: Path
) -> None:
    before = put_image(store, "shop", {"a": b"1"})
    archive = write_tar(tmp_path / "shop.tar", saved([("shop:1", [tar_of({"a": bytes(1 << 20)})], {})]))
    importer = subprocess.Popen(
        [sys.executable, "-c", IMPORTER, str(store.root), str(archive)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    with importer:
        assert importer.stdout is not None
        assert importer.stdout.readline() == b"ready\n"  # the layer is written, and has no name yet
        importer.send_signal(signal.SIGKILL)

    assert store.descriptor("faas.local/shop").digest == before.digest
    assert [path.name for path in store.blobs.iterdir() if path.name.startswith(".part-")] != []
    prune(store, [], now_s=LATER_S)
    assert [path.name for path in store.blobs.iterdir() if path.name.startswith(".part-")] == []
    assert import_archive(store, archive, "shop").digest == store.descriptor("faas.local/shop").digest


def test_a_layer_that_cannot_be_finished_leaves_nothing(store: ImageStore) -> None:
    def fail(out: IO[bytes]) -> Written:
        out.write(b"half")
        raise ValueError("the other half")

    with pytest.raises(ValueError, match="the other half"):
        store.put_layer(fail)

    assert list(store.blobs.iterdir()) == []


FILL = """
import sys
from pathlib import Path
from faas_builders.errors import NoSpace
from faas_builders.oci.importing import import_archive
from faas_builders.oci.store import ImageStore
store = ImageStore(Path(sys.argv[1]) / "images")
for take in (
    lambda: import_archive(store, Path(sys.argv[2]), "shop"),
    lambda: store.put_blob(bytes(4 << 20)),
    lambda: store.adopt_layer(Path(sys.argv[2]), "sha256:" + "0" * 64),
):
    try:
        take()
    except NoSpace as error:
        print(error)
print(store.list(), [path.name for path in store.blobs.iterdir()])
"""


def test_a_full_disk_is_one_clear_error_and_leaves_nothing(tmp_path: Path) -> None:
    archive = write_tar(tmp_path / "shop.tar", saved([("shop:1", [tar_of({"a": os.urandom(3 << 20)})], {})]))
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = 'mount -t tmpfs -o size=1m none "$1" && exec "$2" -c "$3" "$1" "$4"'
    command = ["unshare", "-Urm", "sh", "-c", mount, "sh", str(disk), sys.executable, FILL, str(archive)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if "unshare:" in done.stderr or "mount:" in done.stderr:
        pytest.skip(f"this machine gives no small disk to a test: {done.stderr.strip()}")

    full = f"no space left on the disk that holds {disk}/images/oci"
    assert done.stdout.splitlines() == [full, full, full, "() []"], done.stderr


def test_only_a_full_disk_is_said_to_be_one(store: ImageStore) -> None:
    def fail(number: int) -> Written:
        raise OSError(number, os.strerror(number))

    with pytest.raises(NoSpace):
        store.put_layer(lambda out: fail(errno.EDQUOT))
    with pytest.raises(OSError, match="Input/output"):
        store.put_layer(lambda out: fail(errno.EIO))


def test_many_writers_at_once_all_get_their_tags_and_referrers(store: ImageStore) -> None:
    def write(number: int) -> Descriptor:
        image = store.descriptor(str(put_image(store, f"name{number % 4}", {"a": b"%d" % number}, f"v{number}")))
        store.put_referrer(image, "text/bill", b"%d" % number)
        return image

    with ThreadPoolExecutor(8) as pool:
        images = list(pool.map(write, range(24)))

    assert sorted(tags(store)) == sorted(f"faas.local/name{number % 4}:v{number}" for number in range(24))
    assert all(len(store.referrers(image.digest)) == 1 for image in images)


def test_whatever_is_pruned_meanwhile_a_tag_means_a_whole_image(store: ImageStore) -> None:
    """Pruning without the time that it gives to builds, so that it takes what they are about to name."""

    def write(number: int) -> None:
        with contextlib.suppress(InvalidImage, ImageMissing, FileNotFoundError):  # pruned before it had its tag
            image = store.descriptor(str(put_image(store, f"name{number % 3}", {"a": b"%d" % (number % 5)})))
            store.put_referrer(image, "text/bill", b"%d" % (number % 5))

    with ThreadPoolExecutor(6) as pool:
        done = [pool.submit(write, number) for number in range(60)]
        done += [pool.submit(prune, store, [], now_s=LATER_S) for _ in range(30)]
        for one in done:
            one.result()

    store.check_whole("the index", [entry.digest for entry in store.index().manifests])
