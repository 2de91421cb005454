"""Pulling from a registry that refuses, hangs, fails, loses the connection, or sends something else."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from faas_builders.errors import DigestMismatch, NotInRegistry, RegistryDenied, RegistryError, RegistryUnreachable
from faas_builders.oci import model
from faas_builders.registry.credentials import ConfigFile
from faas_builders.registry.downloads import pull_blob
from faas_builders.registry.names import ImageName
from faas_builders.registry.pull import fetch_manifest, pull_blobs

from tests.integration.builders.registry.conftest import Client
from tests.integration.builders.registry.faulty import (
    FaultyRegistry,
    answers,
    closes,
    closes_in_download,
    closes_in_whole_download,
    faulty_registry,
    hangs,
)
from tests.integration.builders.registry.token_server import token_server
from tests.programs import free_port

DATA = os.urandom(100_000)
DIGEST = "sha256:" + hashlib.sha256(DATA).hexdigest()


def pull(client: Client, folder: Path, digest: str = DIGEST, size: int = len(DATA)) -> Path:
    return pull_blob(client, "shop", digest, size, folder)


@contextmanager
def tokens_for(registry: FaultyRegistry) -> Iterator[ConfigFile]:
    """The registry wants tokens; the credentials to get them with."""
    with token_server({"ann": "secret"}, fixed=registry.token) as tokens:
        registry.realm = tokens.url
        auth = base64.b64encode(b"ann:secret").decode()
        yield ConfigFile.parse(json.dumps({"auths": {registry.host: {"auth": auth}}}).encode(), "test")


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def test_a_registry_where_nobody_listens(tmp_path: Path) -> None:
    host = f"127.0.0.1:{free_port()}"
    with Client(host) as client, pytest.raises(RegistryUnreachable, match=f"{host} cannot be reached: .*refused"):
        pull(client, tmp_path)
    assert len(client.waits) == 4


def test_a_registry_that_hangs_is_one_error(faulty: FaultyRegistry, tmp_path: Path) -> None:
    faulty.on("GET", "/blobs/", hangs, times=9)
    with Client(faulty.host, timeout_s=0.2) as client, pytest.raises(RegistryUnreachable) as caught:
        pull(client, tmp_path)
    assert caught.value.message == f"{faulty.host} has said nothing for 0.2 s"
    assert len(faulty.asked("GET", "/blobs/")) == 2


def test_a_registry_that_hangs_in_the_middle_of_a_blob(faulty: FaultyRegistry, tmp_path: Path) -> None:
    faulty.put_blob("shop", DATA)

    def stops_sending(handler: object) -> None:
        handler.send_response(200)  # type: ignore[attr-defined]
        handler.send_header("Content-Length", str(len(DATA)))  # type: ignore[attr-defined]
        handler.end_headers()  # type: ignore[attr-defined]
        handler.wfile.write(DATA[:10])  # type: ignore[attr-defined]
        faulty.closing.wait(30)

    faulty.on("GET", "/blobs/", stops_sending)
    with Client(faulty.host, timeout_s=0.2) as client:
        assert pull(client, tmp_path).read_bytes() == DATA


def test_what_fails_for_a_while_is_asked_again(faulty: FaultyRegistry, client: Client, tmp_path: Path) -> None:
    faulty.put_blob("shop", DATA)
    faulty.on("GET", "/blobs/", answers(503))
    faulty.on("GET", "/blobs/", closes)
    faulty.on("GET", "/blobs/", answers(500))
    assert pull(client, tmp_path).read_bytes() == DATA
    assert len(client.waits) == 3
    assert client.waits[0] <= 0.5 < client.waits[2] <= 2.0


def test_what_keeps_failing_is_one_error(faulty: FaultyRegistry, client: Client, tmp_path: Path) -> None:
    faulty.on("GET", "/blobs/", answers(502), times=99)
    with pytest.raises(RegistryUnreachable, match=f"{faulty.host} answers 502 to /v2/shop/blobs/sha256:"):
        pull(client, tmp_path)
    assert len(faulty.asked("GET", "/blobs/")) == 5


def test_a_registry_that_wants_us_to_come_later_is_asked_later(
    faulty: FaultyRegistry, client: Client, tmp_path: Path
) -> None:
    faulty.put_blob("shop", DATA)
    faulty.on("GET", "/blobs/", answers(429, Retry_After="7"))
    assert pull(client, tmp_path).read_bytes() == DATA
    assert 7.0 <= client.waits[0] <= 7.5


def test_a_registry_that_wants_us_to_come_much_later_is_an_error(
    faulty: FaultyRegistry, client: Client, tmp_path: Path
) -> None:
    faulty.on("GET", "/blobs/", answers(429, Retry_After="3600"))
    with pytest.raises(RegistryUnreachable, match="too many requests") as caught:
        pull(client, tmp_path)
    assert caught.value.hint == "It asks to come back after 3600 s."
    assert client.waits == []


def test_a_download_goes_on_where_the_connection_was_lost(
    faulty: FaultyRegistry, client: Client, tmp_path: Path
) -> None:
    faulty.put_blob("shop", DATA)
    faulty.on("GET", "/blobs/", closes_in_download(40_000))
    faulty.on("GET", "/blobs/", closes_in_download(30_000))
    assert pull(client, tmp_path).read_bytes() == DATA
    ranges = [seen.headers.get("range") for seen in faulty.asked("GET", "/blobs/")]
    assert ranges == [None, "bytes=40000-", "bytes=70000-"]


def test_a_registry_without_ranges_sends_it_all_again(faulty: FaultyRegistry, client: Client, tmp_path: Path) -> None:
    faulty.put_blob("shop", DATA)
    faulty.has_ranges = False
    faulty.on("GET", "/blobs/", closes_in_download(40_000))
    assert pull(client, tmp_path).read_bytes() == DATA


def test_a_download_goes_on_where_an_earlier_one_gave_up(
    faulty: FaultyRegistry, client: Client, tmp_path: Path
) -> None:
    faulty.put_blob("shop", DATA)
    faulty.on("GET", "/blobs/", closes_in_download(40_000))
    faulty.on("GET", "/blobs/", closes, times=5)
    with pytest.raises(RegistryUnreachable, match="has lost the connection"):
        pull(client, tmp_path)
    assert files(tmp_path) == [f".part-{DIGEST[7:]}"]
    assert pull(client, tmp_path).read_bytes() == DATA
    assert faulty.seen[-1].headers["range"] == "bytes=40000-"
    assert files(tmp_path) == [DIGEST[7:]]


def test_a_registry_that_never_sends_it_whole_is_one_error(
    faulty: FaultyRegistry, client: Client, tmp_path: Path
) -> None:
    faulty.put_blob("shop", DATA)
    faulty.has_ranges = False
    for after in (40_000, 30_000, 40_000, 30_000, 40_000, 30_000):
        faulty.on("GET", "/blobs/", closes_in_whole_download(after))
    with pytest.raises(RegistryUnreachable, match="has lost the connection"):
        pull(client, tmp_path)


def test_what_a_power_cut_has_left_does_not_count(faulty: FaultyRegistry, client: Client, tmp_path: Path) -> None:
    faulty.put_blob("shop", DATA)
    (tmp_path / "sha256").mkdir()
    for left in (b"\0" * 40_000, DATA + b"more", b"\0" * len(DATA)):
        (tmp_path / "sha256" / DIGEST[7:]).unlink(missing_ok=True)
        (tmp_path / "sha256" / f".part-{DIGEST[7:]}").write_bytes(left)
        assert pull(client, tmp_path).read_bytes() == DATA


def test_other_bytes_than_the_digest_says_are_not_kept(faulty: FaultyRegistry, client: Client, tmp_path: Path) -> None:
    faulty.blobs[f"shop@{DIGEST}"] = DATA[::-1]
    with pytest.raises(DigestMismatch, match=f"{faulty.host} sent other bytes than shop@{DIGEST}"):
        pull(client, tmp_path)
    assert files(tmp_path) == []


def test_more_bytes_than_were_announced_are_not_kept(faulty: FaultyRegistry, client: Client, tmp_path: Path) -> None:
    faulty.blobs[f"shop@{DIGEST}"] = DATA + b"more"
    with pytest.raises(DigestMismatch, match="sent more than the 100000 bytes"):
        pull(client, tmp_path)
    assert files(tmp_path) == []


def test_a_blob_that_is_not_there(faulty: FaultyRegistry, client: Client, tmp_path: Path) -> None:
    with pytest.raises(NotInRegistry, match=re.escape("BLOB_UNKNOWN: blob unknown to registry (404)")):
        pull(client, tmp_path)


def test_a_refusal_is_not_asked_again(faulty: FaultyRegistry, client: Client, tmp_path: Path) -> None:
    faulty.on("GET", "/blobs/", answers(403, b'{"errors": [{"code": "DENIED", "message": "not yours"}]}'))
    with pytest.raises(RegistryDenied, match=re.escape("DENIED: not yours (403)")):
        pull(client, tmp_path)
    assert client.waits == []


def test_the_first_of_several_failures_ends_the_others(faulty: FaultyRegistry, client: Client, tmp_path: Path) -> None:
    there = faulty.put_blob("shop", DATA)
    blobs = [
        model.Descriptor(media_type=model.LAYER, digest=digest, size=len(DATA))
        for digest in (f"sha256:{'0' * 64}", there)
    ]
    with pytest.raises(NotInRegistry):
        pull_blobs(client, "shop", blobs, tmp_path)


def test_blobs_of_another_host_are_fetched_without_our_credentials(faulty: FaultyRegistry, tmp_path: Path) -> None:
    with faulty_registry() as elsewhere, tokens_for(faulty) as keychain:
        faulty.put_blob("shop", DATA)
        elsewhere.put_blob("shop", DATA)
        elsewhere.on("GET", "/blobs/", closes_in_download(40_000))
        faulty.blobs_at = f"http://{elsewhere.host}"
        with Client(faulty.host, credentials=keychain) as client:
            assert pull(client, tmp_path).read_bytes() == DATA
        assert [seen.headers.get("range") for seen in elsewhere.seen] == [None, "bytes=40000-"]
        assert [seen.headers.get("authorization") for seen in elsewhere.seen] == [None, None]
        assert faulty.seen[-1].headers["authorization"] == "Bearer let me in"


def test_redirects_that_never_end(faulty: FaultyRegistry, client: Client, tmp_path: Path) -> None:
    faulty.put_blob("shop", DATA)
    faulty.blobs_at = f"http://{faulty.host}"
    with pytest.raises(RegistryError, match="redirects more than 5 times"):
        pull(client, tmp_path)


@pytest.mark.parametrize(
    ("document", "complaint"),
    [
        pytest.param(b'{"schemaVersion": 1, "name": "shop"}', "schema 1", id="schema 1"),
        pytest.param(b"<html>Welcome</html>", "no JSON", id="a page"),
        pytest.param(b'{"schemaVersion": 2, "manifests": [], "layers": []}', "manifest and an index", id="both"),
        pytest.param(b'"' + b"x" * (5 << 20) + b'"', "more than 4 MiB", id="endless"),
    ],
)
def test_something_else_than_a_manifest(
    faulty: FaultyRegistry, client: Client, document: bytes, complaint: str
) -> None:
    faulty.put_manifest("shop", "latest", document, "application/vnd.docker.distribution.manifest.v1+prettyjws")
    with pytest.raises(RegistryError, match=complaint):
        client.manifest("shop", "latest")


def test_another_manifest_than_the_digest_says(faulty: FaultyRegistry, client: Client, tmp_path: Path) -> None:
    faulty.manifests[f"shop@{DIGEST}"] = (model.MANIFEST, b'{"schemaVersion": 2}')
    with pytest.raises(DigestMismatch, match=f"instead of shop@{DIGEST}"):
        fetch_manifest(client, ImageName.parse(f"{faulty.host}/shop@{DIGEST}"), tmp_path)
    assert files(tmp_path) == []


def test_a_tag_is_resolved_also_where_nothing_says_its_digest(faulty: FaultyRegistry, client: Client) -> None:
    data = b'{"schemaVersion": 2, "manifests": []}'
    digest = faulty.put_manifest("shop", "latest", data, model.INDEX)
    found = client.resolve("shop", "latest")
    assert (found.digest, found.media_type, found.size) == (digest, model.INDEX, len(data))


_ON_A_SMALL_DISK = """
import sys
from pathlib import Path
from faas_builders.errors import NoSpace
from faas_builders.registry.client import Registry
from faas_builders.registry.downloads import pull_blob
host, digest, size, folder = sys.argv[1:]
try:
    pull_blob(Registry(host), "shop", digest, int(size), Path(folder))
except NoSpace as error:
    print(error)
    print([path.name for path in Path(folder).rglob("*") if path.is_file()])
"""


def test_a_full_disk_is_one_error_and_nothing_stays(faulty: FaultyRegistry, tmp_path: Path) -> None:
    data = os.urandom(2 << 20)
    digest = faulty.put_blob("shop", data)
    (tmp_path / "disk").mkdir()
    script = f'mount -t tmpfs -o size=1m none {tmp_path}/disk && exec "$0" -c "$1" "$2" "$3" "$4" {tmp_path}/disk'
    arguments = [sys.executable, _ON_A_SMALL_DISK, faulty.host, digest, str(len(data))]
    try:
        done = subprocess.run(
            ["unshare", "--mount", "--map-root-user", "sh", "-c", script, *arguments],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    except FileNotFoundError:
        pytest.skip("a small disk is made with unshare (Debian's util-linux)")
    if "unshare:" in done.stderr or "mount:" in done.stderr:
        pytest.skip(f"no small disk can be made here: {done.stderr.strip()}")
    assert done.stdout == f"no space left on the disk that holds {tmp_path}/disk\n[]\n", done.stderr
