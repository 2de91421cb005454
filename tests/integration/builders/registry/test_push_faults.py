"""Pushing to a registry that refuses, fails, loses the connection, or knows less than the specification."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from faas_builders.errors import InvalidImage, NotInRegistry, RegistryDenied, RegistryError, RegistryUnreachable
from faas_builders.registry.names import ImageName
from faas_builders.registry.push import push_with
from faas_builders.registry.referrers import tag_of
from faas_builders.registry.uploads import upload_blob

from tests.integration.builders.registry.conftest import Client
from tests.integration.builders.registry.faulty import (
    FaultyRegistry,
    Handler,
    answers,
    carries_out_and_closes,
    closes,
    closes_in_upload,
)
from tests.integration.builders.registry.listing import list_referrers
from tests.integration.builders.registry.stores import SBOM, store_with_image, store_with_index

DATA = os.urandom(100_000)
CHUNK = 30_000


@pytest.fixture
def blob(tmp_path: Path) -> Path:
    path = tmp_path / "blob"
    path.write_bytes(DATA)
    return path


def upload(client: Client, blob: Path, **more: object) -> str:
    return upload_blob(client, "shop", DIGEST, blob, chunk_bytes=CHUNK, **more)  # type: ignore[arg-type]


DIGEST = FaultyRegistry().put_blob("", DATA)


def chunks(faulty: FaultyRegistry) -> list[str]:
    return [seen.headers["content-range"] for seen in faulty.asked("PATCH", "/uploads/")]


def test_a_blob_goes_in_chunks(faulty: FaultyRegistry, client: Client, blob: Path) -> None:
    reported: list[int] = []
    assert upload(client, blob, report=reported.append) == "sent"
    assert faulty.blobs[f"shop@{DIGEST}"] == DATA
    assert chunks(faulty) == ["0-29999", "30000-59999", "60000-89999", "90000-99999"]
    assert reported[-1] == len(DATA)


def test_an_upload_goes_on_where_the_connection_was_lost(faulty: FaultyRegistry, client: Client, blob: Path) -> None:
    faulty.on("PATCH", "/uploads/", closes_in_upload(10_000))
    faulty.on("PATCH", "/uploads/", closes_in_upload(7_000))
    assert upload(client, blob) == "sent"
    assert faulty.blobs[f"shop@{DIGEST}"] == DATA
    assert chunks(faulty)[:4] == ["0-29999", "10000-39999", "17000-46999", "47000-76999"]
    assert len(faulty.asked("POST", "/uploads/")) == 1


def test_an_upload_whose_answer_was_lost_is_not_sent_twice(faulty: FaultyRegistry, client: Client, blob: Path) -> None:
    faulty.on("PATCH", "/uploads/", carries_out_and_closes)
    faulty.on("PUT", "/uploads/", carries_out_and_closes)
    assert upload(client, blob) == "sent"
    assert faulty.blobs[f"shop@{DIGEST}"] == DATA
    assert chunks(faulty) == ["0-29999", "30000-59999", "60000-89999", "90000-99999"]


def test_an_upload_that_the_registry_has_forgotten_starts_anew(
    faulty: FaultyRegistry, client: Client, blob: Path
) -> None:
    def forgets(handler: Handler) -> None:
        handler.registry.uploads.clear()
        handler.registry.uploads["gone"] = bytearray()
        handler.hang_up()

    faulty.on("PATCH", "/uploads/", carries_out_and_closes)
    faulty.on("PATCH", "/uploads/", forgets)
    assert upload(client, blob) == "sent"
    assert faulty.blobs[f"shop@{DIGEST}"] == DATA
    assert len(faulty.asked("POST", "/uploads/")) == 2


def test_a_registry_that_fails_for_a_while_gets_it_all(faulty: FaultyRegistry, client: Client, blob: Path) -> None:
    faulty.on("POST", "/uploads/", answers(500))
    faulty.on("PATCH", "/uploads/", answers(503), times=2)
    faulty.on("PATCH", "/uploads/", answers(429))
    faulty.on("PUT", "/uploads/", answers(502))
    assert upload(client, blob) == "sent"
    assert faulty.blobs[f"shop@{DIGEST}"] == DATA


def test_a_registry_that_never_takes_it_is_one_error(faulty: FaultyRegistry, client: Client, blob: Path) -> None:
    faulty.on("PATCH", "/uploads/", closes_in_upload(0), times=99)
    with pytest.raises(RegistryUnreachable, match="has lost the connection"):
        upload(client, blob)
    assert len(client.waits) == 4


def test_a_registry_without_chunks_gets_it_whole(faulty: FaultyRegistry, client: Client, blob: Path) -> None:
    faulty.has_patch = False
    assert upload(client, blob) == "sent"
    assert faulty.blobs[f"shop@{DIGEST}"] == DATA


def test_a_registry_that_counts_nothing_gets_it_whole(faulty: FaultyRegistry, client: Client, blob: Path) -> None:
    faulty.on("PATCH", "/uploads/", answers(202, Location="/v2/shop/blobs/uploads/0", Range="0-0"), times=99)
    assert upload(client, blob) == "sent"
    assert faulty.blobs[f"shop@{DIGEST}"] == DATA


def test_a_registry_that_counts_too_much_is_one_error(faulty: FaultyRegistry, client: Client, blob: Path) -> None:
    faulty.on("PATCH", "/uploads/", answers(202, Location="/v2/shop/blobs/uploads/0", Range="0-100000"))
    with pytest.raises(RegistryError, match=f"counts 100001 bytes of shop@{DIGEST}, which has 100000"):
        upload(client, blob)


def test_a_small_blob_goes_whole_and_again_after_a_loss(faulty: FaultyRegistry, client: Client, blob: Path) -> None:
    faulty.on("PUT", "/uploads/", closes)
    assert upload_blob(client, "shop", DIGEST, blob) == "sent"
    assert faulty.blobs[f"shop@{DIGEST}"] == DATA
    assert chunks(faulty) == []


def test_chunks_are_as_large_as_the_registry_wants(faulty: FaultyRegistry, client: Client, blob: Path) -> None:
    faulty.smallest_chunk = 60_000
    upload(client, blob)
    assert chunks(faulty) == ["0-59999", "60000-99999"]


def test_a_mount_takes_one_request(faulty: FaultyRegistry, client: Client, blob: Path) -> None:
    faulty.put_blob("bases/python", DATA)
    assert upload(client, blob, sources=["bases/python"]) == "mounted"
    assert [str(seen).partition("?")[0] for seen in faulty.seen[-2:]] == [
        f"HEAD /v2/shop/blobs/{DIGEST}",
        "POST /v2/shop/blobs/uploads/",
    ]


def test_a_registry_that_ignores_mounts_gets_it_in_the_upload_it_began(
    faulty: FaultyRegistry, client: Client, blob: Path
) -> None:
    faulty.put_blob("bases/python", DATA)
    faulty.has_mounts = False
    assert upload(client, blob, sources=["bases/python"]) == "sent"
    assert len(faulty.asked("POST", "/uploads/")) == 1


def test_a_mount_that_is_refused_is_an_upload(faulty: FaultyRegistry, client: Client, blob: Path) -> None:
    faulty.on("POST", "mount=", answers(403))
    assert upload(client, blob, sources=["bases/python"]) == "sent"


def test_a_refusal_has_the_words_of_the_registry(faulty: FaultyRegistry, client: Client, blob: Path) -> None:
    faulty.on("POST", "/uploads/", answers(403, b'{"errors": [{"code": "DENIED", "message": "read only"}]}'))
    with pytest.raises(RegistryDenied, match=re.escape(f"does not take shop@{DIGEST}: DENIED: read only (403)")):
        upload(client, blob)


def test_a_blob_that_is_too_large_for_the_registry(faulty: FaultyRegistry, client: Client, blob: Path) -> None:
    faulty.on("PATCH", "/uploads/", answers(413))
    with pytest.raises(RegistryError, match="status 413"):
        upload(client, blob)


def test_a_blob_that_is_not_what_its_digest_says(faulty: FaultyRegistry, client: Client, blob: Path) -> None:
    blob.write_bytes(DATA[::-1])
    with pytest.raises(RegistryError, match=f"does not take shop@{DIGEST}: status 400"):
        upload(client, blob)


def test_a_blob_that_went_away(client: Client, blob: Path) -> None:
    blob.unlink()
    with pytest.raises(InvalidImage, match="not there any more"):
        upload(client, blob)


def test_the_tag_is_the_last_and_nothing_comes_before_what_it_names(
    faulty: FaultyRegistry, client: Client, tmp_path: Path
) -> None:
    store, reference = store_with_index(tmp_path)
    digest = push_with(client, store, reference, ImageName.parse(f"{faulty.host}/shop:1.0"))
    children = [entry.digest for entry in store.manifest(digest).manifests]  # type: ignore[union-attr]
    put = [seen.path.rpartition("/")[2] for seen in faulty.asked("PUT", "/manifests/")]
    assert put[:3] == [*children, digest]
    assert put[-1] == "1.0"
    first = faulty.seen.index(faulty.asked("PUT", "/manifests/")[0])
    assert all("/blobs/" not in seen.path for seen in faulty.seen[first:])


@pytest.mark.parametrize("failing", [("PUT", "/uploads/"), ("PUT", "/manifests/sha256:")], ids=["a blob", "a manifest"])
def test_nothing_is_under_the_tag_after_a_failure(
    faulty: FaultyRegistry, client: Client, tmp_path: Path, failing: tuple[str, str]
) -> None:
    store, reference = store_with_image(tmp_path)
    store.put_referrer(store.descriptor(reference), SBOM, b"{}")
    faulty.on(*failing, answers(500), times=99)
    with pytest.raises(RegistryError):
        push_with(client, store, reference, ImageName.parse(f"{faulty.host}/shop:1.0"))
    assert [name for name in faulty.manifests if name.startswith("shop:")] == []


def test_a_tag_means_what_it_meant_when_the_last_step_fails(
    faulty: FaultyRegistry, client: Client, tmp_path: Path
) -> None:
    name = ImageName.parse(f"{faulty.host}/shop:1.0")
    push_with(client, *store_with_image(tmp_path / "one", b"one"), name)
    before = faulty.manifests["shop:1.0"]
    faulty.on("PUT", "/manifests/1.0", answers(403))
    with pytest.raises(RegistryDenied, match=re.escape("does not take the manifest shop:1.0")):
        push_with(client, *store_with_image(tmp_path / "two", b"two"), name)
    assert faulty.manifests["shop:1.0"] == before


def test_a_registry_that_lists_referrers_gets_no_tag_for_them(
    faulty: FaultyRegistry, client: Client, tmp_path: Path
) -> None:
    faulty.has_referrers = True
    store, reference = store_with_image(tmp_path)
    image = store.descriptor(reference)
    for kind in (SBOM, "application/vnd.in-toto+json"):
        store.put_referrer(image, kind, b"{}")
    push_with(client, store, reference, ImageName.parse(f"{faulty.host}/shop:1.0"))
    assert f"shop:{tag_of(image.digest)}" not in faulty.manifests
    listed = list_referrers(faulty.host, "shop", image.digest)
    assert sorted(entry.artifact_type for entry in listed) == sorted([SBOM, "application/vnd.in-toto+json"])


def test_a_referrer_of_a_referrer_is_pushed_too(faulty: FaultyRegistry, client: Client, tmp_path: Path) -> None:
    store, reference = store_with_image(tmp_path)
    sbom = store.put_referrer(store.descriptor(reference), SBOM, b"{}")
    signature = store.put_referrer(sbom, "application/vnd.example.signature", b"signed")
    push_with(client, store, reference, ImageName.parse(f"{faulty.host}/shop:1.0"))
    assert [entry.digest for entry in list_referrers(faulty.host, "shop", sbom.digest)] == [signature.digest]


def test_a_repository_that_nobody_may_make(faulty: FaultyRegistry, client: Client, tmp_path: Path) -> None:
    faulty.on("POST", "/uploads/", answers(404, b'{"errors": [{"code": "NAME_UNKNOWN"}]}'), times=9)
    with pytest.raises(NotInRegistry, match=re.escape("NAME_UNKNOWN (404)")):
        push_with(client, *store_with_image(tmp_path), ImageName.parse(f"{faulty.host}/shop:1.0"))
